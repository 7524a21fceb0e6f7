/** One client as CLIENT LIST and CLIENT INFO show it: the fields of Redis 7.0, and the library's of 7.2. */
import type { Session } from './session.js';

/** The flags of a client, in the letters and the order of Redis. */
function flagsOf(session: Session): string {
  let flags = '';
  if (session.queued >= 0) flags += 'x';
  if (session.over) flags += 'c';
  if (session.noEvict) flags += 'e';
  return flags === '' ? 'N' : flags;
}

/** Without its end. */
export function clientLine(session: Session): string {
  const now = session.host.monotonicMs();
  const { memory } = session;
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', session.id],
    ['addr', session.remoteAddress],
    ['laddr', session.localAddress],
    ['fd', session.descriptor],
    ['name', session.name],
    ['age', Math.floor((now - session.connectedMs) / 1000)],
    ['idle', Math.floor((now - session.activeMs) / 1000)],
    ['flags', flagsOf(session)],
    ['db', 0],
    ['sub', 0],
    ['psub', 0],
    ['ssub', 0],
    ['multi', session.queued],
    ['qbuf', memory.queryBytes],
    ['qbuf-free', memory.queryFreeBytes],
    ['argv-mem', memory.argumentBytes],
    ['multi-mem', memory.queuedBytes],
    ['rbs', memory.replyBufferBytes],
    ['rbp', memory.replyPeakBytes],
    ['obl', memory.replyBytes],
    ['oll', memory.unreadChunks],
    ['omem', memory.unreadBytes],
    ['tot-mem', memory.totalBytes],
    ['events', session.events],
    ['cmd', session.lastCommand],
    ['user', session.user.name],
    ['redir', -1],
    ['resp', session.resp3 ? 3 : 2],
    ['lib-name', session.libraryName],
    ['lib-ver', session.libraryVersion],
  ];
  return fields.map(([key, value]) => `${key}=${value}`).join(' ');
}
