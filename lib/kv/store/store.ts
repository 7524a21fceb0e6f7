/**
 * The replicated state: keys, values and expiries in slabs outside the JavaScript heap, with no object a
 * key. An entry is named by its address, which any change of its value may change.
 *
 * 1. Each change of an entry gives it a version of its own, larger than all before: `mutations`.
 * 2. What a caller can see (entries, versions, order, `usedBytes`, digest) depends on the changes made
 *    and on the key of the hashes alone, never on memory: replicas agree, also one that was restored from a
 *    checkpoint.
 * 3. `usedBytes` counts keys, values and a fixed overhead for each entry, not the memory held.
 * 4. Before an entry changes or goes, `image` (a checkpoint being taken) may save it as it was.
 * 5. An absent key has a version too: that of the last removal among the keys of its hash class, so that a
 *    key made and removed again does not look untouched.
 */
import { ENTRY_OVERHEAD_BYTES } from '../limits.js';
import { compareByHash, ExpiryHeap } from './expiry-heap.js';
import { HashIndex } from './hash-index.js';
import type { HashKey } from './hash-key.js';
import {
  digestHigh,
  digestLow,
  padded,
  recordBytes,
  rewindLanes,
  WORD,
  writeKey,
  writeValue,
} from './record.js';
import { SEGMENT_SHIFT, type Segment, Slab, UNIT_MASK } from './slab.js';

export const REMOVAL_CLASSES = 1024;
const REMOVAL_SHIFT = 22;
/** The version of a block without an entry: newer than any. */
const FREED: number = Number.POSITIVE_INFINITY;

/** A checkpoint that is being taken. */
export interface BeforeImage {
  /** The entry at `address` is about to change or go. */
  save(address: number): void;
}

export class Store {
  readonly hashKey: HashKey;
  mutations = 0;
  usedBytes = 0;
  /** The two halves of the digest: sums over all entries. */
  digestLow = 0;
  digestHigh = 0;
  image: BeforeImage | undefined = undefined;
  /** Version of the last removal in each class of hashes. */
  readonly removals: Float64Array = new Float64Array(REMOVAL_CLASSES);
  /** Entries in each class of hashes. */
  readonly #population: Uint32Array = new Uint32Array(REMOVAL_CLASSES);
  readonly #slab: Slab = new Slab();
  /** Where the entries lie, for the walk of a checkpoint: blocks whose version is FREED hold none. */
  readonly segments: Segment[] = this.#slab.segments;
  readonly #index: HashIndex = new HashIndex(this.segments);
  readonly #heap: ExpiryHeap = new ExpiryHeap(this.segments);

  /** Kept, so that no compiler leaves the reading out. */
  fetched = 0;

  constructor(hashKey: HashKey) {
    this.hashKey = hashKey;
  }

  get count(): number {
    return this.#index.count;
  }

  get expiring(): number {
    return this.#heap.count;
  }

  /** How many entries are past their expiry at `nowMs`, and still here; none are counted beyond `most`. */
  expiredBy(nowMs: number, most: number): number {
    return this.#heap.countPassed(nowMs, most);
  }

  /** When the next entry expires, in milliseconds; Infinity if none does. */
  get nextExpiry(): number {
    return this.#heap.firstExpiry;
  }

  /** The entry that expires next, or 0. */
  get nextExpiring(): number {
    return this.#heap.first;
  }

  /** Memory held outside the JavaScript heap, in bytes. */
  get heldBytes(): number {
    return this.#slab.heldBytes + this.#index.heldBytes;
  }

  hash(bytes: Uint8Array, start: number, end: number): number {
    return this.hashKey.hash(bytes, start, end);
  }

  /**
   * Keys with these hashes are looked up soon: reads a word of each line of memory that this will need,
   * all of them together.
   */
  foresee(hashes: Uint32Array, count: number): void {
    this.fetched = this.#index.foresee(hashes, count);
  }

