/**
 * Buckets of (hash, address) pairs, a cache line each, in words:
 *
 *   0 … 13 seven pairs   14 the bucket that goes on where this one is full, or 0   15 number of pairs here
 *
 * 1. The pairs of a bucket are its first ones; their order means nothing.
 * 2. Buckets that go on come out of one pool, of pages that never move; none of them is empty.
 */

export const BUCKET_SHIFT = 4;
export const BUCKET_PAIRS = 7;
const MORE = 14;
const COUNT = 15;
const PAGE_SHIFT = 12;
const PAGE_MASK: number = (1 << PAGE_SHIFT) - 1;

export class HashBuckets {
  readonly #pages: Uint32Array[] = [];
  #carved = 1;
  /** First free bucket of the pool; the next one's name is where its own next would be. */
  #free = 0;

  get heldBytes(): number {
    return (this.#pages.length << PAGE_SHIFT) * 64;
  }

  /** The words in which bucket `name` of the pool lies. */
  words(name: number): Uint32Array {
    return this.#pages[name >>> PAGE_SHIFT]!;
  }

  /** Where in them it begins. */
  base(name: number): number {
    return (name & PAGE_MASK) << BUCKET_SHIFT;
  }

  insert(table: Uint32Array, bucket: number, hash: number, address: number): void {
    let words = table;
    let base = bucket;
    while (words[base + COUNT] === BUCKET_PAIRS) {
      let more = words[base + MORE]!;
      if (more === 0) {
        more = this.#allocate();
        words[base + MORE] = more;
      }
      words = this.words(more);
      base = this.base(more);
    }
    const count = words[base + COUNT]!;
    words[base + 2 * count] = hash;
    words[base + 2 * count + 1] = address;
    words[base + COUNT] = count + 1;
  }

  /** Gives the pair of `address`, which is there, the address `to`; 0 takes it out. */
  substitute(table: Uint32Array, bucket: number, address: number, to: number): void {
    let words = table;
    let base = bucket;
    let before: Uint32Array | undefined;
    let beforeBase = 0;
    for (;;) {
      const end = base + 2 * words[base + COUNT]!;
      let at = base + 1;
      while (at < end && words[at] !== address) at += 2;
      if (at < end) {
        if (to !== 0) words[at] = to;
        else this.#take(words, base, at, before, beforeBase);
        return;
      }
      const more = words[base + MORE]!;
      before = words;
      beforeBase = base;
      words = this.words(more);
      base = this.base(more);
    }
  }

  /** Adds the addresses whose hashes are at or behind `fromHash` to `found`. */
  collect(table: Uint32Array, bucket: number, fromHash: number, found: number[]): void {
    let words = table;
    let base = bucket;
    for (;;) {
      const end = base + 2 * words[base + COUNT]!;
      for (let at = base; at < end; at += 2) if (words[at]! >= fromHash) found.push(words[at + 1]!);
      const more = words[base + MORE]!;
      if (more === 0) return;
      words = this.words(more);
      base = this.base(more);
    }
  }

  /** Moves all pairs of a bucket to the buckets of `target` that their hashes, shifted, name. */
  move(table: Uint32Array, bucket: number, target: Uint32Array, shift: number): void {
    let words = table;
    let base = bucket;
    let name = 0;
    for (;;) {
      const end = base + 2 * words[base + COUNT]!;
      for (let at = base; at < end; at += 2) {
        const hash = words[at]!;
        this.insert(target, (hash >>> shift) << BUCKET_SHIFT, hash, words[at + 1]!);
      }
      const more = words[base + MORE]!;
      if (name !== 0) this.#release(name);
      if (more === 0) return;
      name = more;
      words = this.words(more);
      base = this.base(more);
    }
  }

  #take(
    words: Uint32Array,
    base: number,
    at: number,
    before: Uint32Array | undefined,
    beforeBase: number,
  ): void {
    const count = words[base + COUNT]! - 1;
    words[at - 1] = words[base + 2 * count]!;
    words[at] = words[base + 2 * count + 1]!;
    words[base + COUNT] = count;
    if (count > 0 || before === undefined) return;
    const name = before[beforeBase + MORE]!;
    before[beforeBase + MORE] = words[base + MORE]!;
    this.#release(name);
  }

  #allocate(): number {
    const name = this.#free === 0 ? this.#carved++ : this.#free;
    if (name >>> PAGE_SHIFT >= this.#pages.length) this.#pages.push(new Uint32Array(16 << PAGE_SHIFT));
    const words = this.words(name);
    const base = this.base(name);
    if (name === this.#free) this.#free = words[base + MORE]!;
    words[base + MORE] = 0;
    words[base + COUNT] = 0;
    return name;
  }

  #release(name: number): void {
    this.words(name)[this.base(name) + MORE] = this.#free;
    this.#free = name;
  }
}
