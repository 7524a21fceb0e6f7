/**
 * Requests out of a connection's bytes, RESP arrays of bulk strings and inline lines, without an object a
 * command: the arguments of the current request are bytes[starts[i], ends[i]).
 *
 * 1. `bytes`, `starts` and `ends` are valid until the next call of `next` or `feed`.
 * 2. However the bytes are cut into chunks, the requests are the same.
 * 3. Each byte is looked at a bounded number of times: an incomplete request is resumed, not begun again.
 * 4. What is kept of an incomplete request never exceeds `requestBytesMax`, whatever lengths it announces. A
 *    longer one, or one with an argument of more than `bulkBytesMax`, is dropped as it comes, and handed out
 *    without arguments when it is complete: `excess` says why.
 * 5. Nothing is thrown but ProtocolError; after one the parser must not be used again.
 */
import {
  ARGUMENTS_MAX,
  BULK_BYTES_MAX,
  DROPPED_BYTES_MAX,
  INLINE_BYTES_MAX,
  REQUEST_BYTES_MAX,
  STRANGER_ARGUMENTS_MAX,
  STRANGER_BULK_BYTES_MAX,
} from '../limits.js';
import { splitInline } from './inline.js';
import { ProtocolError } from './protocol-error.js';

export interface ParserLimits {
  argumentsMax: number;
  bulkBytesMax: number;
  inlineBytesMax: number;
  requestBytesMax: number;
  /** Bytes of a request that is too long that are read and dropped, to answer it. */
  droppedBytesMax: number;
  /** Makes the client's limits those of a stranger, as in Redis: few and short arguments. */
  authenticated: boolean;
}

export const PARSER_LIMITS: Readonly<ParserLimits> = {
  argumentsMax: ARGUMENTS_MAX,
  bulkBytesMax: BULK_BYTES_MAX,
  inlineBytesMax: INLINE_BYTES_MAX,
  requestBytesMax: REQUEST_BYTES_MAX,
  droppedBytesMax: DROPPED_BYTES_MAX,
  authenticated: true,
};

const STAR = 0x2a;
const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
const NOTHING: Buffer = Buffer.alloc(0);
/** Results of readLength beside lengths ≥ 0. */
const INCOMPLETE = -2;
const MALFORMED = -3;

export class RequestParser {
  bytes: Buffer = NOTHING;
  argc = 0;
  starts: number[] = [];
  ends: number[] = [];
  /** Why the request has been dropped: an argument of it was too long, or all of it. */
  excess: 'argument' | 'request' | undefined = undefined;
  /** May be changed between requests: a client that authenticates gets wider ones. */
  readonly limits: ParserLimits;

  #source: Buffer = NOTHING;
  #end = 0;
  /** Start of the first request that has not been handed out. */
  #start = 0;
  /** How far it has been read, and what of it is still to come; −1 while its kind is unknown. */
  #at = 0;
  #missing = -1;
  /** Bytes that are dropped as they come, of an argument and its end. */
  #toDrop = 0;
  /** Those that were, or are to be, of this request. */
  #droppedBytes = 0;
  /** Where the search for the end of a line goes on. */
  #searched = 0;
  /** Set by readLength: the first byte behind the line. */
  #behind = 0;
  /** Whether #source is a buffer of our own, with room behind #end. */
  #owned = false;

  constructor(limits: Readonly<ParserLimits> = PARSER_LIMITS) {
    this.limits = { ...limits };
  }

  /** Bytes taken but not yet handed out as requests. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Room behind them, in a buffer of its own. */
  get freeBytes(): number {
    return this.#owned ? this.#source.length - this.#end : 0;
  }

