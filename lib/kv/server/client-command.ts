/** CLIENT and its subcommands, which have been checked. */
import { REPLY_BYTES_MAX } from '../limits.js';
import { parseInteger } from '../resp/integer.js';
import type { Reply } from '../resp/reply.js';
import { shown } from '../resp/shown.js';
import { CLIENT_TYPES, clientKill } from './client-kill.js';
import { clientLine } from './client-line.js';
import type { Session } from './session.js';

const HELP: readonly string[] = [
  'CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'GETNAME',
  '    Return the name of the current connection.',
  'ID',
  '    Return the ID of the current connection.',
  'INFO',
  '    Return information about the current client connection.',
  'KILL <ip:port>',
  'KILL <option> <value> [<option> <value> ...]',
  '    Kill connections. Options are: ID, ADDR, LADDR, TYPE, USER, SKIPME.',
  'LIST [TYPE NORMAL | ID <client-id> ...]',
  '    Return information about client connections.',
  'NO-EVICT (ON|OFF)',
  '    Accepted, and without effect: no client is evicted.',
  'REPLY (ON|OFF|SKIP)',
  '    Control the replies sent to the current connection.',
  'SETINFO (LIB-NAME|LIB-VER) <value>',
  '    Set the name or version of the client library.',
  'SETNAME <name>',
  '    Assign the name <name> to the current connection.',
  'HELP',
  '    Prints this help.',
];

function list(session: Session, argv: readonly Buffer[], reply: Reply): void {
  let chosen: Iterable<Session> = session.host.sessions;
  if (argv.length > 2) {
    const option = argv[2]!.toString().toLowerCase();
    if (option === 'type' && argv.length === 4) {
      const type = argv[3]!.toString().toLowerCase();
      if (!CLIENT_TYPES.includes(type)) {
        reply.error(`ERR Unknown client type '${shown(argv[3]!)}'`);
        return;
      }
      if (type !== 'normal') chosen = [];
    } else if (option === 'id' && argv.length > 3) {
      const ids = argv.slice(3).map((id) => parseInteger(id, 0, id.length));
      if (ids.includes(undefined)) {
        reply.error('ERR Invalid client ID');
        return;
      }
      chosen = ids.map((id) => session.host.session(Number(id))).filter((other) => other !== undefined);
    } else {
      reply.error('ERR syntax error');
      return;
    }
  }
  // One that is too long is refused by whoever asked for it: there is no use in completing it.
  let text = '';
  for (const other of chosen) {
    text += `${clientLine(other)}\n`;
    if (text.length > REPLY_BYTES_MAX) break;
  }
  reply.verbatim(text);
}

function setName(session: Session, name: Buffer, reply: Reply): void {
  if (/[^!-~]/.test(name.toString('latin1'))) {
    reply.error('ERR Client names cannot contain spaces, newlines or special characters.');
    return;
  }
  session.name = name.toString();
  reply.ok();
}

function setInfo(session: Session, argv: readonly Buffer[], reply: Reply): void {
  const field = argv[2]!.toString().toLowerCase();
  const value = argv[3]!.toString('latin1');
  if (field !== 'lib-name' && field !== 'lib-ver') {
    reply.error(`ERR Unrecognized option '${shown(argv[2]!)}'`);
  } else if (/[^!-~]/.test(value)) {
    reply.error(`ERR ${field} cannot contain spaces, newlines or special characters.`);
  } else {
    if (field === 'lib-name') session.libraryName = value;
    else session.libraryVersion = value;
    reply.ok();
  }
}

function setReplies(session: Session, mode: string, reply: Reply): void {
  if (mode === 'on') {
    session.replyMode = 'on';
    reply.ok();
  } else if (mode === 'off') session.replyMode = 'off';
  else if (mode !== 'skip') reply.error('ERR syntax error');
  else if (session.replyMode !== 'off') session.replyMode = 'skip';
}

export function client(session: Session, argv: readonly Buffer[], reply: Reply): void {
  const name = argv[1]!.toString().toLowerCase();
  const argument = argv[2]?.toString().toLowerCase() ?? '';
  if (name === 'id') reply.integer(session.id);
  else if (name === 'getname') {
    if (session.name === '') reply.null();
    else reply.bulkText(session.name);
  } else if (name === 'setname') setName(session, argv[2]!, reply);
  else if (name === 'info') reply.verbatim(`${clientLine(session)}\n`);
  else if (name === 'kill') clientKill(session, argv, reply);
  else if (name === 'list') list(session, argv, reply);
  else if (name === 'setinfo') setInfo(session, argv, reply);
  else if (name === 'reply') setReplies(session, argument, reply);
  else if (name === 'no-evict') {
    if (argument !== 'on' && argument !== 'off') reply.error('ERR syntax error');
    else {
      session.noEvict = argument === 'on';
      reply.ok();
    }
  } else {
    reply.array(HELP.length);
    for (const line of HELP) reply.status(line);
  }
}
