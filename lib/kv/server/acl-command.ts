/** ACL and its subcommands, which have been checked: they show the users, and change none. */
import { CATEGORIES, NAMES, placesIn } from '../acl/command-places.js';
import type { Reply } from '../resp/reply.js';
import { shown } from '../resp/shown.js';
import type { Session } from './session.js';

const HELP: readonly string[] = [
  'ACL <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CAT [<category>]',
  '    List all commands that belong to <category>, or all command categories',
  '    when no category is specified.',
  'GETUSER <username>',
  "    Get the user's details.",
  'LIST',
  '    Show users details in config file format.',
  'USERS',
  '    List all the registered usernames.',
  'WHOAMI',
  '    Return the current connection username.',
  'HELP',
  '    Prints this help.',
];

/** One character a byte. */
function bulk(text: string, reply: Reply): void {
  reply.bulk(Buffer.from(text, 'latin1'), 0, text.length);
}

function bulks(texts: readonly string[], reply: Reply): void {
  reply.array(texts.length);
  for (const text of texts) bulk(text, reply);
}

function categories(argv: readonly Buffer[], reply: Reply): void {
  if (argv.length > 3)
    return reply.error("ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP.");
  if (argv.length === 2) return bulks(CATEGORIES, reply);
  const places = placesIn(argv[2]!.toString('latin1').toLowerCase());
  if (places === undefined) reply.error(`ERR Unknown category '${shown(argv[2]!)}'`);
  else
    bulks(
      places.map((place) => NAMES[place]!),
      reply,
    );
}

function getUser(session: Session, name: Buffer, reply: Reply): void {
  const user = session.host.users.get(name.toString('latin1'));
  if (user === undefined) return reply.null();
  reply.map(6);
  bulk('flags', reply);
  reply.set(user.flags.length);
  for (const flag of user.flags) bulk(flag, reply);
  bulk('passwords', reply);
  bulks(user.digests, reply);
  for (const part of ['commands', 'keys', 'channels'] as const) {
    bulk(part, reply);
    bulk(user[part], reply);
  }
  bulk('selectors', reply);
  reply.array(0);
}

export function acl(session: Session, argv: readonly Buffer[], reply: Reply): void {
  const name = argv[1]!.toString('latin1').toLowerCase();
  const users = [...session.host.users.all];
  if (name === 'whoami') bulk(session.user.name, reply);
  else if (name === 'cat') categories(argv, reply);
  else if (name === 'getuser') getUser(session, argv[2]!, reply);
  else if (name === 'help') {
    reply.array(HELP.length);
    for (const line of HELP) reply.status(line);
  } else
    bulks(
      users.map((user) => (name === 'list' ? user.line : user.name)),
      reply,
    );
}