  /** Takes a chunk, which must not change until `next` has returned false. */
  feed(chunk: Buffer): void {
    const kept = this.#end - this.#start;
    if (kept === 0) {
      this.#source = chunk;
      this.#end = chunk.length;
      this.#owned = false;
      this.#rebase(0);
      return;
    }
    if (!this.#owned || this.#end + chunk.length > this.#source.length) this.#own(kept, chunk.length);
    chunk.copy(this.#source, this.#end);
    this.#end += chunk.length;
  }

  /** Steps to the next request. False: it is not complete yet. @throws ProtocolError */
  next(): boolean {
    for (;;) {
      if (this.#missing < 0) {
        if (this.#at >= this.#end) return this.#keep();
        this.#start = this.#at;
        if (this.#source[this.#at] !== STAR) {
          const complete = this.#inline();
          if (!complete) return this.#keep();
          if (this.argc > 0) return true;
          continue;
        }
        if (!this.#head()) return this.#keep();
        if (this.#missing < 0) continue;
      }
      if (!this.#arguments()) return this.#keep();
      this.#missing = -1;
      this.bytes = this.#source;
      return true;
    }
  }

  /** Reads `*count`. False: incomplete. Leaves #missing at −1 for an empty array, which Redis ignores. */
  #head(): boolean {
    const count = this.#readLength('too big mbulk count string');
    if (count === INCOMPLETE) return false;
    if (count === MALFORMED || count > this.limits.argumentsMax) {
      throw new ProtocolError('invalid multibulk length');
    }
    if (count > STRANGER_ARGUMENTS_MAX && !this.limits.authenticated) {
      throw new ProtocolError('unauthenticated multibulk length');
    }
    this.#at = this.#behind;
    this.#searched = this.#at;
    this.argc = 0;
    this.excess = undefined;
    this.#droppedBytes = 0;
    if (count > 0) this.#missing = count;
    return true;
  }

  #arguments(): boolean {
    const { starts, ends } = this;
    let argc = this.argc;
    let missing = this.#missing;
    while (missing > 0) {
      if (this.#at >= this.#end) break;
      if (this.#toDrop > 0) {
        if (this.#drop()) missing--;
        continue;
      }
      const mark = this.#source[this.#at]!;
      if (mark !== DOLLAR) throw new ProtocolError(`expected '$', got '${String.fromCharCode(mark)}'`);
      const length = this.#readLength('too big bulk count string');
      if (length === INCOMPLETE) break;
      if (length < 0 || length > this.limits.droppedBytesMax) throw new ProtocolError('invalid bulk length');
      if (length > STRANGER_BULK_BYTES_MAX && !this.limits.authenticated) {
        throw new ProtocolError('unauthenticated bulk length');
      }
      const behind = this.#behind + length + 2;
      const isTooLong = length > this.limits.bulkBytesMax;
      if (isTooLong || behind - this.#start > this.limits.requestBytesMax) {
        this.excess ??= isTooLong ? 'argument' : 'request';
      }
      if (this.excess !== undefined) {
        argc = 0;
        this.argc = 0;
        this.#at = this.#behind;
        this.#toDrop = length + 2;
        this.#droppedBytes += length + 2;
        if (this.#droppedBytes > this.limits.droppedBytesMax) this.#tooLong();
        continue;
      }
      if (behind > this.#end) break;
      starts[argc] = this.#behind;
      ends[argc] = this.#behind + length;
      argc++;
      missing--;
      this.#at = behind;
      this.#searched = behind;
    }
    this.argc = argc;
    this.#missing = missing;
    return missing === 0;
  }

  /** Drops what there is of an argument. True: all of it is gone. */
  #drop(): boolean {
    const count = Math.min(this.#toDrop, this.#end - this.#at);
    this.#toDrop -= count;
    this.#at += count;
    this.#start = this.#at;
    this.#searched = this.#at;
    return this.#toDrop === 0;
  }

  /** Reads the number behind the mark at #at; as strict as Redis: no sign but '-', no leading zeros. */
  #readLength(tooLong: string): number {
    const source = this.#source;
    const first = this.#at + 1;
    let at = first;
    let value = 0;
    const end = this.#end;
    while (at < end) {
      const digit = source[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      at++;
      if (at - first > 10) break;
    }
    if (at + 1 < end && source[at] === CR) {
      this.#behind = at + 2;
      if (at === first || (source[first] === 48 && at - first > 1)) return MALFORMED;
      return value;
    }
    return this.#readOddLength(tooLong);
  }

  /** The rare rest of readLength: incomplete, negative or malformed. */
  #readOddLength(tooLong: string): number {
    const source = this.#source;
    let at = Math.max(this.#searched, this.#at + 1);
    while (at < this.#end && source[at] !== CR) at++;
    this.#searched = at;
    if (at + 1 >= this.#end) {
      if (at - this.#at > this.limits.inlineBytesMax) throw new ProtocolError(tooLong);
      return INCOMPLETE;
    }
    this.#behind = at + 2;
    const text = source.toString('latin1', this.#at + 1, Math.min(at, this.#at + 24));
    return /^-[1-9][0-9]{0,17}$/.test(text) ? -1 : MALFORMED;
  }

  #inline(): boolean {
    const source = this.#source;
    let at = Math.max(this.#searched, this.#at);
    while (at < this.#end && source[at] !== LF) at++;
    this.#searched = at;
    if (at - this.#at > this.limits.inlineBytesMax) throw new ProtocolError('too big inline request');
    if (at >= this.#end) return false;
    const lineEnd = at > this.#at && source[at - 1] === CR ? at - 1 : at;
    const line = splitInline(source, this.#at, lineEnd);
    if (line === undefined) throw new ProtocolError('unbalanced quotes in request');
    if (line.ends.length > this.limits.argumentsMax) throw new ProtocolError('invalid multibulk length');
    this.excess = undefined;
    this.bytes = line.bytes;
    this.argc = line.ends.length;
    for (let i = 0; i < this.argc; i++) {
      this.starts[i] = i === 0 ? 0 : line.ends[i - 1]!;
      this.ends[i] = line.ends[i]!;
    }
    this.#at = at + 1;
    this.#searched = this.#at;
    this.#start = this.#at;
    return true;
  }

  #tooLong(): never {
    throw new ProtocolError(`request longer than ${this.limits.requestBytesMax} bytes`);
  }

  /** Nothing more to hand out: what is left of a foreign chunk is copied, so that the chunk can be reused. */
  #keep(): false {
    if (this.#missing < 0 && this.#at >= this.#end) {
      this.#start = this.#at;
      this.#searched = this.#at;
    }
    const kept = this.#end - this.#start;
    if (kept > this.limits.requestBytesMax) this.#tooLong();
    if (kept > 0 && !this.#owned) this.#own(kept, 0);
    if (kept === 0) {
      this.bytes = NOTHING;
      this.#source = NOTHING;
      this.#end = 0;
      this.#rebase(0);
    }
    return false;
  }

  /** Moves what is kept to the front of a buffer of our own with room for `extra` more bytes. */
  #own(kept: number, extra: number): void {
    const need = kept + extra;
    const fits = this.#owned && this.#source.length >= need;
    const target = fits
      ? this.#source
      : Buffer.allocUnsafeSlow(Math.max(4096, 2 ** Math.ceil(Math.log2(need))));
    this.#source.copy(target, 0, this.#start, this.#end);
    const by = this.#start;
    this.#source = target;
    this.#owned = true;
    this.#end = kept;
    this.#start = 0;
    this.#at -= by;
    this.#searched = Math.max(0, this.#searched - by);
    if (this.#missing < 0) return;
    for (let i = 0; i < this.argc; i++) {
      this.starts[i]! -= by;
      this.ends[i]! -= by;
    }
  }

  #rebase(position: number): void {
    this.#start = position;
    this.#at = position;
    this.#searched = position;
  }
}
