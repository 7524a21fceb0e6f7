/** Payload lengths at which something changes: words, cache lines, and copying straight from the caller. */

export const LENGTHS: readonly number[] = [0, 1, 7, 8, 9, 63, 64, 65, 255, 256, 257, 500, 1100];

/** The largest batch that fits a record of 4 KiB alone. */
export const LENGTH_MAX: number = 4096 - 192 - 40;

function around(length: number): number[] {
  return Array.from({ length: 17 }, (_, at) => length - 8 + at);
}

/** Every length within 8 of 8, 64 and 256 bytes, of a direct copy's threshold, and up to the largest. */
export const SWEEP: readonly number[] = [
  ...around(8),
  ...around(64),
  ...around(256),
  ...around(1024),
  ...around(LENGTH_MAX - 8),
];
