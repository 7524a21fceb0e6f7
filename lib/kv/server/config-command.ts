/** CONFIG GET under Redis's names; setting anything is refused: the options of a port are its program's. */
import { Glob } from '../commands/glob.js';
import type { Reply } from '../resp/reply.js';
import type { Session } from './session.js';

const HELP: readonly string[] = [
  'CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GET <pattern>',
  '    Return parameters matching the glob-like <pattern> and their values.',
  'RESETSTAT',
  '    Reset statistics reported by the INFO command.',
  'HELP',
  '    Print this help.',
];

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
    ['tcp-keepalive', String(settings.keepaliveSeconds)],
    ['timeout', String(settings.timeoutSeconds)],
  ];
}

export function config(session: Session, argv: readonly Buffer[], reply: Reply): void {
  const name = argv[1]!.toString().toLowerCase();
  if (name === 'get') {
    const globs = argv.slice(2).map((pattern) => new Glob(Buffer.from(pattern.toString().toLowerCase())));
    const found = parameters(session).filter(([key]) =>
      globs.some((glob) => glob.matches(Buffer.from(key), 0, key.length) === true),
    );
    reply.map(found.length);
    for (const [key, value] of found) {
      reply.bulkText(key);
      reply.bulkText(value);
    }
  } else if (name === 'resetstat') {
    session.effect(() => session.host.counters.reset());
    reply.ok();
  } else if (name === 'help') {
    reply.array(HELP.length);
    for (const line of HELP) reply.status(line);
  } else {
    reply.error(
      `ERR CONFIG ${name.toUpperCase()} is not supported: options are given when the replica is started`,
    );
  }
}
