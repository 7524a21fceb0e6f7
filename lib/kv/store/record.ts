/**
 * One entry as it lies in its block, little-endian, in 32-bit words from the block's start:
 *
 *   0 hash of the key   1 key length   2 value length   3 place in the expiry heap + 1, or 0
 *   4 version (f64)     6 expiry (f64, see expiry-time.ts)
 *   8, 9 content lanes over the whole words of key and value
 *   10 … key, zero-padded to a word, then value, zero-padded to a word
 *
 * 1. A key starts and a value starts at a word; the bytes behind them up to the word's end are zero.
 * 2. The lanes cover the padded key and the value's complete words; its last, partial word is not in them.
 */
import { copyBytes } from '../resp/reply.js';
import { LANE_A, LANE_B, laneA, laneB, mix32 } from './hash.js';
import type { Segment } from './slab.js';

export const HEADER_BYTES = 40;
export const WORD = {
  hash: 0,
  keyLength: 1,
  valueLength: 2,
  heap: 3,
  version: 4,
  expiryLow: 6,
  expiryHigh: 7,
  laneA: 8,
  laneB: 9,
  key: 10,
} as const;

/** Bytes up to the next word. */
export function padded(lengthBytes: number): number {
  return (lengthBytes + 3) & ~3;
}

export function recordBytes(keyLength: number, valueLength: number): number {
  return HEADER_BYTES + padded(keyLength) + padded(valueLength);
}

/** Writes the key and begins the lanes. `word` is the record's first word in its segment. */
export function writeKey(
  segment: Segment,
  word: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const u32 = segment.u32;
  u32[word + WORD.keyLength] = end - start;
  let a = LANE_A;
  let b = LANE_B;
  let to = word + WORD.key;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const part = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    u32[to++] = part;
    a = laneA(a, part);
    b = laneB(b, part);
  }
  if (at < end) {
    let part = bytes[at]!;
    if (at + 1 < end) part |= bytes[at + 1]! << 8;
    if (at + 2 < end) part |= bytes[at + 2]! << 16;
    u32[to] = part;
    a = laneA(a, part);
    b = laneB(b, part);
  }
  u32[word + WORD.laneA] = a;
  u32[word + WORD.laneB] = b;
}

/** Begins the lanes again from the key that is already there. */
export function rewindLanes(segment: Segment, word: number): void {
  const u32 = segment.u32;
  let a = LANE_A;
  let b = LANE_B;
  const end = word + WORD.key + (padded(u32[word + WORD.keyLength]!) >>> 2);
  for (let at = word + WORD.key; at < end; at++) {
    const part = u32[at]!;
    a = laneA(a, part);
    b = laneB(b, part);
  }
  u32[word + WORD.laneA] = a;
  u32[word + WORD.laneB] = b;
}

/** Puts bytes[start, end) behind the `length` bytes of value that are there; the lanes go on. */
export function writeValue(
  segment: Segment,
  word: number,
  length: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const u32 = segment.u32;
  const first = word + WORD.key + (padded(u32[word + WORD.keyLength]!) >>> 2);
  const total = length + end - start;
  const lastPartial = total & 3;
  const partial = length & 3;
  const lastWord = first + (total >>> 2);
  if (lastPartial !== 0 && (partial === 0 || length >>> 2 !== total >>> 2)) u32[lastWord] = 0;
  copyBytes(bytes, start, end, segment.u8, (first << 2) + length);
  u32[word + WORD.valueLength] = total;
  let a = u32[word + WORD.laneA]! | 0;
  let b = u32[word + WORD.laneB]! | 0;
  for (let at = first + (length >>> 2); at < lastWord; at++) {
    const part = u32[at]!;
    a = laneA(a, part);
    b = laneB(b, part);
  }
  u32[word + WORD.laneA] = a;
  u32[word + WORD.laneB] = b;
}

/** The partial last word of the value, or 0. */
function tailWord(u32: Uint32Array, word: number): number {
  const length = u32[word + WORD.valueLength]!;
  if ((length & 3) === 0) return 0;
  return u32[word + WORD.key + (padded(u32[word + WORD.keyLength]!) >>> 2) + (length >>> 2)]!;
}

/** What the entry adds to the low half of the digest. */
export function digestLow(u32: Uint32Array, word: number): number {
  let h = laneA(u32[word + WORD.laneA]!, tailWord(u32, word));
  h = laneA(h, u32[word + WORD.keyLength]!);
  h = laneA(h, u32[word + WORD.valueLength]!);
  h = laneA(h, u32[word + WORD.expiryLow]!);
  return mix32(laneA(h, u32[word + WORD.expiryHigh]!));
}

/** What the entry adds to the high half of the digest. */
export function digestHigh(u32: Uint32Array, word: number): number {
  let h = laneB(u32[word + WORD.laneB]!, tailWord(u32, word));
  h = laneB(h, u32[word + WORD.keyLength]!);
  h = laneB(h, u32[word + WORD.valueLength]!);
  h = laneB(h, u32[word + WORD.expiryLow]!);
  return mix32(laneB(h, u32[word + WORD.expiryHigh]!));
}
