/**
 * The table an append is made from: whatever it holds, the addon writes what it says or refuses it with a
 * code, and believes no number before it has bounded it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeAddon } from '../../lib/native/binding.js';
import {
  HEAD_NUMBERS,
  type NativeRecordingLog,
  PLACE_START_UNIT,
  ROW_NUMBERS,
  RUN_NUMBERS,
} from '../../lib/native/log.js';

const ROWS = 16;
const RUNS_AT = HEAD_NUMBERS + ROWS * ROW_NUMBERS;
const FORMAT = {
  clusterId: new Uint8Array(16),
  storeUuid: new Uint8Array(16),
  replicaId: 1,
  alignment: 64,
  logBytes: 64 << 10,
  recordBytesMax: 4096,
  recordItemsMax: ROWS,
  incarnation: 7,
};
const BYTES = Uint8Array.from({ length: 600 }, (_, at) => (at * 31) & 255);

interface Row {
  readonly digest: number;
  readonly place: number;
}

interface Table {
  readonly head: readonly number[];
  readonly rows: readonly Row[];
  readonly runs: readonly (readonly number[])[];
}

function open(image: Uint8Array = nativeAddon().formatImage(FORMAT)): NativeRecordingLog {
  return nativeAddon().openRecording(image, image, 0, 1);
}

function fill({ table }: NativeRecordingLog, { head, rows, runs }: Table): void {
  table.set(head);
  rows.forEach(({ digest, place }, row) => {
    table.set([digest, place], HEAD_NUMBERS + row * ROW_NUMBERS);
  });
  runs.forEach((run, index) => {
    table.set(run, RUNS_AT + index * RUN_NUMBERS);
  });
}

function place(start: number, length: number): number {
  return start * PLACE_START_UNIT + length;
}

function vote(start: number, length: number): Row {
  return { digest: nativeAddon().digestOf(BYTES, start, start + length), place: place(start, length) };
}

const GOOD: Table = {
  head: [4, 9, 3],
  rows: [vote(0, 64), vote(64, 100), { digest: 0, place: 0 }, vote(400, 7)],
  runs: [
    [10, 65537, 1, 0],
    [0, 131073, 255, 2],
    [5, 131073, 2, 3],
  ],
};

const hostile = fc.oneof(
  fc.constantFrom(-1, -0, 0.5, 255, 256, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 64, 1e300),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.integer({ min: 0, max: 40 }),
  fc.double(),
);
const bytes = fc.oneof(fc.nat(700), fc.constantFrom(PLACE_START_UNIT - 1, 0x7fffffff, 0xffffffff));
const row: fc.Arbitrary<Row> = fc.record({
  digest: hostile,
  place: fc.oneof(
    hostile,
    fc.tuple(bytes, bytes).map(([start, length]) => place(start, length)),
  ),
});
const tables: fc.Arbitrary<Table> = fc.record({
  head: fc.tuple(fc.oneof(fc.nat(ROWS + 1), hostile), hostile, fc.oneof(fc.nat(ROWS + 1), hostile)),
  rows: fc.array(row, { maxLength: ROWS }),
  runs: fc.array(fc.tuple(hostile, hostile, hostile, hostile), { maxLength: ROWS }),
});

/** Payloads so large that they are written before their digests are looked at. */
const LARGE = Uint8Array.from({ length: 4000 }, (_, at) => (at * at * 37) >> 3);

function largeOf(slot: number): { readonly start: number; readonly length: number } {
  return { start: slot, length: 1200 + ((slot * 177) % 1700) };
}

function appendLarge(log: NativeRecordingLog, slot: number, digest = 0): void {
  const { start, length } = largeOf(slot);
  const found = nativeAddon().digestOf(LARGE, start, start + length);
  const row = { digest: digest === 0 ? found : digest, place: place(start, length) };
  fill(log, { head: [1, 0, 1], rows: [row], runs: [[slot, 65537, 1, 0]] });
  log.append(LARGE.buffer);
}

