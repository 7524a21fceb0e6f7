/**
 * Bytes being read, little-endian, from a window that somebody else sent.
 *
 * 1. Nothing is read outside [start, end): every field is checked before it is used.
 * 2. Every failure is an IndelibleError with ERR_INDELIBLE_FRAME; nothing else is ever thrown.
 * 3. A count is checked against the bytes that are there before anything is allocated for it.
 */
import { ErrorCode, IndelibleError } from '../errors.js';

const TWO_32 = 2 ** 32;

/** The error of everything that cannot be decoded. */
export function frameError(sentence: string): IndelibleError {
  return new IndelibleError(ErrorCode.frame, sentence);
}

export class Reader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.bytes[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }

  u32(): number {
    return readU32(this.bytes, this.#take(4));
  }

  /** Eight bytes that must hold a safe integer. */
  u64(): number {
    const at = this.#take(8);
    const high = readU32(this.bytes, at + 4);
    if (high >= 1 << 21) throw frameError('a number is above 2^53 - 1');
    return high * TWO_32 + readU32(this.bytes, at);
  }

  /** A u8 or u16 that was read, if it is at most `max`. */
  within(value: number, max: number, what: string): number {
    if (value > max) throw frameError(`${what} is ${value}, above ${max}`);
    return value;
  }

  /** A count of things of at least `bytesEach` bytes that follow. */
  count(bytesEach: number, max: number, what: string): number {
    const count = this.within(this.u32(), max, what);
    if (count * bytesEach > this.remaining) throw frameError(`${what} is ${count}, more than the bytes hold`);
    return count;
  }

  /** A view of the next `count` bytes. */
  view(count: number): Uint8Array {
    const at = this.#take(count);
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + at, count);
  }

  /** A view of all that remains, if that is at most `max` bytes. */
  rest(max: number, what: string): Uint8Array {
    return this.view(this.within(this.remaining, max, what));
  }

  /** Sixteen bytes as 32 lower-case hex digits. */
  uuid(): string {
    const view = this.view(16);
    return Buffer.from(view.buffer, view.byteOffset, 16).toString('hex');
  }

  /** Nothing may follow. */
  finish(): void {
    if (this.at !== this.end) throw frameError(`${this.remaining} bytes too many`);
  }

  #take(count: number): number {
    const at = this.at;
    if (count > this.end - at) throw frameError(`${count} bytes needed, ${this.end - at} there`);
    this.at = at + count;
    return at;
  }
}

/** Four little-endian bytes as an unsigned number; the caller knows that they are there. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
