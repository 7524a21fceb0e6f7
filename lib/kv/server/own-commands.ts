/**
 * The commands that a port answers by itself. Transactions are connection.ts's; the arity has been checked.
 */
import { ERRORS } from '../commands/context.js';
import { parseInteger } from '../resp/integer.js';
import type { Reply } from '../resp/reply.js';
import { shown } from '../resp/shown.js';
import { acl } from './acl-command.js';
import { authenticate } from './authenticate.js';
import { client } from './client-command.js';
import { command } from './command-command.js';
import { config } from './config-command.js';
import { info } from './info.js';
import { REDIS_VERSION } from './redis-version.js';
import { wrongArguments } from './refusals.js';
import type { OwnCommand, Session } from './session.js';

function integer(argument: Buffer): bigint | undefined {
  return parseInteger(argument, 0, argument.length);
}

function ping(_session: Session, argv: readonly Buffer[], reply: Reply): void {
  if (argv.length > 2) reply.error(wrongArguments('ping'));
  else if (argv.length === 2) reply.bulk(argv[1]!, 0, argv[1]!.length);
  else reply.status('PONG');
}

function echo(_session: Session, argv: readonly Buffer[], reply: Reply): void {
  reply.bulk(argv[1]!, 0, argv[1]!.length);
}

function select(_session: Session, argv: readonly Buffer[], reply: Reply): void {
  const index = integer(argv[1]!);
  if (index === undefined) reply.error(ERRORS.notInteger);
  else if (index < -(2 ** 31) || index >= 2 ** 31) reply.error(ERRORS.notInt);
  else if (index !== 0n) reply.error('ERR DB index is out of range');
  else reply.ok();
}

function auth(session: Session, argv: readonly Buffer[], reply: Reply): void {
  if (argv.length > 3) {
    reply.error('ERR syntax error');
    return;
  }
  const user = argv.length === 3 ? argv[1]!.toString('latin1') : 'default';
  const error = authenticate(session, user, argv[argv.length - 1]!, argv.length === 2);
  if (error === undefined) reply.ok();
  else reply.error(error);
}

function hello(session: Session, argv: readonly Buffer[], reply: Reply): void {
  let version = session.resp3 ? 3 : 2;
  if (argv.length > 1) {
    const asked = integer(argv[1]!);
    if (asked === undefined) {
      reply.error('ERR Protocol version is not an integer or out of range');
      return;
    }
    if (asked !== 2n && asked !== 3n) {
      reply.error('NOPROTO unsupported protocol version');
      return;
    }
    version = Number(asked);
  }
  let name: Buffer | undefined;
  for (let i = 2; i < argv.length; i++) {
    const option = argv[i]!.toString().toLowerCase();
    if (option === 'auth' && i + 2 < argv.length) {
      const error = authenticate(session, argv[i + 1]!.toString('latin1'), argv[i + 2]!, false);
      if (error !== undefined) {
        reply.error(error);
        return;
      }
      i += 2;
    } else if (option === 'setname' && i + 1 < argv.length) {
      name = argv[++i]!;
      if (/[^!-~]/.test(name.toString('latin1'))) {
        reply.error('ERR Client names cannot contain spaces, newlines or special characters.');
        return;
      }
    } else {
      reply.error(`ERR Syntax error in HELLO option '${shown(argv[i]!)}'`);
      return;
    }
  }
  if (!session.authenticated) {
    reply.error(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH ' +
        '<user> <pass> option can be used to authenticate the client and select the RESP protocol version ' +
        'at the same time',
    );
    return;
  }
  if (name !== undefined) session.name = name.toString();
  session.resp3 = version === 3;
  reply.resp3 = session.resp3;
  greet(session, version, reply);
}

function greet(session: Session, version: number, reply: Reply): void {
  reply.map(7);
  for (const [key, value] of [
    ['server', 'redis'],
    ['version', REDIS_VERSION],
    ['proto', version],
    ['id', session.id],
    ['mode', 'standalone'],
    ['role', 'master'],
  ] as const) {
    reply.bulkText(key);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkText(value);
  }
  reply.bulkText('modules');
  reply.array(0);
}

function time(session: Session, _argv: readonly Buffer[], reply: Reply): void {
  const nowMs = session.host.nowMs();
  reply.array(2);
  reply.bulkText(String(Math.floor(nowMs / 1000)));
  reply.bulkText(String((nowMs % 1000) * 1000));
}

/** What is answered has been durable at a quorum: so many replicas besides the leader hold it. */
function wait(session: Session, argv: readonly Buffer[], reply: Reply): void {
  const timeout = integer(argv[2]!);
  if (integer(argv[1]!) === undefined) reply.error(ERRORS.notInteger);
  else if (timeout === undefined) reply.error('ERR timeout is not an integer or out of range');
  else if (timeout < 0) reply.error('ERR timeout is negative');
  else reply.integer(Math.floor((session.host.settings.status?.().replicas ?? 1) / 2));
}

export const OWN_COMMANDS: Readonly<Record<string, OwnCommand>> = {
  ping,
  echo,
  select,
  auth,
  hello,
  time,
  wait,
  acl,
  client,
  command,
  config,
  info,
};
