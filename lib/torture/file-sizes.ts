/**
 * How large the stores and groups of the file backend's histories are. Most are small, so that many images of
 * many moments can be judged; some have groups whose CRCs need sectors of their own (group-layout.ts), which
 * begin at 50 KB.
 */
import type { Random } from '../simulation/random.js';
import type { StoreShape } from '../storage/shape.js';

export interface FileSizes {
  readonly shape: StoreShape;
  /** What a history does, in operations or groups, as a share of what small ones do. */
  readonly effort: number;
  /** Images judged of each moment, beside those of the ends; undefined: all there are. */
  readonly imagesMax?: number;
  /** The length of a batch that is not one of the usual lengths, in bytes. */
  readonly largeLength: (random: Random) => number;
}

const IDENTITY = { clusterId: '0'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) };

/** One seed in so many has large groups. */
const LARGE_EVERY = 4;

const LARGE_BYTES_MIN = 40_000;
const LARGE_BYTES_MAX = 64_000;

const LARGE: FileSizes = {
  shape: { identity: IDENTITY, logBytes: 512 << 10, recordBytesMax: 64 << 10 },
  effort: 0.25,
  imagesMax: 4,
  largeLength: (random) => LARGE_BYTES_MIN + random.below(LARGE_BYTES_MAX - LARGE_BYTES_MIN),
};

/** @param small used by all other seeds */
export function sizesOf(seed: number, small: Omit<StoreShape, 'identity'>, lengthMax: number): FileSizes {
  if (seed % LARGE_EVERY === 2) return LARGE;
  const shape = { identity: IDENTITY, ...small };
  return { shape, effort: 1, largeLength: (random) => random.below(lengthMax) };
}