  /** The entry with that key, or 0. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): number {
    return this.#index.find(hash, bytes, start, end);
  }

  segment(address: number): Segment {
    return this.segments[address >>> SEGMENT_SHIFT]!;
  }

  hashOf(address: number): number {
    return this.segment(address).u32[((address & UNIT_MASK) << 2) + WORD.hash]!;
  }

  keyStart(address: number): number {
    return (((address & UNIT_MASK) << 2) + WORD.key) << 2;
  }

  keyLength(address: number): number {
    return this.segment(address).u32[((address & UNIT_MASK) << 2) + WORD.keyLength]!;
  }

  /** Where the value starts in its segment's bytes. */
  valueStart(address: number): number {
    return this.keyStart(address) + padded(this.keyLength(address));
  }

  valueLength(address: number): number {
    return this.segment(address).u32[((address & UNIT_MASK) << 2) + WORD.valueLength]!;
  }

  version(address: number): number {
    return this.segment(address).f64[((address & UNIT_MASK) << 1) + 2]!;
  }

  /** As expiry-time.ts has it; 0: never. */
  expiry(address: number): number {
    return this.segment(address).f64[((address & UNIT_MASK) << 1) + 3]!;
  }

  absentVersion(hash: number): number {
    return this.removals[hash >>> REMOVAL_SHIFT]!;
  }

  /** Adds an entry for a key that is not there: key[start, end) and value[from, through). */
  insert(
    hash: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    expiry: number,
    version: number = ++this.mutations,
  ): number {
    const address = this.#slab.allocate(recordBytes(keyEnd - keyStart, valueEnd - valueStart));
    const segment = this.segments[address >>> SEGMENT_SHIFT]!;
    const word = (address & UNIT_MASK) << 2;
    segment.u32[word + WORD.hash] = hash;
    segment.u32[word + WORD.heap] = 0;
    segment.f64[(word >>> 1) + 2] = version;
    segment.f64[(word >>> 1) + 3] = expiry;
    writeKey(segment, word, key, keyStart, keyEnd);
    writeValue(segment, word, 0, value, valueStart, valueEnd);
    this.#index.insert(hash, address);
    if (expiry !== 0) this.#heap.insert(address);
    this.#population[hash >>> REMOVAL_SHIFT]!++;
    this.usedBytes += ENTRY_OVERHEAD_BYTES + keyEnd - keyStart + valueEnd - valueStart;
    this.#add(segment, word);
    return address;
  }

  /** Gives the entry another value and expiry; returns where it is now. */
  replace(address: number, value: Uint8Array, start: number, end: number, expiry: number): number {
    this.#touch(address);
    const room = recordBytes(this.keyLength(address), end - start);
    const held = this.#slab.capacityBytes(address);
    this.usedBytes += end - start - this.valueLength(address);
    const to = room <= held && room * 2 >= held ? address : this.#move(address, room, 0);
    const segment = this.segment(to);
    const word = (to & UNIT_MASK) << 2;
    rewindLanes(segment, word);
    writeValue(segment, word, 0, value, start, end);
    segment.f64[(word >>> 1) + 2] = ++this.mutations;
    this.#setExpiry(to, expiry);
    this.#add(segment, word);
    return to;
  }

  /** Puts bytes behind the entry's value; returns where it is now. */
  append(address: number, bytes: Uint8Array, start: number, end: number): number {
    const length = this.valueLength(address);
    const room = recordBytes(this.keyLength(address), length + end - start);
    this.#touch(address);
    this.usedBytes += end - start;
    const fits = room <= this.#slab.capacityBytes(address);
    const to = fits ? address : this.#move(address, room + Math.min(room >>> 1, 64 << 10), length);
    const segment = this.segment(to);
    const word = (to & UNIT_MASK) << 2;
    writeValue(segment, word, length, bytes, start, end);
    segment.f64[(word >>> 1) + 2] = ++this.mutations;
    this.#add(segment, word);
    return to;
  }

  /** Changes when the entry expires; 0: never. */
  expire(address: number, expiry: number): void {
    this.#touch(address);
    const segment = this.segment(address);
    segment.f64[((address & UNIT_MASK) << 1) + 2] = ++this.mutations;
    this.#setExpiry(address, expiry);
    this.#add(segment, (address & UNIT_MASK) << 2);
  }

