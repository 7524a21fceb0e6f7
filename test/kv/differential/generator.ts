/**
 * Random requests over all commands that are offered, with the values at which implementations differ: the
 * ends of 64 bits, empty and binary strings, NUL bytes, numbers almost well written, wrong numbers of
 * arguments, transactions and watched keys.
 *
 * What is drawn depends on the seed alone, never on a reply or on the time.
 */
import type { Random } from '../../../lib/simulation/random.js';

/** Some requests of one connection, sent in one write. */
export interface Step {
  readonly connection: number;
  readonly requests: readonly (readonly Buffer[])[];
}

export const CONNECTIONS = 3;

const KEYS = ['a', 'b', 'c', 'key:1', 'key:2', 'w', '', 'n\0ul', '\xff\xfe', 'sp ace', 'cr\r\nlf', 'x[y]z'];

/** Of these only numbers are made that a binary fraction holds as well: elsewhere INCRBYFLOAT differs. */
const FLOAT_KEYS = ['f1', 'f2', 'f3'];

const INTEGERS = [
  '0',
  '1',
  '-1',
  '2',
  '7',
  '10',
  '100',
  '-100',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775',
  '-9223372036854775',
  '9223372036854776',
  '-9223372036854776',
  '9223372036854774',
  '9223372036854775806',
  '9223372036854775807',
  '-9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '-9223372036854775809',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999999',
];

const NOT_INTEGERS = [
  '',
  ' 1',
  '1 ',
  '+1',
  '01',
  '-0',
  '1.0',
  '1e3',
  '0x10',
  'abc',
  '1\0',
  'nan',
  'inf',
  '-',
];

const FRACTIONS = ['0.5', '-0.25', '3', '1024.125', '-3.0', '1e2', '5e-1', '.5', '5.', '1.5.2', ' 1', '1 '];

const VALUES = ['', 'v', 'value', '10', '-5', 'abc\0def', '\r\n', '\xff\x00\xfe', '3.5', ' 12', '12 '];

/** Seconds from now that no test outlives, and moments long past: what is relative may differ by a little. */
const RELATIVE = ['100', '5000', '1000000', '99999999999'];
const AT_SECONDS = ['1', '1000', '4102444800', '4102444801', '9999999999', '9223372036854775'];
const AT_MILLISECONDS = ['1', '4102444800000', '4102444800001', '9007199254740993', '9223372036854775807'];

const PATTERNS = [
  '*',
  '**',
  '***a',
  'a',
  'k*',
  '*:1',
  'key:?',
  'key:[12]',
  'key:[^1]',
  'key:[1-9]',
  'key:[9-1]',
  '[',
  'x\\[y\\]z',
  'x[[]y]z',
  '[a-',
  '[^',
  'a\\',
  '\\a',
  '',
  '?',
  '*[a-c]*',
  '[a-cx-z]*',
  '[]a]',
  '[\\]a]*',
];

type Maker = (draw: Draw) => string[];

/** Draws of words, weighted towards what is valid. */
class Draw {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  pick(words: readonly string[]): string {
    return this.random.pick(words);
  }
  chance(share: number): boolean {
    return this.random.chance(share);
  }
  key(): string {
    return this.chance(0.6) ? this.pick(KEYS.slice(0, 6)) : this.pick(KEYS);
  }
  keys(most: number): string[] {
    return Array.from({ length: this.random.between(1, most) }, () => this.key());
  }
  integer(): string {
    if (this.chance(0.1)) return this.pick(NOT_INTEGERS);
    return this.chance(0.4) ? String(this.random.between(-20, 20)) : this.pick(INTEGERS);
  }
  /** An integer that makes nothing expire while two servers are compared. */
  time(): string {
    const drawn = this.integer();
    return /^[1-9][0-9]{0,4}$/.test(drawn) ? '5000000' : drawn;
  }
  value(): string {
    if (this.chance(0.1)) return 'x'.repeat(this.random.pick([44, 45, 64, 1000, 20_000]));
    if (this.chance(0.2)) return this.integer();
    return this.pick(VALUES);
  }
  /** An expiry's option and its argument. */
  expiry(): string[] {
    const unit = this.pick(['EX', 'PX', 'EXAT', 'PXAT', 'ex', 'pxat']);
    const edge = this.chance(0.4);
    if (edge) return [unit, this.time()].slice(0, this.chance(0.95) ? 2 : 1);
    const lower = unit.toLowerCase();
    if (lower === 'exat') return [unit, this.pick(AT_SECONDS)];
    if (lower === 'pxat') return [unit, this.pick(AT_MILLISECONDS)];
    return [unit, `${this.pick(RELATIVE)}${lower === 'px' ? '000' : ''}`];
  }
  times(most: number, make: () => string[]): string[] {
    return Array.from({ length: this.random.between(0, most) }, make).flat();
  }
}

