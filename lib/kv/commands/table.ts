/**
 * Every command of the service, once: what a request is checked against, how it travels, what COMMAND says.
 *
 * 1. Opcodes lie in logs: one is never changed and never given to another command. 0: never logged.
 * 2. `read` commands change nothing and may be answered by a query; `write` commands go through the log;
 *    `local` ones concern the connection and are answered by the port.
 */
import type { Context } from './context.js';
import * as expiry from './expiry.js';
import * as introspection from './introspection.js';
import * as keyspace from './keyspace.js';
import * as moving from './moving.js';
import * as numbers from './numbers.js';
import * as strings from './strings.js';

export type CommandKind = 'read' | 'write' | 'local';

/** Positions of the keys among the arguments, the name being 0; last −1: to the end; first 0: no keys. */
export interface KeyPositions {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

export interface CommandSpec {
  readonly name: string;
  /** Its place in {@link COMMANDS}. */
  readonly index: number;
  readonly opcode: number;
  /** Number of arguments with the name; negative: at least that many. */
  readonly arity: number;
  readonly kind: CommandKind;
  /** Refused while the state is larger than the memory limit. */
  readonly grows: boolean;
  /** Empties the whole state. */
  readonly empties?: boolean;
  /** Comes across keys by itself: one may take long. */
  readonly walks?: boolean;
  readonly keys: KeyPositions;
  readonly group: string;
  readonly summary: string;
  readonly run: ((context: Context) => void) | undefined;
}

/** Opcodes of commands that a port sends and no client can name. */
export const INTERNAL = { exec: 60, literal: 61 } as const;

const NO_KEYS: KeyPositions = { first: 0, last: 0, step: 0 };
const ONE_KEY: KeyPositions = { first: 1, last: 1, step: 1 };
const ALL_KEYS: KeyPositions = { first: 1, last: -1, step: 1 };
const TWO_KEYS: KeyPositions = { first: 1, last: 2, step: 1 };
const SECOND: KeyPositions = { first: 2, last: 2, step: 1 };
const PAIRS: KeyPositions = { first: 1, last: -1, step: 2 };

type Run = (context: Context) => void;

function read(
  name: string,
  opcode: number,
  arity: number,
  keys: KeyPositions,
  group: string,
  run: Run,
  summary: string,
): Unplaced {
  return { name, opcode, arity, kind: 'read', grows: false, keys, group, summary, run };
}

function write(
  name: string,
  opcode: number,
  arity: number,
  keys: KeyPositions,
  group: string,
  run: Run,
  summary: string,
): Unplaced {
  return { name, opcode, arity, kind: 'write', grows: false, keys, group, summary, run };
}

function grow(
  name: string,
  opcode: number,
  arity: number,
  keys: KeyPositions,
  group: string,
  run: Run,
  summary: string,
): Unplaced {
  return { name, opcode, arity, kind: 'write', grows: true, keys, group, summary, run };
}

function local(name: string, arity: number, group: string, summary: string): Unplaced {
  const keys = name === 'watch' ? ALL_KEYS : NO_KEYS;
  return { name, opcode: 0, arity, kind: 'local', grows: false, keys, group, summary, run: undefined };
}

type Unplaced = Omit<CommandSpec, 'index'>;

const STRING = 'string';
const GENERIC = 'generic';
const SERVER = 'server';
const CONNECTION = 'connection';
const TRANSACTIONS = 'transactions';

const LIST: readonly Unplaced[] = [
  read('get', 1, 2, ONE_KEY, STRING, strings.get, 'The value of a key'),
  grow('set', 2, -3, ONE_KEY, STRING, strings.set, 'Sets a key, with conditions and expiry'),
  grow('setnx', 3, 3, ONE_KEY, STRING, strings.setnx, 'Sets a key that does not exist'),
  grow('setex', 4, 4, ONE_KEY, STRING, strings.setex, 'Sets a key and its expiry in seconds'),
  grow('psetex', 5, 4, ONE_KEY, STRING, strings.psetex, 'Sets a key and its expiry in milliseconds'),
  grow('getset', 6, 3, ONE_KEY, STRING, strings.getset, 'Sets a key and returns the value before'),
  write('getdel', 7, 2, ONE_KEY, STRING, strings.getdel, 'Returns the value of a key and deletes it'),
  read('getrange', 8, 4, ONE_KEY, STRING, strings.getrange, 'A part of a value'),
  read('mget', 9, -2, ALL_KEYS, STRING, strings.mget, 'The values of some keys'),
  grow('mset', 10, -3, PAIRS, STRING, strings.mset, 'Sets some keys at once'),
  grow('msetnx', 11, -3, PAIRS, STRING, strings.msetnx, 'Sets some keys at once if none exists'),
  write('del', 12, -2, ALL_KEYS, GENERIC, keyspace.del, 'Deletes keys'),
  write('unlink', 13, -2, ALL_KEYS, GENERIC, keyspace.del, 'Deletes keys'),
  read('exists', 14, -2, ALL_KEYS, GENERIC, keyspace.exists, 'How many of the keys exist'),
  grow('incr', 15, 2, ONE_KEY, STRING, numbers.incr, 'Adds one'),
  grow('decr', 16, 2, ONE_KEY, STRING, numbers.decr, 'Subtracts one'),
  grow('incrby', 17, 3, ONE_KEY, STRING, numbers.incrby, 'Adds an integer'),
  grow('decrby', 18, 3, ONE_KEY, STRING, numbers.decrby, 'Subtracts an integer'),
  grow('incrbyfloat', 19, 3, ONE_KEY, STRING, numbers.incrbyfloat, 'Adds a decimal fraction'),
  grow('append', 20, 3, ONE_KEY, STRING, strings.append, 'Appends to a value'),
  read('strlen', 21, 2, ONE_KEY, STRING, strings.strlen, 'The length of a value'),
  write('expire', 22, -3, ONE_KEY, GENERIC, expiry.expire, 'Sets the expiry in seconds from now'),
  write('pexpire', 23, -3, ONE_KEY, GENERIC, expiry.pexpire, 'Sets the expiry in milliseconds from now'),
  write('expireat', 24, -3, ONE_KEY, GENERIC, expiry.expireat, 'Sets the expiry as Unix seconds'),
  write('pexpireat', 25, -3, ONE_KEY, GENERIC, expiry.pexpireat, 'Sets the expiry as Unix milliseconds'),
  read('ttl', 26, 2, ONE_KEY, GENERIC, expiry.ttl, 'Seconds until a key expires'),
  read('pttl', 27, 2, ONE_KEY, GENERIC, expiry.pttl, 'Milliseconds until a key expires'),
  read('expiretime', 28, 2, ONE_KEY, GENERIC, expiry.expiretime, 'The expiry as Unix seconds'),
  read('pexpiretime', 29, 2, ONE_KEY, GENERIC, expiry.pexpiretime, 'The expiry as Unix milliseconds'),
  write('persist', 30, 2, ONE_KEY, GENERIC, expiry.persist, 'Removes the expiry'),
  { ...read('keys', 31, 2, NO_KEYS, GENERIC, keyspace.keys, 'All keys that match a pattern'), walks: true },
  { ...read('scan', 32, -2, NO_KEYS, GENERIC, keyspace.scan, 'Walks the keys'), walks: true },
  read('dbsize', 33, 1, NO_KEYS, SERVER, keyspace.dbsize, 'The number of keys'),
  { ...write('flushdb', 34, -1, NO_KEYS, SERVER, keyspace.flush, 'Deletes all keys'), empties: true },
  { ...write('flushall', 35, -1, NO_KEYS, SERVER, keyspace.flush, 'Deletes all keys'), empties: true },
  read('type', 36, 2, ONE_KEY, GENERIC, keyspace.type, 'The type of a value'),
  { ...local('watch', -2, TRANSACTIONS, 'Makes EXEC depend on keys'), opcode: 37, run: keyspace.watch },
  write('getex', 38, -2, ONE_KEY, STRING, strings.getex, 'The value of a key, whose expiry it may change'),
  grow('setrange', 39, 4, ONE_KEY, STRING, strings.setrange, 'Overwrites a part of a value'),
  read('substr', 40, 4, ONE_KEY, STRING, strings.getrange, 'A part of a value'),
  read('touch', 41, -2, ALL_KEYS, GENERIC, keyspace.exists, 'How many of the keys exist'),
  write('rename', 42, 3, TWO_KEYS, GENERIC, moving.rename, 'Gives a value another key'),
  write('renamenx', 43, 3, TWO_KEYS, GENERIC, moving.renamenx, 'Gives a value a key that does not exist'),
  grow('copy', 44, -3, TWO_KEYS, GENERIC, moving.copy, 'Copies a value to another key'),
  read('randomkey', 45, 1, NO_KEYS, GENERIC, keyspace.randomkey, 'Any key'),
  read('object', 46, -2, SECOND, GENERIC, introspection.object, 'About how a value is kept'),
  read('memory', 47, -2, SECOND, SERVER, introspection.memory, 'About memory'),
  local('unwatch', 1, TRANSACTIONS, 'Forgets the watched keys'),
  local('multi', 1, TRANSACTIONS, 'Begins a transaction'),
  local('exec', 1, TRANSACTIONS, 'Executes a transaction'),
  local('discard', 1, TRANSACTIONS, 'Abandons a transaction'),
  local('ping', -1, CONNECTION, 'Answers'),
  local('echo', 2, CONNECTION, 'Returns its argument'),
  local('select', 2, CONNECTION, 'Selects database 0'),
  local('hello', -1, CONNECTION, 'Chooses the protocol version'),
  local('auth', -2, CONNECTION, 'Authenticates'),
  local('client', -2, CONNECTION, 'About connections'),
  local('quit', -1, CONNECTION, 'Closes the connection'),
  local('reset', 1, CONNECTION, 'Makes the connection as new'),
  local('command', -1, SERVER, 'About commands'),
  local('config', -2, SERVER, 'The configuration of this port'),
  local('info', -1, SERVER, 'About the server'),
  local('time', 1, SERVER, 'The time of this port'),
  local('acl', -2, SERVER, 'About users'),
  local('wait', 3, GENERIC, 'The number of replicas that hold what was written'),
];

export const COMMANDS: readonly CommandSpec[] = LIST.map((spec, index) => ({ ...spec, index }));

const BY_OPCODE: readonly (CommandSpec | undefined)[] = Array.from({ length: 256 }, (_, opcode) =>
  opcode === 0 ? undefined : COMMANDS.find((spec) => spec.opcode === opcode),
);

export function commandByOpcode(opcode: number): CommandSpec | undefined {
  return BY_OPCODE[opcode];
}

const NAME_TABLE_SIZE = 512;
const BY_NAME: (CommandSpec[] | undefined)[] = nameTable();

function nameTable(): (CommandSpec[] | undefined)[] {
  const table: (CommandSpec[] | undefined)[] = Array.from({ length: NAME_TABLE_SIZE }, () => undefined);
  for (const spec of COMMANDS) {
    const name = Buffer.from(spec.name);
    const place = namePlace(name, 0, name.length);
    const specs = table[place] ?? [];
    specs.push(spec);
    table[place] = specs;
  }
  return table;
}

function namePlace(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at]! | 0x20)) | 0;
  return (hash ^ (hash >>> 9)) & (NAME_TABLE_SIZE - 1);
}

/** The command that bytes[start, end) name in any case. */
export function commandByName(bytes: Uint8Array, start: number, end: number): CommandSpec | undefined {
  if (end - start > 16) return undefined;
  const specs = BY_NAME[namePlace(bytes, start, end)];
  if (specs === undefined) return undefined;
  for (const spec of specs) {
    const name = spec.name;
    if (name.length !== end - start) continue;
    let i = 0;
    while (i < name.length && (bytes[start + i]! | 0x20) === name.charCodeAt(i)) i++;
    if (i === name.length) return spec;
  }
  return undefined;
}
