/**
 * Which entries there are, by the hash of their keys.
 *
 * 1. A bucket is named by the *top* bits of the hash, so walking the buckets walks the entries in the order
 *    of their hashes whatever the table's size is: a position in that order survives any resizing.
 * 2. While the table is resized, hashes below `#boundary` are in the new table and all others in the old one.
 *    The boundary is at the start of a bucket of both.
 * 3. A resize moves a bucket or two with each write, touching no entry; one ends before the next can begin.
 */
import { BUCKET_PAIRS, BUCKET_SHIFT, HashBuckets } from './hash-buckets.js';
import { WORD } from './record.js';
import { SEGMENT_SHIFT, type Segment, UNIT_MASK } from './slab.js';

const BITS_MIN = 6;
const BITS_MAX = 26;
/** Entries to a bucket, on average, above which the table doubles; below an eighth of it, it halves. */
const LOAD_MAX = 4;
/** Of a processor's cache line, in 32-bit words. */
export const LINE_WORDS = 16;
/** The end of all hashes. */
export const HASHES_END: number = 2 ** 32;

export class HashIndex {
  readonly #segments: Segment[];
  readonly #buckets: HashBuckets = new HashBuckets();
  #count = 0;
  #shift: number = 32 - BITS_MIN;
  #table: Uint32Array = new Uint32Array((2 ** BITS_MIN) << BUCKET_SHIFT);
  #oldShift = 0;
  /** Hashes of one bucket of the old table. */
  #oldSpan = 0;
  #old: Uint32Array | undefined = undefined;
  #boundary = 0;
  /** The table is resized when there are more entries than this, and when there are fewer. */
  #growAbove: number = 2 ** BITS_MIN * LOAD_MAX;
  #shrinkBelow = 0;

  constructor(segments: Segment[]) {
    this.#segments = segments;
  }

  get count(): number {
    return this.#count;
  }

  get heldBytes(): number {
    return this.#table.byteLength + (this.#old?.byteLength ?? 0) + this.#buckets.heldBytes;
  }

  /** The entry whose key is bytes[start, end), or 0. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const inOld = this.#old !== undefined && hash >= this.#boundary;
    let words = inOld ? this.#old! : this.#table;
    let base = (hash >>> (inOld ? this.#oldShift : this.#shift)) << BUCKET_SHIFT;
    for (;;) {
      const last = base + 2 * words[base + 15]!;
      for (let at = base; at < last; at += 2) {
        if (words[at] === hash && this.#hasKey(words[at + 1]!, bytes, start, end)) return words[at + 1]!;
      }
      const more = words[base + 2 * BUCKET_PAIRS]!;
      if (more === 0) return 0;
      words = this.#buckets.words(more);
      base = this.#buckets.base(more);
    }
  }

  /** Reads what lookups of these hashes will read. @returns a sum without meaning. */
  foresee(hashes: Uint32Array, count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const table = this.#tableOf(hashes[i]!);
      const bucket = this.#bucketOf(table, hashes[i]!);
      sum ^= table[bucket]! ^ table[bucket + 15]!;
    }
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]!;
      const table = this.#tableOf(hash);
      const bucket = this.#bucketOf(table, hash);
      const end = bucket + 2 * table[bucket + 15]!;
      for (let at = bucket; at < end; at += 2) {
        if (table[at] !== hash) continue;
        const { u32 } = this.#segments[table[at + 1]! >>> SEGMENT_SHIFT]!;
        const word = (table[at + 1]! & UNIT_MASK) << 2;
        sum ^= u32[word]! ^ (u32[word + LINE_WORDS] ?? 0);
      }
    }
    return sum;
  }

  insert(hash: number, address: number): void {
    const table = this.#tableOf(hash);
    this.#buckets.insert(table, this.#bucketOf(table, hash), hash, address);
    this.#count++;
    this.#work();
  }

  remove(hash: number, address: number): void {
    this.replace(hash, address, 0);
    this.#count--;
    this.#work();
  }

  /** The entry at `address` has moved to `to`. */
  replace(hash: number, address: number, to: number): void {
    const table = this.#tableOf(hash);
    this.#buckets.substitute(table, this.#bucketOf(table, hash), address, to);
  }

  /**
   * Adds to `found` the entries of the first occupied bucket at or behind `fromHash`, less those before
   * it; returns the hash behind that bucket: {@link HASHES_END} at the end. The order within is undefined.
   */
  walk(fromHash: number, found: number[]): number {
    const before = found.length;
    let from = fromHash;
    while (from < HASHES_END) {
      const table = this.#tableOf(from);
      const span = 2 ** (table === this.#old ? this.#oldShift : this.#shift);
      const end = table === this.#old || this.#old === undefined ? HASHES_END : this.#boundary;
      for (let bucket = Math.floor(from / span); bucket < end / span; bucket++) {
        this.#buckets.collect(table, bucket << BUCKET_SHIFT, fromHash, found);
        if (found.length > before) return (bucket + 1) * span;
      }
      from = end;
    }
    return HASHES_END;
  }

  #hasKey(address: number, bytes: Uint8Array, start: number, end: number): boolean {
    const segment = this.#segments[address >>> SEGMENT_SHIFT]!;
    const word = (address & UNIT_MASK) << 2;
    if (segment.u32[word + WORD.keyLength] !== end - start) return false;
    const u8 = segment.u8;
    let at = (word + WORD.key) << 2;
    for (let from = start; from < end; from++, at++) if (u8[at] !== bytes[from]) return false;
    return true;
  }

  #tableOf(hash: number): Uint32Array {
    const old = this.#old;
    return old !== undefined && hash >= this.#boundary ? old : this.#table;
  }

  #bucketOf(table: Uint32Array, hash: number): number {
    return (hash >>> (table === this.#old ? this.#oldShift : this.#shift)) << BUCKET_SHIFT;
  }

  /** A write's share of a resize, or the beginning of one. */
  #work(): void {
    if (this.#old !== undefined) {
      this.#move();
      return;
    }
    if (this.#count > this.#growAbove) this.#resize(this.#shift - 1);
    else if (this.#count < this.#shrinkBelow) this.#resize(this.#shift + 1);
  }

  #resize(shift: number): void {
    this.#old = this.#table;
    this.#oldShift = this.#shift;
    this.#oldSpan = 2 ** this.#shift;
    const bits = 32 - shift;
    const full = 2 ** bits * LOAD_MAX;
    this.#table = new Uint32Array((2 ** bits) << BUCKET_SHIFT);
    this.#shift = shift;
    this.#growAbove = bits < BITS_MAX ? full : Number.POSITIVE_INFINITY;
    this.#shrinkBelow = bits > BITS_MIN ? full / 8 : 0;
    this.#boundary = 0;
    this.#move();
  }

  #move(): void {
    const old = this.#old!;
    const shift = this.#oldShift;
    // A table that halves moves two buckets into one, so that the boundary is one of both tables.
    const count = this.#shift > shift ? 2 : 1;
    const first = this.#boundary >>> shift;
    for (let bucket = first; bucket < first + count; bucket++) {
      this.#buckets.move(old, bucket << BUCKET_SHIFT, this.#table, this.#shift);
    }
    this.#boundary = (first + count) * this.#oldSpan;
    if (this.#boundary === HASHES_END) this.#old = undefined;
  }
}