/** EXPIRE's kin. Conditions on an order of times come with absolute ones: relative ones differ a little. */
function expire(absolute: boolean, seconds: boolean): Maker {
  return (d) => {
    const given = absolute
      ? d.pick(seconds ? AT_SECONDS : AT_MILLISECONDS)
      : `${d.pick(RELATIVE)}${seconds ? '' : '000'}`;
    const options = absolute ? ['NX', 'XX', 'GT', 'LT', 'gt', 'bogus'] : ['NX', 'XX', 'nx', 'bo\0gus\r\n'];
    const extra = d.chance(0.6) ? [] : d.times(2, () => [d.pick(options)]);
    return [d.key(), d.chance(0.5) ? given : d.time(), ...extra];
  };
}

const one: Maker = (d) => [d.key()];
const none: Maker = () => [];

const SET_OPTIONS = ['NX', 'XX', 'GET', 'KEEPTTL', 'PERSIST', 'nx', 'Get', 'bogus'];

/** What each command is given; a test of this folder holds the list against the service's own table. */
export const MAKERS: Readonly<Record<string, Maker>> = {
  get: one,
  set: (d) => [d.key(), d.value(), ...d.times(3, () => (d.chance(0.5) ? [d.pick(SET_OPTIONS)] : d.expiry()))],
  setnx: (d) => [d.key(), d.value()],
  setex: (d) => [d.key(), d.chance(0.6) ? d.pick(RELATIVE) : d.time(), d.value()],
  psetex: (d) => [d.key(), d.chance(0.6) ? `${d.pick(RELATIVE)}000` : d.time(), d.value()],
  getset: (d) => [d.key(), d.value()],
  getdel: one,
  getex: (d) => [
    d.key(),
    ...d.times(2, () => (d.chance(0.4) ? [d.pick(['PERSIST', 'persist', 'NX'])] : d.expiry())),
  ],
  getrange: (d) => [d.key(), d.integer(), d.integer()],
  substr: (d) => [d.key(), d.integer(), d.integer()],
  setrange: (d) => [d.key(), d.chance(0.7) ? d.pick(['0', '3', '50', '5000']) : d.integer(), d.value()],
  mget: (d) => d.keys(4),
  mset: (d) => d.keys(3).flatMap((key) => (d.chance(0.97) ? [key, d.value()] : [key])),
  msetnx: (d) => d.keys(3).flatMap((key) => (d.chance(0.97) ? [key, d.value()] : [key])),
  del: (d) => d.keys(3),
  unlink: (d) => d.keys(3),
  exists: (d) => d.keys(4),
  touch: (d) => d.keys(4),
  incr: one,
  decr: one,
  incrby: (d) => [d.key(), d.integer()],
  decrby: (d) => [d.key(), d.integer()],
  incrbyfloat: (d) => [d.pick(FLOAT_KEYS), d.pick(FRACTIONS)],
  append: (d) => [d.key(), d.value()],
  strlen: one,
  expire: expire(false, true),
  pexpire: expire(false, false),
  expireat: expire(true, true),
  pexpireat: expire(true, false),
  ttl: one,
  pttl: one,
  expiretime: one,
  pexpiretime: one,
  persist: one,
  keys: (d) => [d.pick(PATTERNS)],
  scan: (d) => [
    d.chance(0.7) ? '0' : d.pick([...INTEGERS, ...NOT_INTEGERS, '+0', '-1', '0x0', '\t0', '00']),
    'COUNT',
    '5000',
    ...d.times(2, () =>
      d.pick(['MATCH *', 'MATCH k*', 'TYPE string', 'TYPE hash', 'COUNT 0', 'COUNT']).split(' '),
    ),
  ],
  dbsize: none,
  flushdb: (d) => d.times(1, () => [d.pick(['ASYNC', 'SYNC', 'sync', 'bogus'])]),
  flushall: (d) => d.times(1, () => [d.pick(['ASYNC', 'SYNC', 'bogus'])]),
  type: one,
  rename: (d) => [d.key(), d.key()],
  renamenx: (d) => [d.key(), d.key()],
  copy: (d) => [
    d.key(),
    d.key(),
    ...d.times(2, () => d.pick(['REPLACE', 'replace', 'DB 0', 'DB 1', 'DB x', 'DB', 'bogus']).split(' ')),
  ],
  randomkey: none,
  object: (d) => [
    d.pick(['ENCODING', 'REFCOUNT', 'FREQ', 'IDLETIME', 'HELP', 'encoding', 'NOSUCH', '']),
    ...d.keys(1).slice(0, d.chance(0.9) ? 1 : 0),
  ],
  memory: (d) => [
    d.pick(['USAGE', 'usage', 'NOSUCH']),
    d.key(),
    ...d.times(1, () =>
      d.pick(['SAMPLES 5', 'SAMPLES 0', 'SAMPLES -1', 'SAMPLES x', 'SAMPLES', 'bogus 1']).split(' '),
    ),
  ],
  watch: (d) => d.keys(3),
  unwatch: none,
  multi: none,
  exec: none,
  discard: none,
  ping: (d) => d.times(1, () => [d.value()]),
  echo: (d) => [d.value()],
  select: (d) => [d.chance(0.5) ? '0' : d.integer()],
  time: none,
  hello: (d) => [
    d.pick(['2', '3', '3', '4', 'x', '99999999999999999999']),
    ...d.times(1, () => ['SETNAME', d.pick(['n', 'a b'])]),
  ],
  auth: (d) => d.pick(['x', 'default x', 'nobody x', 'default x y']).split(' '),
  client: (d) =>
    d.random
      .pick([
        ['ID'],
        ['GETNAME'],
        ['SETNAME', d.pick(['me', '', 'a b', 'n\0l', '\xff'])],
        ['SETNAME', 'a', 'b'],
        ['INFO'],
        ['LIST'],
        ['LIST', 'TYPE', d.pick(['normal', 'pubsub', 'bogus', ''])],
        ['LIST', 'ID', d.pick(['999999', 'x', '0', '-1', '9223372036854775807', '9223372036854775808'])],
        ['NO-EVICT', d.pick(['on', 'OFF', 'bogus'])],
        ['KILL', d.pick(['127.0.0.1:1', 'bogus', ''])],
        ['KILL', 'ID', d.pick(['99999999', 'x', '0', '-1'])],
        ['KILL', 'TYPE', d.pick(['pubsub', 'bogus'])],
        ['KILL', 'ADDR', '127.0.0.1:1', 'SKIPME', d.pick(['yes', 'no', 'bogus'])],
        ['KILL', 'USER', 'nobody'],
        ['KILL', 'bogus', 'x'],
        ['NOSUCH'],
        ['REPLY', 'bogus'],
        ['KILL', 'ID', '99999998', 'ID', d.pick(['99999999', 'x'])],
      ])
      .slice(),
  reset: none,
  command: (d) =>
    d.random
      .pick([
        ['COUNT'],
        ['COUNT', 'x'],
        ['INFO', d.pick(['get', 'nosuch', 'GET', 'client|list'])],
        ['DOCS', 'nosuch'],
        ['LIST', 'x'],
        ['NOSUCH'],
        ['GETKEYS', 'MSET', 'a', '1', 'b', '2'],
        ['GETKEYS', 'PING'],
      ])
      .slice(),
  config: (d) =>
    d.random
      .pick([
        ['GET', 'databases'],
        ['GET'],
        ['GET', 'save', 'databases'],
        ['RESETSTAT'],
        ['RESETSTAT', 'x'],
        ['NOSUCH'],
        ['HELP'],
      ])
      .slice(),
  info: (d) => d.times(2, () => [d.pick(['server', 'keyspace', 'bogus', 'all'])]),
  wait: (d) => [d.integer(), d.chance(0.5) ? '1' : '-1'],
  quit: none,
};

