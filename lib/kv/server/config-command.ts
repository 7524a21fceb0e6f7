/** CONFIG GET under Redis's names; setting anything is refused: the options of a port are its program's. */
import { Glob } from '../commands/glob.js';
import type { Reply } from '../resp/reply.js';
import { unknownSubcommand, wrongArguments } from './refusals.js';
import type { Session } from './session.js';

function parameters(session: Session): readonly (readonly [string, string])[] {
  const settings = session.host.settings;
  return [
    ['appendonly', 'yes'],
    ['bind', settings.host],
    ['client-output-buffer-limit', `normal ${settings.outputBytesMax} 0 0`],
    ['databases', '1'],
    ['maxclients', String(settings.clientsMax)],
    ['maxmemory', String(settings.memoryBytesMax)],
    ['maxmemory-policy', 'noeviction'],
    ['port', String(session.host.port)],
    ['proto-max-bulk-len', String(settings.valueBytesMax)],
    ['save', ''],
    ['timeout', '0'],
  ];
}

export function config(session: Session, argv: readonly Buffer[], reply: Reply): void {
  const name = argv[1]!.toString().toLowerCase();
  if (name === 'get') {
    if (argv.length < 3) {
      reply.error(wrongArguments('config|get'));
      return;
    }
    const globs = argv.slice(2).map((pattern) => new Glob(Buffer.from(pattern.toString().toLowerCase())));
    const found = parameters(session).filter(([key]) =>
      globs.some((glob) => glob.matches(Buffer.from(key), 0, key.length)),
    );
    reply.map(found.length);
    for (const [key, value] of found) {
      reply.bulkText(key);
      reply.bulkText(value);
    }
  } else if (name === 'resetstat') {
    session.host.counters.commands = 0;
    session.host.counters.connections = 0;
    session.host.counters.rejected = 0;
    reply.ok();
  } else if (name === 'set' || name === 'rewrite') {
    reply.error(
      `ERR CONFIG ${name.toUpperCase()} is not supported: options are given when the replica is started`,
    );
  } else reply.error(unknownSubcommand(argv));
}
