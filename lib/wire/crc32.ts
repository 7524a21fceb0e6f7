/**
 * CRC-32 (zlib's) of a frame. zlib computes it, but for short frames: a call into it costs more than their
 * bytes do, and so does its table, which nobody else has in the cache of a replica that has little to do.
 * Theirs is computed here, half a byte at a time, by a table of one cache line.
 */
import { crc32 as zlibCrc32 } from 'node:zlib';

/** Up to here the loop is quicker, in bytes. */
const SHORT_BYTES_MAX = 192;

const POLYNOMIAL = 0xedb88320;
const HALVES: Uint32Array = Uint32Array.from({ length: 16 }, (_, half) => {
  let crc = half;
  for (let bit = 0; bit < 4; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** The CRC of bytes[start, end), going on from `before`, the CRC of what stands in front of them. */
export function crc32(bytes: Uint8Array, start: number, end: number, before = 0): number {
  if (end - start > SHORT_BYTES_MAX) return zlibCrc32(bytes.subarray(start, end), before);
  let crc = ~before;
  for (let at = start; at < end; at++) {
    crc ^= bytes[at]!;
    crc = (crc >>> 4) ^ HALVES[crc & 15]!;
    crc = (crc >>> 4) ^ HALVES[crc & 15]!;
  }
  return ~crc >>> 0;
}
