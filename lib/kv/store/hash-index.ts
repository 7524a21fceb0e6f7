/**
 * Which entries there are, by the hash of their keys: chains of entries, one for each stretch of hashes.
 *
 * 1. A bucket is named by the *top* bits of the hash, so walking the buckets walks the entries in the order
 *    of their hashes whatever the table's size is: a position in that order survives any resizing.
 * 2. While the table is resized, hashes below `#boundary` are in the new table and all others in the old one.
 *    The boundary is at the start of a bucket of both.
 * 3. A resize moves a few buckets with each write; one ends before the next can begin.
 */
import { WORD } from './record.js';
import { SEGMENT_SHIFT, type Segment, UNIT_MASK } from './slab.js';

const BITS_MIN = 8;
const BITS_MAX = 30;
/** Stretches moved by one write. With 2, a doubling ends after a quarter of the writes that fill the table. */
const MOVED_PER_WRITE = 2;
/** The end of all hashes. */
export const HASHES_END: number = 2 ** 32;

export class HashIndex {
  readonly #segments: Segment[];
  #count = 0;
  #bits = BITS_MIN;
  #buckets: Uint32Array = new Uint32Array(2 ** BITS_MIN);
  #oldBits = 0;
  #old: Uint32Array | undefined = undefined;
  #boundary = 0;

  constructor(segments: Segment[]) {
    this.#segments = segments;
  }

  get count(): number {
    return this.#count;
  }

  get heldBytes(): number {
    return this.#buckets.byteLength + (this.#old?.byteLength ?? 0);
  }

  /** The entry whose key is bytes[start, end), or 0. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const old = this.#old;
    let address =
      old !== undefined && hash >= this.#boundary
        ? old[hash >>> (32 - this.#oldBits)]!
        : this.#buckets[hash >>> (32 - this.#bits)]!;
    while (address !== 0) {
      const segment = this.#segments[address >>> SEGMENT_SHIFT]!;
      const word = (address & UNIT_MASK) << 2;
      const u32 = segment.u32;
      if (u32[word + WORD.hash] === hash && u32[word + WORD.keyLength] === length) {
        const u8 = segment.u8;
        let at = (word + WORD.key) << 2;
        let from = start;
        while (from < end && u8[at] === bytes[from]) {
          from++;
          at++;
        }
        if (from === end) return address;
      }
      address = u32[word]!;
    }
    return 0;
  }

  insert(hash: number, address: number): void {
    const table = this.#tableOf(hash);
    const bucket = hash >>> (32 - (table === this.#old ? this.#oldBits : this.#bits));
    this.#link(address, table[bucket]!);
    table[bucket] = address;
    this.#count++;
    this.#work();
  }

  remove(hash: number, address: number): void {
    this.#substitute(hash, address, this.#following(address));
    this.#count--;
    this.#work();
  }

  /** The entry at `address` has moved to `to`. */
  replace(hash: number, address: number, to: number): void {
    this.#link(to, this.#following(address));
    this.#substitute(hash, address, to);
  }

  /**
   * Fills `found` with the entries of the first occupied bucket at or behind `fromHash`, less those before
   * it; returns the hash behind that bucket: {@link HASHES_END} at the end. The order within is undefined.
   */
  walk(fromHash: number, found: number[]): number {
    found.length = 0;
    let from = fromHash;
    while (from < HASHES_END) {
      const table = this.#tableOf(from);
      const shift = 32 - (table === this.#old ? this.#oldBits : this.#bits);
      const last = table === this.#old || this.#old === undefined ? HASHES_END : this.#boundary;
      const span = 2 ** shift;
      let bucket = Math.floor(from / span);
      const buckets = last / span;
      for (; bucket < buckets; bucket++) {
        for (let at = table[bucket]!; at !== 0; at = this.#following(at)) {
          if (this.#hashOf(at) >= fromHash) found.push(at);
        }
        if (found.length > 0) return (bucket + 1) * span;
      }
      from = last;
    }
    return HASHES_END;
  }

  #tableOf(hash: number): Uint32Array {
    const old = this.#old;
    return old !== undefined && hash >= this.#boundary ? old : this.#buckets;
  }

  #following(address: number): number {
    return this.#segments[address >>> SEGMENT_SHIFT]!.u32[(address & UNIT_MASK) << 2]!;
  }

  #hashOf(address: number): number {
    return this.#segments[address >>> SEGMENT_SHIFT]!.u32[((address & UNIT_MASK) << 2) + WORD.hash]!;
  }

  #link(address: number, to: number): void {
    this.#segments[address >>> SEGMENT_SHIFT]!.u32[(address & UNIT_MASK) << 2] = to;
  }

  #substitute(hash: number, address: number, by: number): void {
    const table = this.#tableOf(hash);
    const bucket = hash >>> (32 - (table === this.#old ? this.#oldBits : this.#bits));
    let at = table[bucket]!;
    if (at === address) {
      table[bucket] = by;
      return;
    }
    for (;;) {
      const next = this.#following(at);
      if (next === address) break;
      at = next;
    }
    this.#link(at, by);
  }

  /** A write's share of a resize, or the beginning of one. */
  #work(): void {
    if (this.#old !== undefined) {
      this.#move();
      return;
    }
    const size = this.#buckets.length;
    if (this.#count > size && this.#bits < BITS_MAX) this.#resize(this.#bits + 1);
    else if (this.#count < size >>> 3 && this.#bits > BITS_MIN) this.#resize(this.#bits - 1);
  }

  #resize(bits: number): void {
    this.#old = this.#buckets;
    this.#oldBits = this.#bits;
    this.#buckets = new Uint32Array(2 ** bits);
    this.#bits = bits;
    this.#boundary = 0;
    this.#move();
  }

  #move(): void {
    const old = this.#old!;
    const oldSpan = 2 ** (32 - this.#oldBits);
    const stretch = Math.max(oldSpan, 2 ** (32 - this.#bits));
    const end = Math.min(HASHES_END, this.#boundary + MOVED_PER_WRITE * stretch);
    const shift = 32 - this.#bits;
    for (let from = this.#boundary; from < end; from += oldSpan) {
      let at = old[from / oldSpan]!;
      while (at !== 0) {
        const segment = this.#segments[at >>> SEGMENT_SHIFT]!;
        const word = (at & UNIT_MASK) << 2;
        const next = segment.u32[word]!;
        const bucket = segment.u32[word + WORD.hash]! >>> shift;
        segment.u32[word] = this.#buckets[bucket]!;
        this.#buckets[bucket] = at;
        at = next;
      }
    }
    this.#boundary = end;
    if (end === HASHES_END) this.#old = undefined;
  }
}
