/**
 * A checkpoint being taken: the store as it was when the image was made, while the store goes on changing.
 *
 * 1. Entries are walked as they lie in memory, which costs a sixth of a walk in the order of their
 *    hashes. What lies where differs from replica to replica, and so do the bytes of their images; the
 *    state does not: an image is a set of entries, and its digest is a sum over them (store.ts, 2).
 * 2. An entry that has not changed since the image was made lies where it lay then; it is saved aside just
 *    before it changes, unless the walk is past it, and has a newer version from then on. A freed block
 *    has the version of nothing, and what is put there a newer one. So each entry of the old state comes
 *    out exactly once.
 * 3. What is saved aside is given out with the next chunk: memory is bounded by what changes between
 *    chunks.
 * 4. Two buffers take turns: a chunk is valid until the next one is pulled.
 * 5. When the walk ends, or the image is closed, the store forgets it.
 */
import { ImageChunk } from './image-chunk.js';
import {
  HEAD_AT,
  IMAGE_END,
  IMAGE_END_BYTES,
  IMAGE_HEAD_BYTES,
  IMAGE_KEY_AT,
  IMAGE_MAGIC,
} from './image-format.js';
import { SEGMENT_SHIFT, UNIT_MASK } from './slab.js';
import type { BeforeImage, Store } from './store.js';

/** Chunks are about this large; none is larger than CHUNK_BYTES_MAX. */
const CHUNK_BYTES: number = 64 << 10;
const CHUNK_BYTES_MAX: number = 128 << 10;

export class StoreImage implements BeforeImage {
  readonly #store: Store;
  readonly #version: number;
  /** Entries before this address have been given out; the first one lies in segment 1. */
  #cursor = 0;
  /** Segments that there were when the image was made; those behind them hold newer entries only. */
  readonly #segmentsEnd: number;
  #filling: ImageChunk = new ImageChunk(CHUNK_BYTES + 4096);
  #given: ImageChunk = new ImageChunk(CHUNK_BYTES + 4096);

  constructor(store: Store, timeMs: number) {
    this.#store = store;
    this.#version = store.mutations;
    this.#segmentsEnd = store.segments.length;
    this.#head(timeMs);
    store.image = this;
  }

  save(address: number): void {
    const store = this.#store;
    if (address < this.#cursor || store.version(address) > this.#version) return;
    this.#filling.addEntry(store.segment(address), (address & UNIT_MASK) << 2);
  }

  /** Frees the store of it. What has not been given out is lost. */
  close(): void {
    if (this.#store.image === this) this.#store.image = undefined;
    this.#cursor = this.#segmentsEnd * 2 ** SEGMENT_SHIFT;
  }

  *chunks(): Generator<Uint8Array, void, undefined> {
    try {
      while (this.#cursor < this.#segmentsEnd * 2 ** SEGMENT_SHIFT) {
        this.#walk();
        yield* this.#give();
      }
      const at = this.#filling.reserve(IMAGE_END_BYTES);
      this.#filling.view.setUint32(at, IMAGE_END, true);
      this.#filling.view.setUint32(at + 4, IMAGE_END, true);
      yield* this.#give();
    } finally {
      this.close();
    }
  }

  #head(timeMs: number): void {
    const store = this.#store;
    const at = this.#filling.reserve(IMAGE_HEAD_BYTES);
    const { bytes, view } = this.#filling;
    bytes.write(IMAGE_MAGIC, at, 'latin1');
    view.setUint32(at + HEAD_AT.seed, store.hashKey.seed, true);
    view.setUint32(at + HEAD_AT.seed + 4, 0, true);
    view.setFloat64(at + HEAD_AT.mutations, store.mutations, true);
    view.setFloat64(at + HEAD_AT.time, timeMs, true);
    view.setFloat64(at + HEAD_AT.entries, store.count, true);
    view.setUint32(at + HEAD_AT.digest, store.digestLow, true);
    view.setUint32(at + HEAD_AT.digest + 4, store.digestHigh, true);
    store.hashKey.bytes.copy(bytes, at + IMAGE_KEY_AT);
    store.removals.forEach((version, i) => {
      view.setFloat64(at + HEAD_AT.removals + 8 * i, version, true);
    });
  }

  /** Writes entries until a chunk is full or none is left. */
  #walk(): void {
    const store = this.#store;
    let index = this.#cursor >>> SEGMENT_SHIFT;
    let unit = this.#cursor & UNIT_MASK;
    for (; index < this.#segmentsEnd; index++, unit = 0) {
      const segment = store.segments[index]!;
      const { f64, blockUnits, carved } = segment;
      // A segment that was cut anew since the walk was in it holds newer entries only.
      if (unit % blockUnits !== 0) continue;
      for (; unit < carved; unit += blockUnits) {
        if (this.#filling.length >= CHUNK_BYTES) {
          this.#cursor = index * 2 ** SEGMENT_SHIFT + unit;
          return;
        }
        if (f64[(unit << 1) + 2]! <= this.#version) this.#filling.addEntry(segment, unit << 2);
      }
    }
    this.#cursor = this.#segmentsEnd * 2 ** SEGMENT_SHIFT;
    if (store.image === this) store.image = undefined;
  }

  *#give(): Generator<Uint8Array, void, undefined> {
    const given = this.#filling;
    this.#filling = this.#given;
    this.#filling.clear();
    this.#given = given;
    for (let at = 0; at < given.length; at += CHUNK_BYTES_MAX) {
      yield given.bytes.subarray(at, Math.min(given.length, at + CHUNK_BYTES_MAX));
    }
  }
}
