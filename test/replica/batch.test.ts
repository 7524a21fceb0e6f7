import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { TIME_MS_MAX } from '../../lib/limits.js';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  readBatchHeader,
  writeBatchHeader,
} from '../../lib/replica/batch.js';
import type { Ballot } from '../../lib/types.js';

const REFUSED = expect.objectContaining({ code: ErrorCode.storeCorrupt });

function batchOf(header: BatchHeader, commandBytes = 4 * header.count): Buffer {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES + commandBytes);
  writeBatchHeader(bytes, header);
  return bytes;
}

describe('the header of a batch', () => {
  it('is read back as it was written', () => {
    const header = fc.record({
      count: fc.nat(1000),
      timeMs: fc.integer({ min: 0, max: TIME_MS_MAX }),
      ballot: fc.maxSafeNat().map((value) => value as Ballot),
      sequence: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(header, (each) => {
        expect(readBatchHeader(batchOf(each))).toEqual(each);
      }),
    );
  });

  it('has no time that could not be, no number that is none, and no more commands than bytes', () => {
    const good = { count: 2, timeMs: 1, ballot: 65537 as Ballot, sequence: 1 };
    const numbers = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 2 ** 53] as const;
    for (const timeMs of [Number.NaN, Number.POSITIVE_INFINITY, -1, TIME_MS_MAX + 1, 8.64e15, 1e300]) {
      expect(() => readBatchHeader(batchOf({ ...good, timeMs }))).toThrow(REFUSED);
    }
    for (const number of numbers) {
      expect(() => readBatchHeader(batchOf({ ...good, ballot: number as Ballot }))).toThrow(REFUSED);
      expect(() => readBatchHeader(batchOf({ ...good, sequence: number }))).toThrow(REFUSED);
    }
    expect(() => readBatchHeader(batchOf(good, 7))).toThrow(REFUSED);
  });

  it('is refused with one error, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          const { timeMs, count } = readBatchHeader(bytes);
          expect(timeMs >= 0 && timeMs <= TIME_MS_MAX && count <= 8).toBe(true);
        } catch (error) {
          expect(error).toEqual(REFUSED);
        }
      }),
    );
  });
});