const NAMES = Object.keys(MAKERS);
const RARE = new Set(['quit', 'reset', 'hello', 'flushall', 'flushdb', 'auth']);
/** Any small number given to these may be a time that passes soon. */
const TIMED = new Set(['wait', 'set', 'setex', 'psetex', 'getex', 'expire', 'pexpire']);
/** Any other number given to this one may be none that a binary fraction holds. */
const FRACTIONAL = 'incrbyfloat';
const STATE = NAMES.filter((name) => !RARE.has(name));

/** A value for INCRBYFLOAT, now and then one that it refuses. */
function setFloat(d: Draw): Buffer[] {
  return bytesOf(['SET', d.pick(FLOAT_KEYS), d.chance(0.8) ? d.pick(FRACTIONS) : d.pick(VALUES)]);
}

function bytesOf(words: readonly string[]): Buffer[] {
  return words.map((word) => Buffer.from(word, 'latin1'));
}

function request(d: Draw): Buffer[] {
  if (d.chance(0.005))
    return bytesOf([d.pick(['nosuch', 'GE', 'gett', '', 'g\0et', 'x'.repeat(300)]), ...d.keys(3)]);
  if (d.chance(0.02)) return setFloat(d);
  const name = d.chance(0.02) ? d.pick(NAMES) : d.pick(STATE);
  const words = MAKERS[name]!(d);
  if (d.chance(0.02)) words.pop();
  if (d.chance(0.02) && !(name === FRACTIONAL && words.length < 2)) words.push(d.value());
  const isReplaced = d.chance(0.02) && words.length > 0 && !TIMED.has(name) && name !== FRACTIONAL;
  if (isReplaced) words[d.random.below(words.length)] = d.value();
  return bytesOf([d.chance(0.5) ? name : name.toUpperCase(), ...words]);
}

