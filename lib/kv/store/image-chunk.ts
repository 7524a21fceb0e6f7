/**
 * Bytes of an image being gathered: entries in the form of image-format.ts, one behind the other.
 *
 * 1. bytes[0, length) is what was put in; three bytes behind it may be written and mean nothing.
 */
import { ENTRY_HEAD_BYTES } from './image-format.js';
import { padded, WORD } from './record.js';
import type { Segment } from './slab.js';

/** A chunk that grew beyond this, by a large entry, is given back once it has been emptied. */
const KEPT_BYTES_MAX: number = 256 << 10;
/** From this many words on the engine's copy is quicker than a loop. */
const LOOP_WORDS_MAX = 64;
/** Words are copied whole: the last one may reach over the end. */
const OVERSHOOT_BYTES = 3;

export class ImageChunk {
  bytes: Buffer;
  view: DataView;
  length = 0;
  readonly #initialBytes: number;

  constructor(initialBytes: number) {
    this.#initialBytes = initialBytes;
    this.bytes = Buffer.allocUnsafeSlow(initialBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  clear(): void {
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES_MAX) this.#replace(this.#initialBytes);
  }

  reserve(lengthBytes: number): number {
    const at = this.length;
    const end = at + lengthBytes;
    if (end + OVERSHOOT_BYTES > this.bytes.length) {
      const before = this.bytes;
      this.#replace(Math.max(end + OVERSHOOT_BYTES, 2 * before.length));
      before.copy(this.bytes, 0, 0, at);
    }
    this.length = end;
    return at;
  }

  /** Puts in the entry whose record begins at `word` of `segment`. */
  addEntry(segment: Segment, word: number): void {
    const { u32 } = segment;
    const keyLength = u32[word + WORD.keyLength]!;
    const valueLength = u32[word + WORD.valueLength]!;
    const at = this.reserve(ENTRY_HEAD_BYTES + keyLength + valueLength);
    const { view } = this;
    view.setUint32(at, keyLength, true);
    view.setUint32(at + 4, valueLength, true);
    for (let i = 0; i < 4; i++) view.setUint32(at + 8 + 4 * i, u32[word + WORD.version + i]!, true);
    const key = word + WORD.key;
    const value = key + (padded(keyLength) >>> 2);
    this.#copy(segment, key, keyLength, at + ENTRY_HEAD_BYTES);
    this.#copy(segment, value, valueLength, at + ENTRY_HEAD_BYTES + keyLength);
  }

  #copy(segment: Segment, word: number, lengthBytes: number, to: number): void {
    const words = (lengthBytes + 3) >>> 2;
    if (words > LOOP_WORDS_MAX) {
      segment.u8.copy(this.bytes, to, word << 2, (word << 2) + lengthBytes);
      return;
    }
    const { u32 } = segment;
    const { view } = this;
    for (let i = 0; i < words; i++) view.setUint32(to + 4 * i, u32[word + i]!, true);
  }

  #replace(lengthBytes: number): void {
    this.bytes = Buffer.allocUnsafeSlow(lengthBytes);
    this.view = new DataView(this.bytes.buffer);
  }
}
