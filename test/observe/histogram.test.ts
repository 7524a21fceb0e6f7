import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram, quantileOf } from '../../lib/observe/histogram.js';

/** Where a value belongs: the first bound that it is not above. */
function placeOf(bounds: readonly number[], value: number): number {
  const index = bounds.findIndex((bound) => value <= bound);
  return index === -1 ? bounds.length : index;
}

describe('a histogram', () => {
  it('has two bounds for each doubling', () => {
    expect(new Histogram(1, 4).values().bounds).toEqual([1, 2, 3, 4, 6, 8, 12, 16]);
    expect(new Histogram(1e-6, 3).values().bounds).toEqual([1e-6, 2e-6, 3e-6, 4e-6, 6e-6, 8e-6]);
  });

  it('counts every value at the first bound that it is not above, and what is beyond beside', () => {
    const value = fc.oneof(
      fc.integer({ min: 0, max: 2 ** 31 }),
      fc.double({ min: 0, max: 4096, noNaN: true }),
    );
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 9 }), (recorded, times) => {
        const histogram = new Histogram(1, 10);
        histogram.record(recorded, times);
        const { bounds, counts, sum, count } = histogram.values();
        const place = placeOf(bounds, recorded);
        expect(counts.map((each, index) => each === (index === place ? times : 0))).not.toContain(false);
        expect(count).toBe(times);
        expect(sum).toBeCloseTo(recorded * times, 6);
      }),
    );
  });

  it('takes what is below 0 for 0', () => {
    const histogram = new Histogram(1, 3);
    histogram.record(-0.5);
    expect(histogram.values().counts[0]).toBe(1);
  });

  it('tells quantiles between its bounds, and 0 of nothing', () => {
    const histogram = new Histogram(1, 10);
    expect(quantileOf(histogram.values(), 0.5)).toBe(0);
    for (let value = 1; value <= 1000; value++) histogram.record(value);
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      const told = quantileOf(histogram.values(), share);
      expect(told / (1000 * share)).toBeGreaterThan(0.66);
      expect(told / (1000 * share)).toBeLessThan(1.5);
    }
  });
});
