/** Which sizes a replica's log can have. */
import { argumentError } from '../errors.js';
import { LOG_BYTES_MIN } from '../limits.js';

/** Sizes of logs are whole pages, so that every medium can have them. */
export const PAGE_BYTES = 4096;

/** @throws RangeError for a log that is too small to work with, or not of whole pages */
export function checkRegionBytes(regionBytes: number): void {
  if (regionBytes >= LOG_BYTES_MIN && regionBytes % PAGE_BYTES === 0) return;
  const least = `${LOG_BYTES_MIN >> 10}KiB`;
  throw argumentError(`a region has at least ${least} and is a multiple of 4KiB, not ${regionBytes} bytes`);
}
