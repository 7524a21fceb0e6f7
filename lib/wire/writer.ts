/**
 * Bytes being written, little-endian, into one buffer that grows by doubling.
 *
 * 1. `bytes` may be replaced by any call that writes: read the property again afterwards.
 * 2. Numbers that do not fit their field are the caller's mistake and never reach the wire shortened.
 */
import { argumentError } from '../errors.js';

const TWO_32 = 2 ** 32;

/** A buffer that had to grow beyond this is given back at the next {@link Writer.clear}, in bytes. */
const KEPT_BYTES_MAX = 1 << 20;

export class Writer {
  bytes: Buffer;
  length = 0;
  readonly #initialBytes: number;

  constructor(initialBytes = 4096) {
    this.#initialBytes = initialBytes;
    this.bytes = Buffer.allocUnsafeSlow(initialBytes);
  }

  /** Makes room for `count` bytes, moves `length` behind them, and returns where they start. */
  reserve(count: number): number {
    const at = this.length;
    this.length = at + count;
    if (this.length > this.bytes.length) this.#grow();
    return at;
  }

  u8(value: number): void {
    if (value >>> 0 !== value || value > 0xff) throw notInField(value, 8);
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  u16(value: number): void {
    if (value >>> 0 !== value || value > 0xffff) throw notInField(value, 16);
    const at = this.reserve(2);
    this.bytes[at] = value;
    this.bytes[at + 1] = value >>> 8;
  }

  u32(value: number): void {
    if (value >>> 0 !== value) throw notInField(value, 32);
    this.setU32(this.reserve(4), value);
  }

  /** A safe integer ≥ 0 as eight bytes. */
  u64(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw notInField(value, 53);
    const at = this.reserve(8);
    this.setU64(at, value);
  }

  /** Overwrites four bytes that were reserved earlier. */
  setU32(at: number, value: number): void {
    const bytes = this.bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }

  /** Overwrites eight bytes that were reserved earlier. */
  setU64(at: number, value: number): void {
    this.setU32(at, value >>> 0);
    this.setU32(at + 4, Math.floor(value / TWO_32));
  }

  /** Appends a copy of source[start, end). */
  append(source: Uint8Array, start = 0, end: number = source.length): void {
    const count = end - start;
    const at = this.reserve(count);
    this.bytes.set(count === source.length ? source : source.subarray(start, end), at);
  }

  /** 32 lower-case hex digits as sixteen bytes. */
  uuid(hex: string): void {
    if (!/^[0-9a-f]{32}$/.test(hex)) throw argumentError(`an id is 32 lower-case hex digits, not "${hex}"`);
    const at = this.reserve(16);
    this.bytes.write(hex, at, 'hex');
  }

  /** Forgets what was written. A buffer that one large message had blown up is given back. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = Buffer.allocUnsafeSlow(this.#initialBytes);
  }

  #grow(): void {
    let capacity = this.bytes.length;
    while (capacity < this.length) capacity *= 2;
    const grown = Buffer.allocUnsafeSlow(capacity);
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

function notInField(value: number, bits: number): RangeError {
  return argumentError(`${value} does not fit a field of ${bits} bits`);
}
