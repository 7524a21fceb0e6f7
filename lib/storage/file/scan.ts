/**
 * Finds every group in every segment, before anything is concluded from them.
 *
 * 1. Each segment is synced and then read from the device: what is found is durable, not merely visible.
 *    After the death of a process the page cache may show what never reached the device, and after an I/O
 *    error it may show what never will.
 * 2. Nothing is written here.
 */
import { join } from 'node:path';
import { type ReadGroup, SegmentImage } from './group-reader.js';
import { type FileMedium, type MediumFile, PAGE_BYTES, throwShortage } from './medium.js';
import { decodeHeader, Segment, sequenceOf } from './segment.js';

/**
 * The page behind the last group of a segment: *free* as after the pre-fill or as a torn write leaves it
 * (some sector still shows the pattern, or the segment ends), *foreign* when no sector of it does.
 */
export type Behind = 'free' | 'foreign';

export interface ScannedSegment {
  readonly segment: Segment;
  readonly groups: readonly ReadGroup[];
  readonly behind: Behind;
  /** Pages behind the last group that do not wholly show the pattern. */
  readonly spoiledPages: readonly number[];
}

/** A file that no group is in any more, to be pre-filled again. */
export interface SpareFile {
  readonly name: string;
  readonly file: MediumFile;
}

export interface Scan {
  /** By rising sequence. */
  readonly scanned: readonly ScannedSegment[];
  /** Segment files below the head. */
  readonly spares: readonly SpareFile[];
  /** Sequences, at or above the head, of segments whose header or length is not right. */
  readonly unreadable: readonly number[];
  /** Files of segments, of whatever state. */
  readonly files: number;
}

/**
 * Fills `into` from `from` on; pages that the device cannot read become zero, which no valid sector is.
 * @throws where the system is short of memory or descriptors: that is no damage
 */
export async function readPastBad(file: MediumFile, into: Uint8Array, from: number): Promise<void> {
  try {
    await file.read(into, from);
  } catch (whole) {
    throwShortage(whole);
    for (let at = 0; at < into.length; at += PAGE_BYTES) {
      const page = into.subarray(at, at + PAGE_BYTES);
      await file.read(page, from + at).catch((error: unknown) => {
        throwShortage(error);
        page.fill(0);
      });
    }
  }
}

function scanSegment(segment: Segment, image: SegmentImage): ScannedSegment {
  const groups: ReadGroup[] = [];
  const end = image.bytes.length;
  for (let at = PAGE_BYTES; at < end; ) {
    if (image.hasHeader(at)) {
      const group = image.readGroup(at);
      groups.push(group);
      at += group.extent;
    } else {
      at += PAGE_BYTES;
    }
  }
  const last = groups.at(-1);
  const tail = last ? last.offset + last.extent : PAGE_BYTES;
  const spoiledPages: number[] = [];
  for (let at = tail; at < end; at += PAGE_BYTES) if (!image.pageIsOld(at)) spoiledPages.push(at);
  const behind = tail === end || image.pageHasOld(tail) ? 'free' : 'foreign';
  return { segment, groups, behind, spoiledPages };
}

/** Adds the segment in `file` to `found`, or its sequence to the unreadable ones. */
async function scanFile(
  file: MediumFile,
  sequence: number,
  incarnation: number,
  bytes: Uint8Array,
  found: { readonly scanned: ScannedSegment[]; readonly unreadable: number[] },
): Promise<void> {
  await file.sync('segment.recovered');
  bytes.fill(0);
  await readPastBad(file, bytes, 0);
  const key = decodeHeader(bytes.subarray(0, PAGE_BYTES), incarnation, sequence);
  if (key && (await file.length()) === bytes.length) {
    const image = new SegmentImage(bytes, key, sequence, incarnation);
    found.scanned.push(scanSegment(new Segment(sequence, key, file), image));
    return;
  }
  found.unreadable.push(sequence);
  await file.close();
}

/**
 * @param headSegment segments below it are spare.
 * @throws system errors, with every file closed again
 */
export async function scanLog(
  medium: FileMedium,
  directory: string,
  incarnation: number,
  segmentBytes: number,
  headSegment: number,
): Promise<Scan> {
  const names = (await medium.list(directory)).filter((name) => sequenceOf(name) !== undefined).sort();
  const scanned: ScannedSegment[] = [];
  const spares: SpareFile[] = [];
  const unreadable: number[] = [];
  const opened: MediumFile[] = [];
  const bytes = new Uint8Array(segmentBytes);
  try {
    for (const name of names) {
      const sequence = sequenceOf(name)!;
      const file = await medium.open(join(directory, name), 'write');
      opened.push(file);
      if (sequence < headSegment) spares.push({ name, file });
      else await scanFile(file, sequence, incarnation, bytes, { scanned, unreadable });
    }
  } catch (error) {
    await Promise.allSettled(opened.map((file) => file.close()));
    throw error;
  }
  return { scanned, spares, unreadable, files: names.length };
}
