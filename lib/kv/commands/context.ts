/**
 * What a command's handler works with: the state, the time, the arguments and the reply. One object, used
 * again for every command.
 *
 * 1. `timeMs` is the replicated time; nothing that changes the state looks at another clock. `nowMs` is for
 *    presentation in a query and equals `timeMs` while executing.
 * 2. A key whose expiry is at or before `timeMs` is absent. Finding one while executing removes it.
 */
import type { CommandReader } from '../command-format.js';
import { REPLY_BYTES_MAX, STEPS_MAX } from '../limits.js';
import { Lookahead } from '../lookahead.js';
import { parseInteger, parseSmallInteger } from '../resp/integer.js';
import type { Reply } from '../resp/reply.js';
import { shown } from '../resp/shown.js';
import { hasPassed } from '../store/expiry-time.js';
import type { Store } from '../store/store.js';

export const ERRORS = {
  syntax: 'ERR syntax error',
  notInteger: 'ERR value is not an integer or out of range',
  notInt: 'ERR value is out of range, value must between -2147483648 and 2147483647',
  notFloat: 'ERR value is not a valid float',
  overflow: 'ERR increment or decrement would overflow',
  tooLong: 'ERR string exceeds maximum allowed size (proto-max-bulk-len)',
  memory: "OOM command not allowed when used memory > 'maxmemory'.",
  malformed: 'ERR malformed command',
  tooMuch: `ERR the command takes more than ${STEPS_MAX} steps` as string,
} as const;

export class Context {
  store: Store;
  timeMs = 0;
  nowMs = 0;
  executing = false;
  /** Bytes that the reply may still have. */
  room: number = REPLY_BYTES_MAX;
  /** Steps that the command, and with it its transaction, may still take. */
  steps: number = STEPS_MAX;
  /** Hash of the key looked up last. */
  hash = 0;
  readonly reader: CommandReader;
  readonly reply: Reply;
  readonly ahead: Lookahead = new Lookahead();

  constructor(store: Store, reader: CommandReader, reply: Reply) {
    this.store = store;
    this.reader = reader;
    this.reply = reply;
  }

  /** The entry whose key is argument `index`, or 0. Leaves the key's hash in {@link hash}. */
  find(index: number): number {
    const { bytes, starts, ends } = this.reader;
    return this.findKey(bytes, starts[index]!, ends[index]!);
  }

  findKey(bytes: Uint8Array, start: number, end: number): number {
    const store = this.store;
    const hash = this.ahead.hash(store, bytes, start, end);
    this.hash = hash;
    const address = store.find(hash, bytes, start, end);
    if (address === 0) return 0;
    const expiry = store.expiry(address);
    if (!hasPassed(expiry, this.timeMs)) return address;
    if (this.executing) store.remove(address);
    return 0;
  }

  /** Gives the key of argument `key`, just looked up as `address`, the value of argument `value`. */
  put(address: number, key: number, value: number, expiry: number): void {
    const { bytes, starts, ends } = this.reader;
    this.putBytes(address, key, bytes, starts[value]!, ends[value]!, expiry);
  }

  putBytes(
    address: number,
    key: number,
    value: Uint8Array,
    start: number,
    end: number,
    expiry: number,
  ): void {
    const { bytes, starts, ends } = this.reader;
    if (address !== 0) this.store.replace(address, value, start, end, expiry);
    else this.store.insert(this.hash, bytes, starts[key]!, ends[key]!, value, start, end, expiry);
  }

  /** Replies with the entry's value, or null for 0. False: it was too long and an error went out instead. */
  replyValue(address: number): boolean {
    if (address === 0) {
      this.reply.null();
      return true;
    }
    const store = this.store;
    const length = store.valueLength(address);
    if (!this.fits(length)) return false;
    const start = store.valueStart(address);
    this.reply.bulk(store.segment(address).u8, start, start + length);
    return true;
  }

  /** Whether a reply of that many bytes still fits; if not, the error has been written. */
  fits(lengthBytes: number): boolean {
    if (lengthBytes <= this.room) return true;
    this.reply.error(`ERR reply longer than ${REPLY_BYTES_MAX} bytes`);
    return false;
  }

  /** Takes so many steps. False: they are more than there are, and the error has been written. */
  spend(steps: number): boolean {
    this.steps -= steps;
    if (this.steps >= 0) return true;
    this.steps = 0;
    this.reply.error(ERRORS.tooMuch);
    return false;
  }

  /** Whether argument `index` is this word, given in lower case, in any case. */
  is(index: number, word: string): boolean {
    const { bytes, starts, ends } = this.reader;
    const start = starts[index]!;
    if (ends[index]! - start !== word.length) return false;
    for (let i = 0; i < word.length; i++) {
      if ((bytes[start + i]! | 0x20) !== word.charCodeAt(i)) return false;
    }
    return true;
  }

  text(index: number): string {
    const { bytes, starts, ends } = this.reader;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
      'utf8',
      starts[index]!,
      ends[index]!,
    );
  }

  /** Argument `index` for an error text. */
  shown(index: number): string {
    const { bytes, starts, ends } = this.reader;
    return shown(bytes, starts[index]!, ends[index]!);
  }

  /** Argument `index` as a 64-bit integer, a bigint where it is long; undefined: error written. */
  integer(index: number): number | bigint | undefined {
    const { bytes, starts, ends } = this.reader;
    const small = parseSmallInteger(bytes, starts[index]!, ends[index]!);
    if (!Number.isNaN(small)) return small;
    const large = parseInteger(bytes, starts[index]!, ends[index]!);
    if (large === undefined) {
      this.reply.error(ERRORS.notInteger);
      return undefined;
    }
    return large;
  }
}
