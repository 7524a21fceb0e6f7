/** The table a group is staged into says the same as what was staged, wherever the bytes lay. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  HEAD_NUMBERS,
  type NativeLog,
  PLACE_START_UNIT,
  ROW_NUMBERS,
  RUN_NUMBERS,
} from '../../lib/native/log.js';
import { StagedGroup } from '../../lib/storage/pmem-group.js';
import type { Ballot, BatchKind, Digest } from '../../lib/types.js';

const ROWS = 12;
const RECORD_BYTES_MAX = 4096;
const BATCH_BYTES_MAX = 512;

interface Item {
  readonly slot: number;
  readonly ballot: number;
  readonly type: number;
  readonly digest: number;
  readonly bytes: readonly number[];
}

function newGroup(
  rows = ROWS,
  recordBytesMax = RECORD_BYTES_MAX,
): { group: StagedGroup; table: Float64Array } {
  const table = new Float64Array(HEAD_NUMBERS + rows * (ROW_NUMBERS + RUN_NUMBERS));
  const native = { table, recordItemsMax: rows, recordBytesMax };
  const group = new StagedGroup(native as unknown as NativeLog, BATCH_BYTES_MAX);
  group.allow(recordBytesMax);
  return { group, table };
}

/** What the addon would read. */
function itemsOf(group: StagedGroup, table: Float64Array): Item[] {
  group.seal(7);
  const [rows, learned, runs] = table;
  expect(learned).toBe(7);
  const runAt = (index: number): Float64Array => {
    const at = HEAD_NUMBERS + ROWS * ROW_NUMBERS + index * RUN_NUMBERS;
    return table.subarray(at, at + RUN_NUMBERS);
  };
  const items: Item[] = [];
  for (let index = 0; index < runs!; index++) {
    const [slot, ballot, type, first] = runAt(index);
    const end = index + 1 < runs! ? runAt(index + 1)[3]! : rows!;
    expect(end).toBeGreaterThan(first!);
    for (let row = first!; row < end; row++) {
      const at = HEAD_NUMBERS + row * ROW_NUMBERS;
      const length = table[at + 1]! % PLACE_START_UNIT;
      const start = Math.floor(table[at + 1]! / PLACE_START_UNIT);
      const bytes = length === 0 ? [] : [...new Uint8Array(group.source!, start, length)];
      items.push({ slot: slot! + row - first!, ballot: ballot!, type: type!, digest: table[at]!, bytes });
    }
  }
  expect(items).toHaveLength(rows!);
  return items;
}

function stage(group: StagedGroup, item: Item, view: Uint8Array, start: number, end: number): boolean {
  const { slot, digest } = item;
  const [ballot, kind] = [item.ballot as Ballot, item.type as BatchKind];
  const continued = group.continueRun(slot, ballot, kind, digest as Digest, view, start, end);
  if (!continued) group.add(slot, ballot, kind, digest as Digest, view, start, end);
  return continued;
}

/** Two buffers, one with two views: votes of one group come from anywhere. */
const first = Uint8Array.from({ length: 256 }, (_, at) => at);
const second = Uint8Array.from({ length: 256 }, (_, at) => 255 - at);
const VIEWS = [first, first.subarray(40, 200), second, second.subarray(0, 0)];

const staged = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom(1, 1, 1, 2), view: fc.nat(3), next: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant('promise' as const) },
  { weight: 1, arbitrary: fc.constant('end' as const) },
);

