/**
 * A checkpoint being taken: the store as it was when the image was made, while the store goes on changing.
 *
 * 1. Entries are walked in the order of their hashes. An entry at or behind the cursor that has not changed
 *    since is saved aside just before it does; one that has a newer version is skipped by the walk. So each
 *    entry of the old state comes out exactly once.
 * 2. What is saved aside is given out with the next chunk: memory is bounded by what changes between chunks.
 * 3. When the walk ends, or the image is closed, the store forgets it.
 */
import { Output } from '../resp/output.js';
import { HASHES_END } from './hash-index.js';
import { ENTRY_HEAD_BYTES, HEAD_AT, IMAGE_END, IMAGE_HEAD_BYTES, IMAGE_MAGIC } from './image-format.js';
import { copyEntry, WORD } from './record.js';
import { UNIT_MASK } from './slab.js';
import type { BeforeImage, Store } from './store.js';

/** Chunks are about this large; none is larger than CHUNK_BYTES_MAX. */
const CHUNK_BYTES: number = 64 << 10;
const CHUNK_BYTES_MAX: number = 128 << 10;
/** Entries looked up together. */
const GATHERED = 128;

export class StoreImage implements BeforeImage {
  readonly #store: Store;
  readonly #version: number;
  #cursor = 0;
  #out: Output = new Output(CHUNK_BYTES + 4096, CHUNK_BYTES_MAX);
  readonly #found: number[] = [];

  constructor(store: Store, timeMs: number) {
    this.#store = store;
    this.#version = store.mutations;
    this.#head(timeMs);
    store.image = this;
  }

  save(address: number): void {
    const store = this.#store;
    if (store.version(address) > this.#version || store.hashOf(address) < this.#cursor) return;
    this.#entry(address);
  }

  /** Frees the store of it. What has not been given out is lost. */
  close(): void {
    if (this.#store.image === this) this.#store.image = undefined;
    this.#out.clear();
  }

  *chunks(): Generator<Uint8Array, void, undefined> {
    try {
      while (this.#cursor < HASHES_END) {
        this.#walk();
        yield* this.#given();
      }
      this.#out.writeUint32(IMAGE_END);
      this.#out.writeUint32(IMAGE_END);
      yield* this.#given();
    } finally {
      this.close();
    }
  }

  #head(timeMs: number): void {
    const head = Buffer.alloc(IMAGE_HEAD_BYTES);
    const store = this.#store;
    head.write(IMAGE_MAGIC, 0, 'latin1');
    head.writeUInt32LE(store.seed, HEAD_AT.seed);
    head.writeDoubleLE(store.mutations, HEAD_AT.mutations);
    head.writeDoubleLE(timeMs, HEAD_AT.time);
    head.writeDoubleLE(store.count, HEAD_AT.entries);
    head.writeUInt32LE(store.digestLow, HEAD_AT.digest);
    head.writeUInt32LE(store.digestHigh, HEAD_AT.digest + 4);
    store.removals.forEach((version, i) => {
      head.writeDoubleLE(version, HEAD_AT.removals + 8 * i);
    });
    this.#out.write(head);
  }

  /** Writes entries until a chunk is full or none is left. */
  #walk(): void {
    const store = this.#store;
    while (this.#cursor < HASHES_END && this.#out.length < CHUNK_BYTES) {
      this.#cursor = store.gather(this.#cursor, this.#found, GATHERED);
      for (const address of this.#found) {
        if (store.version(address) <= this.#version) this.#entry(address);
      }
    }
    if (this.#cursor >= HASHES_END && store.image === this) store.image = undefined;
  }

  *#given(): Generator<Uint8Array, void, undefined> {
    const bytes = this.#out.take();
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES_MAX) yield bytes.subarray(at, at + CHUNK_BYTES_MAX);
  }

  #entry(address: number): void {
    const segment = this.#store.segment(address);
    const word = (address & UNIT_MASK) << 2;
    const { u32 } = segment;
    const length = ENTRY_HEAD_BYTES + u32[word + WORD.keyLength]! + u32[word + WORD.valueLength]!;
    const at = this.#out.reserve(length);
    copyEntry(segment, word, this.#out.buffer, at);
  }
}
