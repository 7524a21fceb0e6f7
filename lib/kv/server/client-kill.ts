/** CLIENT KILL: the old form, by address, and the new one, by filters that must all hold. */
import type { Users } from '../acl/users.js';
import { parseInteger } from '../resp/integer.js';
import type { Reply } from '../resp/reply.js';
import { shown } from '../resp/shown.js';
import type { Session } from './session.js';

export const CLIENT_TYPES: readonly string[] = ['normal', 'master', 'replica', 'slave', 'pubsub'];

/** What a client to kill must be. Of an option that is given twice the last one counts, as in Redis. */
interface Filters {
  id?: bigint;
  /** Of a type of which there are clients. */
  isNormal?: boolean;
  address?: string;
  localAddress?: string;
  user?: string;
  skipsCaller: boolean;
}

/** Adds the filter that `option` and its argument make. @returns the error, if they make none. */
function addFilter(filters: Filters, option: string, argument: Buffer, users: Users): string | undefined {
  const text = argument.toString('latin1');
  const lower = text.toLowerCase();
  if (option === 'id') {
    const id = parseInteger(argument, 0, argument.length);
    if (id === undefined || id < 1n) return 'ERR client-id should be greater than 0';
    filters.id = id;
  } else if (option === 'type') {
    if (!CLIENT_TYPES.includes(lower)) return `ERR Unknown client type '${shown(argument)}'`;
    filters.isNormal = lower === 'normal';
  } else if (option === 'addr') filters.address = text;
  else if (option === 'laddr') filters.localAddress = text;
  else if (option === 'user') {
    if (users.get(text) === undefined) return `ERR No such user '${shown(argument)}'`;
    filters.user = text;
  } else if (option === 'skipme' && (lower === 'yes' || lower === 'no'))
    filters.skipsCaller = lower === 'yes';
  else return 'ERR syntax error';
  return undefined;
}

function readFilters(argv: readonly Buffer[], users: Users): Filters | string {
  const filters: Filters = { skipsCaller: true };
  for (let i = 2; i < argv.length; i += 2) {
    const argument = argv[i + 1];
    if (argument === undefined) return 'ERR syntax error';
    const error = addFilter(filters, argv[i]!.toString('latin1').toLowerCase(), argument, users);
    if (error !== undefined) return error;
  }
  return filters;
}

function candidates({ host }: Session, { id, isNormal }: Filters): Iterable<Session> {
  if (isNormal === false) return [];
  if (id === undefined) return host.sessions;
  const session = host.session(Number(id));
  return session === undefined ? [] : [session];
}

function kill(caller: Session, filters: Filters): number {
  const { address, localAddress, user, skipsCaller } = filters;
  const chosen: Session[] = [];
  for (const session of candidates(caller, filters)) {
    if (skipsCaller && session.id === caller.id) continue;
    if (user !== undefined && session.user.name !== user) continue;
    if (address !== undefined && session.remoteAddress !== address) continue;
    if (localAddress === undefined || session.localAddress === localAddress) chosen.push(session);
  }
  for (const session of chosen) {
    // The caller is told how many before it goes.
    if (session.id === caller.id) caller.quit();
    else caller.effect(() => session.destroy());
  }
  return chosen.length;
}

export function clientKill(caller: Session, argv: readonly Buffer[], reply: Reply): void {
  if (argv.length === 3) {
    const address = argv[2]!.toString('latin1');
    if (kill(caller, { address, skipsCaller: false }) > 0) reply.ok();
    else reply.error('ERR No such client');
    return;
  }
  const filters = readFilters(argv, caller.host.users);
  if (typeof filters === 'string') reply.error(filters);
  else reply.integer(kill(caller, filters));
}