  remove(address: number): void {
    this.#touch(address);
    const segment = this.segment(address);
    const word = (address & UNIT_MASK) << 2;
    const hash = segment.u32[word + WORD.hash]!;
    this.usedBytes -= ENTRY_OVERHEAD_BYTES + segment.u32[word + WORD.keyLength]!;
    this.usedBytes -= segment.u32[word + WORD.valueLength]!;
    if (segment.u32[word + WORD.heap] !== 0) this.#heap.remove(address);
    this.#index.remove(hash, address);
    this.#free(address);
    this.removals[hash >>> REMOVAL_SHIFT] = ++this.mutations;
    this.#population[hash >>> REMOVAL_SHIFT]!--;
  }

  /** A key with that hash was made and is gone again. */
  touchAbsent(hash: number): void {
    this.removals[hash >>> REMOVAL_SHIFT] = ++this.mutations;
  }

  /**
   * A store without entries that goes on where this one ends. This one stays as it is. With another key
   * hashes have other classes: every key counts as removed.
   */
  emptied(hashKey: HashKey = this.hashKey): Store {
    const empty = new Store(hashKey);
    empty.mutations = this.mutations + 1;
    this.removals.forEach((version, i) => {
      const untouched = this.#population[i] === 0 && hashKey === this.hashKey;
      empty.removals[i] = untouched ? version : empty.mutations;
    });
    return empty;
  }

  /**
   * Fills `found` with some entries, in the order of (hash, key), none of them before `fromHash` and none
   * left out between it and the hash returned, which is where to go on: HASHES_END at the end.
   */
  walk(fromHash: number, found: number[]): number {
    found.length = 0;
    const behind = this.#index.walk(fromHash, found);
    if (found.length > 1) found.sort((left, right) => compareByHash(this.segments, left, right));
    return behind;
  }

  /** Takes the entry out of the digest, before it changes, and lets a checkpoint save it. */
  #touch(address: number): void {
    if (this.image !== undefined) this.image.save(address);
    const segment = this.segment(address);
    const word = (address & UNIT_MASK) << 2;
    this.digestLow = (this.digestLow - digestLow(segment.u32, word)) >>> 0;
    this.digestHigh = (this.digestHigh - digestHigh(segment.u32, word)) >>> 0;
  }

  #add(segment: Segment, word: number): void {
    this.digestLow = (this.digestLow + digestLow(segment.u32, word)) >>> 0;
    this.digestHigh = (this.digestHigh + digestHigh(segment.u32, word)) >>> 0;
  }

  /** Moves an entry to a block of `room` bytes, with `length` bytes of its value; the old block is freed. */
  #move(address: number, room: number, length: number): number {
    const to = this.#slab.allocate(room);
    const old = this.segment(address);
    const from = (address & UNIT_MASK) << 2;
    const segment = this.segment(to);
    const word = (to & UNIT_MASK) << 2;
    const words = recordBytes(old.u32[from + WORD.keyLength]!, length) >>> 2;
    segment.u32.set(old.u32.subarray(from, from + words), word);
    this.#index.replace(segment.u32[word + WORD.hash]!, address, to);
    if (segment.u32[word + WORD.heap] !== 0) this.#heap.replace(to);
    this.#free(address);
    return to;
  }

  #free(address: number): void {
    this.segment(address).f64[((address & UNIT_MASK) << 1) + 2] = FREED;
    this.#slab.free(address);
  }

  #setExpiry(address: number, expiry: number): void {
    const segment = this.segment(address);
    const place = ((address & UNIT_MASK) << 1) + 3;
    const before = segment.f64[place]!;
    if (before === expiry) return;
    if (expiry === 0) this.#heap.remove(address);
    segment.f64[place] = expiry;
    if (before === 0) this.#heap.insert(address);
    else if (expiry !== 0) this.#heap.update(address);
  }
}
