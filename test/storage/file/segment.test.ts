/** A segment of any size is filled with its pattern from its header to its end, and durably. */
import { expect, it } from 'vitest';
import { SECTOR_BYTES } from '../../../lib/storage/file/medium.js';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import { decodeHeader, prefill, showsPattern } from '../../../lib/storage/file/segment.js';

const HEADER_BYTES = 4096;

it.each([
  ['smaller than what is filled at once', 64 << 10],
  ['as large', 1 << 20],
  ['larger, and not by a whole piece', (5 << 19) + HEADER_BYTES],
])('a segment %s has its pattern in every sector after a power cut', async (_what, segmentBytes) => {
  const medium = new RecordingMedium();
  await medium.makeDirectory('/d');
  await medium.syncDirectory('/', 'directory');
  const file = await medium.open('/d/segment', 'create');
  await medium.syncDirectory('/d', 'segment.rename');
  const key = await prefill(file, 7, 3, segmentBytes);
  const left = medium.cut(medium.units().map(() => 0)).bytesOf('/d/segment');
  expect(left.length).toBe(segmentBytes);
  expect(decodeHeader(left.subarray(0, HEADER_BYTES), 7, 3)).toEqual(key);
  const words = new Uint32Array(Uint8Array.from(left).buffer);
  for (let sector = HEADER_BYTES / SECTOR_BYTES; sector * SECTOR_BYTES < segmentBytes; sector++) {
    if (!showsPattern(words, (sector * SECTOR_BYTES) / 4, key, sector)) throw new Error(`sector ${sector}`);
  }
});
