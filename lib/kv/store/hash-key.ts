/**
 * What the order of a store's keys, and their classes, hang on. It is part of the replicated state: the same
 * on every replica, drawn by the port whose command is the first one executed, and told to no client.
 *
 * 1. 128 bits that nobody can guess: no client can choose keys whose hashes are equal, whatever SCAN tells
 *    it of the hashes of others.
 * 2. A state that was begun by a command without them, as by an older version, has a 32-bit seed made of
 *    that command's time and slot, and Murmur3; it keeps both until it is emptied.
 * 3. A state in which nothing has been executed has neither.
 */
import { hashSeeded, mix32 } from './hash.js';
import { sipHash13 } from './sip-hash.js';

export const HASH_KEY_BYTES = 16;

export class HashKey {
  static readonly none: HashKey = new HashKey(Buffer.alloc(HASH_KEY_BYTES), 0);
  readonly bytes: Buffer;
  /** 0: the bytes are the key. */
  readonly seed: number;
  readonly #words: Int32Array = new Int32Array(4);

  private constructor(bytes: Buffer, seed: number) {
    this.bytes = bytes;
    this.seed = seed;
    for (let i = 0; i < 4; i++) this.#words[i] = bytes.readInt32LE(4 * i);
  }

  /** The key that bytes[at, at + 16) are; none, if they are all zero. */
  static read(bytes: Uint8Array, at: number): HashKey {
    const own = Buffer.from(bytes.subarray(at, at + HASH_KEY_BYTES));
    return own.some((byte) => byte !== 0) ? new HashKey(own, 0) : HashKey.none;
  }

  static ofSeed(seed: number): HashKey {
    return seed === 0 ? HashKey.none : new HashKey(HashKey.none.bytes, seed >>> 0);
  }

  /** Of a first command that brings no key. */
  static ofCommand(timeMs: number, slot: number): HashKey {
    return HashKey.ofSeed(mix32((timeMs % 2 ** 32) ^ mix32(slot)) | 1);
  }

  /** The place of key bytes[start, end) in the store's order: 0 … 2³² − 1. */
  hash(bytes: Uint8Array, start: number, end: number): number {
    if (this.seed === 0) return sipHash13(bytes, start, end, this.#words);
    return hashSeeded(bytes, start, end, this.seed);
  }
}