/** MULTI … EXEC, on keys that may be watched before; another connection may come between. */
function transaction(d: Draw): Step[] {
  const connection = d.random.below(CONNECTIONS);
  const steps: Step[] = [];
  if (d.chance(0.5)) {
    const watched = bytesOf(['WATCH', ...d.keys(2)]);
    const before = Array.from({ length: d.random.below(3) }, () => request(d));
    steps.push({ connection, requests: [watched, ...before] });
    if (d.chance(0.5)) {
      steps.push({ connection: (connection + 1) % CONNECTIONS, requests: [request(d), request(d)] });
    }
  }
  const queued = Array.from({ length: d.random.between(0, 5) }, () => request(d));
  const end = bytesOf([d.chance(0.9) ? 'EXEC' : 'DISCARD', ...(d.chance(0.03) ? ['x'] : [])]);
  steps.push({ connection, requests: [bytesOf(['MULTI']), ...queued, end] });
  return steps;
}

/** The next few steps. */
export function drawSteps(random: Random): Step[] {
  const d = new Draw(random);
  if (d.chance(0.25)) return transaction(d);
  const length = d.random.pick([1, 3, 10, 40]);
  const requests = Array.from({ length }, () => request(d));
  return [{ connection: d.random.below(CONNECTIONS), requests }];
}
