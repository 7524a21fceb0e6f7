/**
 * The entries that expire, the next one first.
 *
 * 1. The order is (expiry, hash, key), a function of the entries alone: every replica removes the same ones
 *    first, whatever happened to its memory before.
 * 2. An entry knows its place, so it leaves in O(log n).
 * 3. The places are in pages of 64 Ki: growing copies nothing.
 */
import { compareExpiries, hasPassed } from './expiry-time.js';
import { WORD } from './record.js';
import { SEGMENT_SHIFT, type Segment, UNIT_MASK } from './slab.js';

const PAGE_SHIFT = 16;
const PAGE_MASK = 0xffff;

export class ExpiryHeap {
  readonly #segments: Segment[];
  readonly #pages: Uint32Array[] = [];
  #count = 0;

  constructor(segments: Segment[]) {
    this.#segments = segments;
  }

  get count(): number {
    return this.#count;
  }

  /** The entry that expires next, or 0. */
  get first(): number {
    return this.#count === 0 ? 0 : this.#at(0);
  }

  /** When the next entry expires, in milliseconds; Infinity if none does that a clock will see. */
  get firstExpiry(): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    const expiry = this.#expiryOf(this.#at(0));
    return expiry > 0 ? expiry : Number.POSITIVE_INFINITY;
  }

  /** How many entries have expired by `nowMs`, up to `most`: looks at those and their neighbours only. */
  countPassed(nowMs: number, most: number): number {
    if (this.firstExpiry > nowMs) return 0;
    let count = 0;
    const places = [0];
    for (let place = places.pop(); place !== undefined && count < most; place = places.pop()) {
      if (place >= this.#count || !hasPassed(this.#expiryOf(this.#at(place)), nowMs)) continue;
      count++;
      places.push(2 * place + 1, 2 * place + 2);
    }
    return count;
  }

  insert(address: number): void {
    const place = this.#count++;
    if (place >>> PAGE_SHIFT >= this.#pages.length) this.#pages.push(new Uint32Array(1 << PAGE_SHIFT));
    this.#rise(place, address);
  }

  remove(address: number): void {
    const place = this.#placeOf(address);
    const last = this.#at(--this.#count);
    if (this.#pages.length > (this.#count >>> PAGE_SHIFT) + 2) this.#pages.pop();
    this.#setPlace(address, 0);
    if (last === address) return;
    if (place > 0 && this.#before(last, this.#at((place - 1) >>> 1))) this.#rise(place, last);
    else this.#sink(place, last);
  }

  /** The entry at `address` has moved to `to`, its content unchanged. */
  replace(to: number): void {
    const place = this.#placeOf(to);
    this.#pages[place >>> PAGE_SHIFT]![place & PAGE_MASK] = to;
  }

  /** The expiry of the entry at `address` has changed. */
  update(address: number): void {
    const place = this.#placeOf(address);
    if (place > 0 && this.#before(address, this.#at((place - 1) >>> 1))) this.#rise(place, address);
    else this.#sink(place, address);
  }

  #at(place: number): number {
    return this.#pages[place >>> PAGE_SHIFT]![place & PAGE_MASK]!;
  }

  #put(place: number, address: number): void {
    this.#pages[place >>> PAGE_SHIFT]![place & PAGE_MASK] = address;
    this.#setPlace(address, place + 1);
  }

  #rise(from: number, address: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      const above = this.#at(parent);
      if (!this.#before(address, above)) break;
      this.#put(place, above);
      place = parent;
    }
    this.#put(place, address);
  }

  #sink(from: number, address: number): void {
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#count) break;
      let below = this.#at(child);
      if (child + 1 < this.#count) {
        const right = this.#at(child + 1);
        if (this.#before(right, below)) {
          child++;
          below = right;
        }
      }
      if (!this.#before(below, address)) break;
      this.#put(place, below);
      place = child;
    }
    this.#put(place, address);
  }

  #before(left: number, right: number): boolean {
    const difference = compareExpiries(this.#expiryOf(left), this.#expiryOf(right));
    return difference !== 0 ? difference < 0 : compareByHash(this.#segments, left, right) < 0;
  }

  #expiryOf(address: number): number {
    return this.#segments[address >>> SEGMENT_SHIFT]!.f64[((address & UNIT_MASK) << 1) + 3]!;
  }

  #placeOf(address: number): number {
    return this.#segments[address >>> SEGMENT_SHIFT]!.u32[((address & UNIT_MASK) << 2) + WORD.heap]! - 1;
  }

  #setPlace(address: number, placeAndOne: number): void {
    this.#segments[address >>> SEGMENT_SHIFT]!.u32[((address & UNIT_MASK) << 2) + WORD.heap] = placeAndOne;
  }
}

/** The order of (hash, key): the one in which the store is walked. */
export function compareByHash(segments: Segment[], left: number, right: number): number {
  const a = segments[left >>> SEGMENT_SHIFT]!;
  const b = segments[right >>> SEGMENT_SHIFT]!;
  const wordA = (left & UNIT_MASK) << 2;
  const wordB = (right & UNIT_MASK) << 2;
  const difference = a.u32[wordA + WORD.hash]! - b.u32[wordB + WORD.hash]!;
  if (difference !== 0) return difference;
  const keyA = (wordA + WORD.key) << 2;
  const keyB = (wordB + WORD.key) << 2;
  const endA = keyA + a.u32[wordA + WORD.keyLength]!;
  const endB = keyB + b.u32[wordB + WORD.keyLength]!;
  return a.u8.compare(b.u8, keyB, endB, keyA, endA);
}
