/**
 * A body: commands, queries or results one behind the other, each as a u32 length and that many bytes.
 *
 * 1. A body that has been checked holds exactly as many entries as were counted, and nothing behind them.
 */
import { frameError, readU32 } from './reader.js';

/** Bytes in front of each entry. */
export const ENTRY_HEADER_BYTES = 4;

/** Where the entry at `at` ends; the caller knows that the body has one there. */
export function entryEnd(bytes: Uint8Array, at: number): number {
  return at + ENTRY_HEADER_BYTES + readU32(bytes, at);
}

/** Where the `count` entries that begin at `at` end; the caller knows that the body has that many. */
export function entriesEnd(bytes: Uint8Array, at: number, count: number): number {
  let end = at;
  for (let i = 0; i < count; i++) end = entryEnd(bytes, end);
  return end;
}

/**
 * Checks that bytes[start, end) is a body of exactly `count` entries of at most `entryBytesMax` bytes each.
 * @throws ERR_INDELIBLE_FRAME when it is not.
 */
export function checkBody(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  entryBytesMax: number,
): void {
  let at = start;
  for (let i = 0; i < count; i++) {
    if (end - at < ENTRY_HEADER_BYTES) throw frameError(`a body of ${count} entries ends in entry ${i}`);
    const length = readU32(bytes, at);
    at += ENTRY_HEADER_BYTES;
    if (length > entryBytesMax) throw frameError(`entry ${i} has ${length} bytes, above ${entryBytesMax}`);
    if (length > end - at) throw frameError(`entry ${i} has ${length} bytes, ${end - at} are there`);
    at += length;
  }
  if (at !== end) throw frameError(`${end - at} bytes behind the last entry of a body`);
}
