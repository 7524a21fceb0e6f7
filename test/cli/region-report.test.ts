import { describe, expect, it } from 'vitest';
import { type RegionDescription, type RegionRecord, regionLines } from '../../lib/cli/region-report.js';

const HEADER = {
  offset: 0,
  magic: true,
  whole: true,
  formatMajor: 1,
  formatMinor: 0,
  clusterId: 'c'.repeat(32),
  storeUuid: '5'.repeat(32),
  replicaId: 2,
  incarnation: '0x1',
  alignment: 64,
  logBytes: 1 << 20,
  recordBytesMax: 1 << 16,
};

const ROOT_SLOT = {
  active: true,
  whole: true,
  generation: 7,
  headPosition: 4096,
  headNumber: 3,
  trimThrough: 40,
  checkpointId: 2,
  promised: 65_538,
  highestVoted: 50,
  learnedThrough: 49,
  state: 'in use',
};

function record(number: number, change: Partial<RegionRecord> = {}): RegionRecord {
  return {
    offset: 16_384,
    number,
    position: 4096 * number,
    word: 'committed',
    lengthBytes: 256,
    promised: 65_538,
    descriptorsGood: true,
    payloadsGood: true,
    items: [{ slot: 40 + number, ballot: 65_538, type: 1, lengthBytes: 64, offset: 192, available: true }],
    ...change,
  };
}

const REGION: RegionDescription = {
  regionBytes: (1 << 20) + 16_384,
  verdict: '',
  headers: [HEADER, { ...HEADER, offset: 4096 }],
  roots: [
    {
      offset: 8192,
      selector: '0x0',
      selectorGood: true,
      slots: [ROOT_SLOT, { ...ROOT_SLOT, active: false }],
    },
    { offset: 12_288, selector: '0x0', selectorGood: false, slots: [] },
  ],
  records: [record(4), record(2), record(3)],
};

describe('a region', () => {
  it('is shown from its headers to its newest record', () => {
    const lines = regionLines(REGION, 10);
    expect(lines[0]).toBe('region of 1.0 MiB');
    expect(lines[1]).toMatch(
      /^header at 0x0000: replica 2, cluster c{32}, store 5{32}; format 1.0, log 1 MiB/,
    );
    expect(lines[3]).toMatch(/^root at 0x2000: generation 7, head record 3 at 4096, trimmed through 40/);
    expect(lines[3]).toMatch(/promised 1\.2, in use$/);
    expect(lines[4]).toBe('root at 0x3000: damaged (selector 0x0)');
    expect(lines[5]).toBe('2 records from the head on, 1 of earlier laps');
    expect(lines.slice(7).map((line) => line.trim().split(/\s+/)[0])).toEqual(['3', '4']);
    expect(lines[7]).toMatch(/1\.2\s+good\s+slot 43$/);
  });

  it('shows as many records as asked for, the newest', () => {
    const lines = regionLines(REGION, 1);
    expect(lines).toContain('the newest 1 of them:');
    expect(lines.at(-1)).toMatch(/slot 44$/);
    expect(regionLines(REGION, 0).at(-1)).toMatch(/records from the head on/);
  });

  it.each([
    ['descriptors damaged', { descriptorsGood: false }],
    ['a payload damaged', { payloadsGood: false }],
    ['not committed', { word: 'empty' }],
    ['commit word damaged', { word: 'other' }],
  ])('says of a record: %s', (sentence, change) => {
    expect(regionLines({ ...REGION, records: [record(3, change)] }, 1).at(-1)).toContain(sentence);
  });

  it('names promises, and groups of votes by their slots', () => {
    const item = { ballot: 131_073, type: 1, lengthBytes: 1, offset: 192, available: true };
    const items = [
      { ...item, slot: 0, type: 255 },
      { ...item, slot: 9 },
      { ...item, slot: 7 },
    ];
    const line = regionLines({ ...REGION, records: [record(3, { items })] }, 1).at(-1);
    expect(line).toMatch(/slots 7–9 \(2\), promise 2\.1$/);
  });

  it('with damaged headers says so, and what that means', () => {
    const headers = [
      { ...HEADER, magic: false },
      { ...HEADER, offset: 4096, whole: false },
    ];
    const lines = regionLines({ regionBytes: 20_000, verdict: 'the identity is lost', headers }, 5);
    expect(lines).toContain('verdict: the identity is lost');
    expect(lines).toContain('header at 0x0000: none (no magic)');
    expect(lines).toContain('header at 0x1000: damaged (its CRC is wrong)');
  });
});