describe('a staged group', () => {
  it('says to the addon what was staged', () => {
    fc.assert(
      fc.property(fc.array(staged, { maxLength: 60 }), fc.infiniteStream(fc.nat(159)), (steps, places) => {
        const { group, table } = newGroup();
        let expected: Item[] = [];
        let slot = 1;
        const end = (): void => {
          if (expected.length > 0) expect(itemsOf(group, table)).toEqual(expected);
          group.clear();
          expected = [];
        };
        for (const step of steps) {
          if (step === 'end' || group.isFull) end();
          if (step === 'end') continue;
          if (step === 'promise') {
            group.addPromise((slot * 65536) as Ballot);
            expected.push({ slot: 0, ballot: slot * 65536, type: 255, digest: 0, bytes: [] });
            continue;
          }
          const view = VIEWS[step.view]!;
          const [a, b] = [places.next().value % (view.length + 1), places.next().value % (view.length + 1)];
          const [from, to] = [Math.min(a, b), Math.max(a, b)];
          slot += step.next ? 1 : 5;
          const bytes = [...view.subarray(from, to)];
          const item = { slot, ballot: 65537, type: step.kind, digest: slot * 3, bytes };
          expected.push(item);
          stage(group, item, view, from, to);
        }
        end();
      }),
    );
  });

  it('continues a run over groups, from the same view, without a question', () => {
    const { group, table } = newGroup();
    const item = (slot: number): Item => {
      return {
        slot,
        ballot: 65537,
        type: 1,
        digest: slot,
        bytes: [...first.subarray(8 * slot, 8 * slot + 8)],
      };
    };
    for (let slot = 1; slot <= 9; slot++) {
      expect(stage(group, item(slot), first, 8 * slot, 8 * slot + 8)).toBe(slot > 1);
      if (slot % 3 !== 0) continue;
      expect(itemsOf(group, table)).toEqual([item(slot - 2), item(slot - 1), item(slot)]);
      group.clear();
    }
  });

  it.each<[string, number, number, number, number]>([
    ['beyond its view', 2, 250, 257, RECORD_BYTES_MAX],
    ['of a negative length', 2, 9, 8, RECORD_BYTES_MAX],
    ['from in front of its view', 2, -8, 0, RECORD_BYTES_MAX],
    ['from no place', 2, Number.NaN, 8, RECORD_BYTES_MAX],
    ['larger than a batch', 2, 0, BATCH_BYTES_MAX + 1, RECORD_BYTES_MAX],
    ['that find no room', 2, 0, 8, 272],
    ['for another slot', 4, 0, 8, RECORD_BYTES_MAX],
    ['for no slot', 0, 0, 8, RECORD_BYTES_MAX],
  ])('stages none of the bytes %s in passing', (_, slot, from, to, allowed) => {
    const { group } = newGroup();
    const view = new Uint8Array(slot === 2 && to > 300 ? 4096 : 256);
    group.add(1, 65537 as Ballot, 1, 0 as Digest, view, 0, 8);
    group.allow(allowed);
    expect(group.continueRun(slot, 65537 as Ballot, 1, 0 as Digest, view, from, to)).toBe(false);
    expect(group.items).toBe(1);
  });

  it('is full with as many items as the table has rows, however small they are', () => {
    const { group, table } = newGroup();
    const items = Array.from({ length: ROWS }, (_, index) => {
      // The first has bytes: the place of those of the others is then known, though there are none.
      return { slot: index + 1, ballot: 65537, type: 1, digest: index, bytes: index === 0 ? [0] : [] };
    });
    for (const item of items) {
      expect(group.isFull).toBe(false);
      expect(stage(group, item, first, 0, item.bytes.length)).toBe(item.slot > 1);
    }
    expect(group.isFull).toBe(true);
    expect(group.continueRun(ROWS + 1, 65537 as Ballot, 1, 0 as Digest, first, 0, 0)).toBe(false);
    expect(itemsOf(group, table)).toEqual(items);
  });

  it('counts the bytes of the record, and takes no more of them without a question than it is allowed', () => {
    const rows = 300;
    const recordBytesMax = 32 << 10;
    const some = fc.array(fc.nat(48), { maxLength: rows, size: 'max' });
    const alike = fc.nat(48).map((length) => new Array<number>(rows).fill(length));
    const largest = new Array<number>(rows).fill(48);
    const { group } = newGroup(rows, recordBytesMax);
    let slot = 0;
    fc.assert(
      fc.property(fc.oneof(some, alike), fc.nat(recordBytesMax), (lengths, allowed) => {
        // The second group begins with the limits as the first one left them.
        for (const payloads of [lengths, largest]) {
          group.allow(allowed);
          let bytes = 192;
          for (const [index, length] of payloads.entries()) {
            const item = { slot: ++slot, ballot: 65537, type: 1, digest: 0, bytes: [] };
            const continued = stage(group, item, first, 0, length);
            bytes += 40 + 8 * Math.ceil(length / 8);
            if (continued && bytes > allowed) return false;
            if (index % 3 === 0 && group.bytes !== bytes) return false;
          }
          group.clear();
        }
        return true;
      }),
      { numRuns: 1000 },
    );
  });
});
