import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Damage, rangesOf } from '../../lib/paxos/damage.js';
import type { SlotRange } from '../../lib/types.js';

const SLOTS = Array.from({ length: 20 }, (_, at) => at + 1);

function slotsOf(ranges: readonly SlotRange[]): number[] {
  return SLOTS.filter((slot) => ranges.some(({ from, through }) => from <= slot && slot <= through));
}

test('only a vote that is staged, or a trim, ends a slot’s damage (contract 6)', () => {
  const step = fc.record({ heal: fc.boolean(), slot: fc.integer({ min: 1, max: 20 }) });
  const start = fc.record({
    uncertain: fc.subarray(SLOTS),
    unavailable: fc.subarray(SLOTS),
    endangered: fc.subarray(SLOTS),
    steps: fc.array(step, { maxLength: 30 }),
  });
  fc.assert(
    fc.property(start, ({ uncertain, unavailable, endangered, steps }) => {
      const damage = new Damage(rangesOf(uncertain));
      for (const slot of unavailable) damage.unavailable.add(slot);
      for (const slot of endangered) damage.endangered.add(slot);
      const model = new Set([...uncertain, ...unavailable, ...endangered]);
      let healed = 0;
      for (const { heal, slot } of steps) {
        if (heal) {
          if (model.delete(slot)) healed++;
          damage.heal(slot);
        } else {
          for (const other of model) if (other <= slot) model.delete(other);
          damage.trim(slot);
        }
        expect(SLOTS.filter((each) => damage.touches(each))).toEqual([...model].sort((a, b) => a - b));
        expect(damage.isNone).toBe(model.size === 0);
        expect(damage.healed).toBe(healed);
      }
    }),
  );
});

test('damaged slots are listed by rising slot, as many as asked for, through a slot', () => {
  const damage = new Damage([{ from: 3, through: 5 }]);
  damage.unavailable.add(9);
  damage.endangered.add(1);
  expect(damage.through(9, 10)).toEqual([1, 3, 4, 5, 9]);
  expect(damage.through(4, 10)).toEqual([1, 3, 4]);
  expect(damage.through(9, 2)).toEqual([1, 3]);
  expect(damage.through(1, 10)).toEqual([1]);
  expect(damage.through(0, 10)).toEqual([]);
});

test('slots as ranges are the same slots', () => {
  fc.assert(
    fc.property(fc.subarray(SLOTS), (slots) => {
      const ranges = rangesOf(slots);
      expect(slotsOf(ranges)).toEqual(slots);
      ranges.slice(1).forEach((range, at) => {
        expect(range.from).toBeGreaterThan(ranges[at]!.through + 1);
      });
    }),
  );
});

test('uncertain slots are told by rising slot, whatever order they were found in', () => {
  const [low, high] = [
    { from: 2, through: 3 },
    { from: 8, through: 9 },
  ];
  expect(new Damage([high!, low!]).uncertainFrom(1)).toEqual([low, high]);
});
