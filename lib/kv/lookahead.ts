/**
 * What the next commands are about: the hashes of their first keys, computed together, so that memory is
 * asked for all of them at once. An entry of a large state is in no cache; memory gives many lines in
 * little more time than one.
 *
 * 1. It changes nothing, and nothing hangs on it: a hash that it knows is that of exactly those bytes and
 *    that key, and one that it does not know is computed.
 * 2. Bytes it is given do not change while they are being executed; it keeps no hash of others.
 */
import { headBytes, readUint32 } from './command-format.js';
import { HashKey } from './store/hash-key.js';
import type { Store } from './store/store.js';

/** Commands that are looked at together: so many lines of memory stay in the nearest cache until used. */
const AHEAD_MAX = 64;
/** A longer key is hashed when its turn comes. */
const KEY_BYTES_AHEAD_MAX = 256;

export class Lookahead {
  readonly #starts: Uint32Array = new Uint32Array(AHEAD_MAX);
  readonly #ends: Uint32Array = new Uint32Array(AHEAD_MAX);
  readonly #hashes: Uint32Array = new Uint32Array(AHEAD_MAX);
  #bytes: Uint8Array | undefined = undefined;
  #hashKey: HashKey = HashKey.none;
  #count = 0;
  #next = 0;

  /** Looks at `count` commands at most, each as its length and its bytes from `start` on. */
  look(store: Store, bytes: Uint8Array, start: number, count: number): void {
    const starts = this.#starts;
    const ends = this.#ends;
    const hashes = this.#hashes;
    let at = start;
    let found = 0;
    for (let i = 0; i < count && found < AHEAD_MAX; i++) {
      const command = at + 4;
      at = command + readUint32(bytes, at);
      const key = command + headBytes(bytes[command + 1]!) + 4;
      if (key > at) continue;
      const length = readUint32(bytes, key - 4);
      if (length > KEY_BYTES_AHEAD_MAX || length > at - key) continue;
      starts[found] = key;
      ends[found] = key + length;
      hashes[found] = store.hash(bytes, key, key + length);
      found++;
    }
    this.#bytes = bytes;
    this.#hashKey = store.hashKey;
    this.#count = found;
    this.#next = 0;
    store.foresee(hashes, found);
  }

  /** The hash of key bytes[start, end). */
  hash(store: Store, bytes: Uint8Array, start: number, end: number): number {
    if (bytes === this.#bytes && store.hashKey === this.#hashKey) {
      const starts = this.#starts;
      let next = this.#next;
      while (next < this.#count && starts[next]! < start) next++;
      this.#next = next;
      if (next < this.#count && starts[next] === start && this.#ends[next] === end)
        return this.#hashes[next]!;
    }
    return store.hash(bytes, start, end);
  }
}
