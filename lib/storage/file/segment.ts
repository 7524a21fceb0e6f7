/**
 * A segment: one file of the log, pre-filled so that what was never written can be told from what was lost.
 *
 * 1. The first page is a header, held twice in it; all other sectors start as the segment's pattern: one
 *    8-byte word over and over, made from the segment's random key and the sector's number.
 * 2. A sector that shows its pattern was not written since the pre-fill. Zeros, other segments' patterns and
 *    earlier contents are not that pattern.
 * 3. A file gets its segment name only once header and pattern are synced; to be used again it is pre-filled
 *    under a new key in place, while its old name is below the root's head, and then renamed.
 */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { digestOf } from '../crc64.js';
import { type FileMedium, type MediumFile, PAGE_BYTES, SECTOR_BYTES, throwShortage } from './medium.js';
import { getU64, putU64, viewOf } from './words.js';

const MAGIC_LOW = 0x534c_4449;
const MAGIC_HIGH = 0x544e_4d47;
const COPY_BYTES: number = PAGE_BYTES / 2;
const DIGEST_AT = 504;
/** The highest sequence that a name has room for. */
export const SEQUENCE_MAX: number = 10 ** 12 - 1;
const NAME = /^segment-(\d{12})$/;

/** Bytes pre-filled and synced at a time: little enough not to hold up a group's write for long. */
const PREFILL_BYTES: number = 1 << 20;

export interface SegmentKey {
  readonly low: number;
  readonly high: number;
}

export function segmentName(sequence: number): string {
  return `segment-${String(sequence).padStart(12, '0')}`;
}

/** The sequence in a file name; undefined for other files. */
export function sequenceOf(name: string): number | undefined {
  const match = NAME.exec(name);
  return match ? Number(match[1]) : undefined;
}

function mix(value: number): number {
  let word = value | 0;
  word = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2_ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

function wordsOf(key: SegmentKey, sector: number): { low: number; high: number } {
  return {
    low: mix(key.low + Math.imul(sector, 0x9e37_79b1)),
    high: mix(key.high ^ Math.imul(sector, 0x85eb_ca77)),
  };
}

/** Fills `bytes` with the pattern of the sectors from `sector` on. */
export function fillPattern(bytes: Uint8Array, key: SegmentKey, sector: number): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  for (let at = 0; at < words.length; at += SECTOR_BYTES / 4) {
    const { low, high } = wordsOf(key, sector + (at * 4) / SECTOR_BYTES);
    for (let word = at; word < at + SECTOR_BYTES / 4; word += 2) {
      words[word] = low;
      words[word + 1] = high;
    }
  }
}

/** Whether the sector that starts at word `at` of `words` shows the pattern of sector number `sector`. */
export function showsPattern(words: Uint32Array, at: number, key: SegmentKey, sector: number): boolean {
  const { low, high } = wordsOf(key, sector);
  for (let word = at; word < at + SECTOR_BYTES / 4; word += 2) {
    if (words[word] !== low || words[word + 1] !== high) return false;
  }
  return true;
}

function encodeHeader(page: Uint8Array, incarnation: number, sequence: number, key: SegmentKey): void {
  page.fill(0);
  const view = viewOf(page);
  view.setUint32(0, MAGIC_LOW, true);
  view.setUint32(4, MAGIC_HIGH, true);
  putU64(view, 8, incarnation);
  putU64(view, 16, sequence);
  view.setUint32(24, key.low, true);
  view.setUint32(28, key.high, true);
  putU64(view, DIGEST_AT, digestOf(page, 0, DIGEST_AT));
  page.copyWithin(COPY_BYTES, 0, SECTOR_BYTES);
}

/** The key in a header page of segment `sequence`; undefined if neither copy is good. */
export function decodeHeader(
  page: Uint8Array,
  incarnation: number,
  sequence: number,
): SegmentKey | undefined {
  for (const at of [0, COPY_BYTES]) {
    const copy = page.subarray(at, at + SECTOR_BYTES);
    const view = viewOf(copy);
    const good =
      view.getUint32(0, true) === MAGIC_LOW &&
      view.getUint32(4, true) === MAGIC_HIGH &&
      getU64(view, 8) === incarnation &&
      getU64(view, 16) === sequence &&
      getU64(view, DIGEST_AT) === digestOf(copy, 0, DIGEST_AT);
    if (good) return { low: view.getUint32(24, true), high: view.getUint32(28, true) };
  }
  return undefined;
}

/** One segment in use. What stands in it is kept by the log (log.ts) and the vote index. */
export class Segment {
  readonly sequence: number;
  readonly key: SegmentKey;
  readonly file: MediumFile;
  /** Votes in it that are neither superseded nor trimmed. */
  live = 0;
  /** Groups placed in it that are not durable yet. */
  pending = 0;
  /** Number of its first group and the digest that one links to; 0 while it has none. */
  firstGroup = 0;
  firstLink = 0;

  constructor(sequence: number, key: SegmentKey, file: MediumFile) {
    this.sequence = sequence;
    this.key = key;
    this.file = file;
  }
}

/** Writes header and pattern of a segment over the whole of `file`, durably. */
export async function prefill(
  file: MediumFile,
  incarnation: number,
  sequence: number,
  segmentBytes: number,
): Promise<SegmentKey> {
  const key: SegmentKey = { low: randomInt(2 ** 32), high: randomInt(2 ** 32) };
  for (let at = 0; at < segmentBytes; at += PREFILL_BYTES) {
    const bytes = new Uint8Array(Math.min(PREFILL_BYTES, segmentBytes - at));
    fillPattern(bytes, key, at / SECTOR_BYTES);
    if (at === 0) encodeHeader(bytes.subarray(0, PAGE_BYTES), incarnation, sequence, key);
    await file.write(bytes, at, 'segment.prefill');
    await file.sync('segment.prefill');
  }
  return key;
}

/** Writes the header page again if one of its copies is bad, from what is known of the segment in use. */
export async function mendHeader(segment: Segment, incarnation: number): Promise<void> {
  const { file, key, sequence } = segment;
  const page = new Uint8Array(PAGE_BYTES);
  const right = new Uint8Array(PAGE_BYTES);
  encodeHeader(right, incarnation, sequence, key);
  await file.read(page, 0).catch((error: unknown) => {
    throwShortage(error);
    page.fill(0);
  });
  if (Buffer.compare(page, right) === 0) return;
  await file.write(right, 0, 'segment.refill');
  await file.sync('segment.refill');
}

/**
 * Makes segment `sequence` out of the file that is `old` now, and makes its new name durable. Any refusal,
 * one for want of room too, ends the log: the name replaces one as long in a directory of a few names, for
 * which only file systems that write everything to a new place need room. Those have refused the writes
 * before it then, which are never tried again.
 */
export async function recycle(
  medium: FileMedium,
  directory: string,
  old: MediumFile,
  oldName: string,
  incarnation: number,
  sequence: number,
  segmentBytes: number,
): Promise<Segment> {
  const key = await prefill(old, incarnation, sequence, segmentBytes);
  await medium.rename(join(directory, oldName), join(directory, segmentName(sequence)), 'segment.rename');
  await medium.syncDirectory(directory, 'segment.rename');
  return new Segment(sequence, key, old);
}