describe('a payload that is written ahead', () => {
  it('overwrites nothing where there is no room for it', () => {
    const log = open();
    let slots = 0;
    const fillUp = (): void => {
      for (;;) {
        appendLarge(log, slots + 1);
        slots++;
      }
    };
    const full = expect.objectContaining({ code: 'ERR_INDELIBLE_LOG_FULL' });
    expect(fillUp).toThrow(full);
    const trimmed = Math.floor(slots / 2);
    log.trim(trimmed, 1);
    expect(fillUp).toThrow(full);
    expect(log.powerBreach()).toBe('');
    const again = open(log.durableImage());
    for (let slot = trimmed + 1; slot <= slots; slot++) {
      const { start, length } = largeOf(slot);
      expect(again.readVote(slot)).toEqual(LARGE.slice(start, start + length));
    }
    for (const each of [log, again]) each.release();
  });

  it('is nothing without an append', () => {
    const log = open();
    expect(() => appendLarge(log, 1, 7)).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_DIGEST_MISMATCH' }),
    );
    expect(log.crashImage(1)).not.toEqual(log.durableImage());
    expect(open(log.crashImage(1)).readVote(1)).toBeUndefined();
    fill(log, GOOD);
    log.append(BYTES.buffer);
    const again = open(log.durableImage());
    expect(again.readVote(1)).toBeUndefined();
    expect(again.readVote(10)).toEqual(BYTES.slice(0, 64));
    for (const each of [log, again]) each.release();
  });
});

describe('the table of an append', () => {
  it('is written as it says', () => {
    const log = open();
    fill(log, GOOD);
    log.append(BYTES.buffer);
    expect(log.readVote(10)).toEqual(BYTES.slice(0, 64));
    expect(log.readVote(11)).toEqual(BYTES.slice(64, 164));
    expect(log.readVote(5)).toEqual(BYTES.slice(400, 407));
    log.release();
  });

  it.each<[string, Table]>([
    ['no rows', { ...GOOD, head: [0, 0, 1] }],
    ['more rows than there are', { ...GOOD, head: [ROWS + 1, 0, 1] }],
    ['no runs', { ...GOOD, head: [4, 0, 0] }],
    ['more runs than rows', { ...GOOD, head: [2, 0, 3] }],
    ['a first run that begins later', { ...GOOD, runs: [[10, 65537, 1, 1], ...GOOD.runs.slice(1)] }],
    ['a run behind the last row', { ...GOOD, runs: [...GOOD.runs.slice(0, 2), [5, 65537, 2, 4]] }],
    ['runs out of order', { ...GOOD, runs: [GOOD.runs[0]!, [0, 65537, 255, 3], [5, 65537, 1, 2]] }],
    ['a promise with a slot', { ...GOOD, runs: [GOOD.runs[0]!, [1, 65537, 255, 2], GOOD.runs[2]!] }],
    ['a promise of two rows', { ...GOOD, head: [4, 0, 2] }],
    ['a vote for slot 0', { ...GOOD, runs: [[0, 65537, 1, 0], ...GOOD.runs.slice(1)] }],
    [
      'slots that leave the safe integers',
      { ...GOOD, runs: [[2 ** 53 - 1, 1, 1, 0], ...GOOD.runs.slice(1)] },
    ],
    ['a type nobody knows', { ...GOOD, runs: [[10, 65537, 3, 0], ...GOOD.runs.slice(1)] }],
    ['a payload behind the source', { ...GOOD, rows: [vote(0, 64), { digest: 0, place: place(590, 11) }] }],
    ['a start behind the source', { ...GOOD, rows: [{ digest: 0, place: place(0x7fffffff, 1) }] }],
    ['a place that is no number', { ...GOOD, rows: [{ digest: 0, place: Number.NaN }] }],
    ['a place below the source', { ...GOOD, rows: [{ digest: 0, place: -1 }] }],
    ['a slot learned through that is no number', { ...GOOD, head: [4, Number.NaN, 3] }],
  ])('with %s is refused', (_, table) => {
    const log = open();
    fill(log, GOOD);
    fill(log, table);
    expect(() => log.append(BYTES.buffer)).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
    );
    log.release();
  });

  it('and payloads larger than a record are refused', () => {
    const log = open();
    const source = new Uint8Array(8192);
    fill(log, { head: [1, 0, 1], rows: [{ digest: 0, place: 8192 }], runs: [[1, 65537, 1, 0]] });
    expect(() => log.append(source.buffer)).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
    );
    log.release();
  });

  it('may hold anything: it is refused with a code or written', () => {
    const log = open();
    fc.assert(
      fc.property(tables, (table) => {
        fill(log, table);
        try {
          log.append(BYTES.buffer);
        } catch (error) {
          expect(error).toMatchObject({
            code: expect.stringMatching(/^ERR_INDELIBLE_(ARGUMENT|DIGEST_MISMATCH|LOG_FULL)$/),
          });
        }
      }),
      { numRuns: 3000 },
    );
    log.release();
  });
});
