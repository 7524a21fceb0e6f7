import { describe, expect, it } from 'vitest';
import { writeBatchHeader } from '../../lib/replica/batch.js';
import { checkSkip, isSkipRecord, readSkipRecord, writeSkipRecord } from '../../lib/replica/skip-record.js';
import { type Ballot, type Batch, BatchKind, type Digest } from '../../lib/types.js';

const STAMP = { timeMs: 5, ballot: 65537 as Ballot, sequence: 3 };
const RECORD = { slot: 2 ** 40, ordinal: 2 ** 31, reason: 'divides by zero ÷', ...STAMP };
const batchOf = (bytes: Uint8Array): Batch => ({ kind: BatchKind.commands, digest: 1 as Digest, bytes });

describe('the record of a skip', () => {
  it('is read back as it was written, and known for one', () => {
    const bytes = writeSkipRecord(RECORD);
    expect(isSkipRecord(batchOf(bytes))).toBe(true);
    expect(readSkipRecord(bytes)).toEqual(RECORD);
  });

  it('is none of the other kinds of batches', () => {
    const commands = Buffer.alloc(40);
    writeBatchHeader(commands, { count: 0, ...STAMP });
    expect(isSkipRecord(batchOf(commands))).toBe(false);
    expect(isSkipRecord(batchOf(Buffer.alloc(3)))).toBe(false);
    expect(isSkipRecord({ ...batchOf(writeSkipRecord(RECORD)), kind: BatchKind.configuration })).toBe(false);
  });

  it.each([
    ['without a reason', () => writeSkipRecord({ ...RECORD, reason: '' })],
    ['with too long a reason', () => writeSkipRecord({ ...RECORD, reason: 'x'.repeat(513) })],
    ['about slot 0', () => writeSkipRecord({ ...RECORD, slot: 0 })],
    ['about half a slot', () => writeSkipRecord({ ...RECORD, slot: 1.5 })],
    ['of no time', () => writeSkipRecord({ ...RECORD, timeMs: -1 })],
    ['of a later version', () => Buffer.concat([Buffer.of(3), writeSkipRecord(RECORD).subarray(1)])],
    ['that is cut short', () => writeSkipRecord(RECORD).subarray(0, 39)],
  ])('%s is no sound batch', (_, make) => {
    expect(() => readSkipRecord(make())).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_CORRUPT' }),
    );
  });
});

describe('a skip that is asked for', () => {
  const SKIP = { slot: 7, ordinal: 0, reason: 'x'.repeat(512) };

  it('names a slot, a place in it, and a reason of at most 512 bytes', () => {
    expect(() => checkSkip(SKIP)).not.toThrow();
    expect(() => checkSkip({ ...SKIP, ordinal: 2 ** 32 - 1 })).not.toThrow();
  });

  it.each([
    ['no slot', { slot: 0 }],
    ['half a slot', { slot: 1.5 }],
    ['no place', { ordinal: -1 }],
    ['a place beyond all', { ordinal: 2 ** 32 }],
    ['no reason', { reason: ' ' }],
    ['a reason that is none', { reason: undefined as unknown as string }],
    ['too long a reason', { reason: 'ä'.repeat(257) }],
  ])('is refused with %s', (_, change) => {
    expect(() => checkSkip({ ...SKIP, ...change })).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
    );
  });
});
