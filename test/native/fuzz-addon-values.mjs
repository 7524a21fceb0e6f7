/**
 * What the argument checks of the addon are tried with: by name, so that a failing case can be printed and
 * made again. `World` makes the values, and holds what the calls of one case have opened.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Thrown by getters, proxies and callbacks of ours: it may come through, and nothing else of its kind. */
export const SENTINEL = new Error('thrown by an argument');

const NUMBERS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  -1,
  -4096,
  0.5,
  1e-320,
  1,
  2,
  3,
  63,
  64,
  255,
  256,
  4096,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 44,
  2 ** 52,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  2 ** 63,
  2 ** 64,
  Number.MAX_VALUE,
];

const throwing = () => {
  throw SENTINEL;
};

/** Everything a caller can pass that is not what is asked for; most are made anew for each call. */
const STRANGERS = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  bigint: () => 2n ** 64n,
  symbol: () => Symbol('one'),
  emptyString: () => '',
  digits: () => '12',
  nulString: () => 'a\0b',
  loneSurrogate: () => '\ud800',
  longString: () => 'x'.repeat(70_000),
  function: () => () => 1,
  class: () => class {},
  array: () => [1, 2, 3],
  object: () => ({}),
  nullObject: () => Object.create(null),
  date: () => new Date(0),
  promise: () => Promise.resolve(1),
  boxed: () => Object(4),
  valueOf: () => ({ valueOf: throwing, toString: throwing, [Symbol.toPrimitive]: throwing }),
  getters: () => new Proxy({}, { get: throwing, has: throwing, getPrototypeOf: throwing, ownKeys: throwing }),
  revoked: () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  error: () => new Error('an argument'),
  arrayBuffer: () => new ArrayBuffer(4096),
  emptyBuffer: () => new ArrayBuffer(0),
  detachedBuffer: () => detached(new ArrayBuffer(4096)),
  resizable: () => {
    const buffer = new ArrayBuffer(4096, { maxByteLength: 8192 });
    buffer.resize(16);
    return buffer;
  },
  shared: () => new SharedArrayBuffer(4096),
  emptyBytes: () => new Uint8Array(0),
  bytes16: () => new Uint8Array(16).fill(1),
  bytes: () => new Uint8Array(4096).fill(3),
  view: () => new Uint8Array(new ArrayBuffer(4096), 100, 1000),
  detachedBytes: () => {
    const bytes = new Uint8Array(4096);
    detached(bytes.buffer);
    return bytes;
  },
  sharedBytes: () => new Uint8Array(new SharedArrayBuffer(4096)),
  shrunkBytes: () => {
    const buffer = new ArrayBuffer(4096, { maxByteLength: 8192 });
    const bytes = new Uint8Array(buffer);
    buffer.resize(16);
    return bytes;
  },
  clamped: () => new Uint8ClampedArray(64),
  signed: () => new Int8Array(64),
  words: () => new Uint16Array(64),
  doubles: () => new Float64Array(64),
  bigints: () => new BigInt64Array(8),
  dataView: () => new DataView(new ArrayBuffer(64)),
  nodeBuffer: () => Buffer.from('some bytes'),
};

function detached(buffer) {
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}

const FIELDS = {
  clusterId: 'bytes16',
  storeUuid: 'bytes16',
  replicaId: 1,
  alignment: 64,
  logBytes: 32768,
  recordBytesMax: 4096,
  recordItemsMax: 16,
  incarnation: 7,
};

const EFFORT = { seed: 1, exhaustiveMax: 2, randomImages: 1, kills: 1, deepEvery: 100, innerImages: 1 };

/** `stranger:<name>` and `number:<index>`. */
export const HOSTILE = [
  ...Object.keys(STRANGERS).map((name) => `stranger:${name}`),
  ...NUMBERS.map((_, index) => `number:${index}`),
];
export const FORMAT_FIELDS = Object.keys(FIELDS);

export class World {
  logs = [];
  flushers = [];
  #directory;
  #image;
  #fd;
  #formatted = 0;
  #explorer;

  constructor(addon, directory) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    this.#explorer = addon.createExplorer();
    this.#image = addon.formatImage(this.make('format'));
    this.#fd = openSync(join(directory, 'flushed'), 'w+');
    addon.formatFile(join(directory, 'region'), this.make('format'));
    writeFileSync(join(directory, 'short'), 'too short');
    const sparse = openSync(join(directory, 'sparse'), 'w');
    ftruncateSync(sparse, 2 ** 42);
    closeSync(sparse);
  }

  /** The value of a name; one that this does not know is a number. */
  make(name) {
    if (typeof name === 'number') return name;
    const [kind, detail, more] = name.split('/');
    switch (kind) {
      case 'image':
        return detail === undefined ? this.#image : this.#damaged(Number(detail));
      case 'path':
        return join(this.#directory, detail === 'new' ? `made-${this.#formatted++ % 8}` : detail);
      case 'format':
        return this.#format(detail, more);
      case 'explorer':
        return this.#explorer;
      case 'options':
        return { ...EFFORT, ...(detail === undefined ? {} : { [detail]: this.make(more) }) };
      case 'fd':
        return this.#fd;
      case 'callback':
        return detail === 'throws' ? throwing : () => undefined;
      default:
        return this.#stranger(name);
    }
  }

  #stranger(name) {
    const [kind, detail] = name.split(':');
    return kind === 'number' ? NUMBERS[Number(detail)] : STRANGERS[detail]();
  }

  /** Truncated, or with bytes turned over. */
  #damaged(seed) {
    const image = this.#image.slice(0, seed % 3 === 0 ? (seed * 7919) % this.#image.length : undefined);
    for (let at = seed; at < image.length; at += 1009 + seed) image[at] ^= seed;
    return image;
  }

  #format(field, value) {
    const format = {};
    for (const [name, usual] of Object.entries(FIELDS))
      format[name] = this.make(usual === 'bytes16' ? 'stranger:bytes16' : usual);
    if (field === 'getter') Object.defineProperty(format, value, { get: throwing });
    else if (field !== undefined) format[field] = this.make(value);
    return format;
  }

  /** Closes what is open, in whatever state a case left it. */
  end() {
    for (const log of this.logs) log.close(0);
    for (const flusher of this.flushers) flusher.close();
    for (const log of this.logs) log.release?.();
    closeSync(this.#fd);
    rmSync(this.#directory, { recursive: true });
  }
}
