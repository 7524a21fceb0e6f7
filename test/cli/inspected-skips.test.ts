import { describe, expect, it } from 'vitest';
import { type InspectedVote, skipLines, skipOf } from '../../lib/cli/inspected-skips.js';
import { type RegionDescription, regionLines, regionVotes } from '../../lib/cli/region-report.js';
import { writeSkipRecord } from '../../lib/replica/skip-record.js';
import { type Ballot, BatchKind, type Slot } from '../../lib/types.js';

const STAMP = { timeMs: 5, ballot: 65537 as Ballot, sequence: 3 };
const RECORD = writeSkipRecord({ slot: 4711 as Slot, ordinal: 2, reason: 'divides by zero\n', ...STAMP });
const AT = 16_384 + 256;
const FILE = Buffer.concat([Buffer.alloc(AT, 0xff), RECORD, Buffer.alloc(4096, 0xff)]);
const read = (into: Uint8Array, at: number): boolean => FILE.copy(into, 0, at) === into.length;
const VOTE: InspectedVote = {
  slot: 4790 as Slot,
  ballot: 131_073 as Ballot,
  kind: BatchKind.commands,
  lengthBytes: RECORD.length,
  available: true,
  at: AT,
};

describe('a vote for passing over a command', () => {
  it('is found, and names slot, command and reason', () => {
    const skip = skipOf(VOTE, read)!;
    expect(skip).toEqual({
      slot: 4790,
      ballot: 131_073,
      skipped: { slot: 4711, ordinal: 2, reason: 'divides by zero\n' },
    });
    expect(skipLines([skip])).toEqual([
      'slot 4790, ballot 2.1: skips slot 4711, command 2, because "divides by zero\\n"',
    ]);
  });

  it.each([
    ['that has lost its bytes', { available: false }],
    ['for another kind of batch', { kind: BatchKind.noop }],
    ['for a batch of commands', { at: 0 }],
    ['for a larger batch', { lengthBytes: 3000 }],
    ['cut short', { lengthBytes: 20 }],
    ['whose bytes cannot be read', { at: FILE.length }],
  ])('is none %s', (_, change: Partial<InspectedVote>) => {
    expect(skipOf({ ...VOTE, ...change }, read)).toBeUndefined();
  });

  it('is looked for in the records of a region from the head on', () => {
    const item = { slot: 4790, ballot: 131_073, type: 1, lengthBytes: 64, offset: 256, available: true };
    const record = {
      offset: 16_384,
      number: 3,
      position: 0,
      word: 'committed',
      lengthBytes: 512,
      promised: 131_073,
      descriptorsGood: true,
      payloadsGood: true,
      items: [item, { ...item, slot: 0, type: 255 }],
    };
    const region: RegionDescription = { regionBytes: 1 << 20, records: [record] };
    expect(regionVotes(region)).toEqual([{ ...VOTE, lengthBytes: 64 }]);
    const skips = [skipOf(VOTE, read)!];
    expect(regionLines({ ...region, skips }, 1).join('\n')).toContain('skips slot 4711, command 2');
  });
});
