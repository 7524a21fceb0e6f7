import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latenciesOf, latencyHistogram } from '../../bench/latencies.js';
import { median, ratioOf, seriesOf } from '../../bench/series.js';

const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1 });

describe('a median', () => {
  it('is the middle value, or the mean of the two middle ones', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it('has as many values above it as below it, in whatever order they come', () => {
    fc.assert(
      fc.property(values, (numbers) => {
        const middle = median(numbers);
        const below = numbers.filter((value) => value < middle).length;
        const above = numbers.filter((value) => value > middle).length;
        expect(below).toBeLessThanOrEqual(numbers.length / 2);
        expect(above).toBeLessThanOrEqual(numbers.length / 2);
        expect(median([...numbers].reverse()) === middle).toBe(true);
      }),
    );
  });

  it('is refused for no values', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('a series', () => {
  it('says the least and the most of its rounds, and keeps them as measured', () => {
    const series = seriesOf('ns', [5, 1, 9]);
    expect(series).toEqual({ unit: 'ns', rounds: [5, 1, 9], median: 5, least: 1, most: 9 });
  });

  it('does not change the values it is given', () => {
    const rounds = [3, 1, 2];
    seriesOf('ns', rounds);
    expect(rounds).toEqual([3, 1, 2]);
  });

  it('refuses what is no measurement', () => {
    for (const bad of [[], [Number.NaN], [1, Number.POSITIVE_INFINITY]]) {
      expect(() => seriesOf('ns', bad)).toThrow(RangeError);
    }
  });

  it('is divided round by round, so that what drifts for both cancels', () => {
    const slow = seriesOf('ns', [20, 200, 2000]);
    const fast = seriesOf('ns', [10, 100, 1000]);
    expect(ratioOf(slow, fast)).toMatchObject({ median: 2, least: 2, most: 2 });
    expect(() => ratioOf(slow, seriesOf('ns', [1]))).toThrow(RangeError);
  });
});

describe('latencies', () => {
  it('are percentiles in microseconds of nanoseconds recorded', () => {
    const histogram = latencyHistogram();
    for (let microseconds = 1; microseconds <= 1000; microseconds++) histogram.record(microseconds * 1000);
    const latencies = latenciesOf(histogram);
    expect(latencies.count).toBe(1000);
    const expected = { p50: 500, p99: 990, p999: 999, max: 1000 };
    expect(Math.abs(latencies.p50Microseconds - expected.p50)).toBeLessThanOrEqual(1);
    expect(Math.abs(latencies.p99Microseconds - expected.p99)).toBeLessThanOrEqual(1);
    expect(Math.abs(latencies.p999Microseconds - expected.p999)).toBeLessThanOrEqual(1);
    expect(Math.abs(latencies.maxMicroseconds - expected.max)).toBeLessThanOrEqual(1);
    expect(Math.abs(latencies.meanMicroseconds - 500.5)).toBeLessThanOrEqual(1);
  });

  it('of nothing are refused', () => {
    expect(() => latenciesOf(latencyHistogram())).toThrow(RangeError);
  });
});
