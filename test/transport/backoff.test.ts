import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../../lib/transport/backoff.js';

describe('the wait before the next try', () => {
  it('doubles up to its most, and starts over after a success', () => {
    const backoff = new Backoff(() => 0.999_999_999, 10, 100);
    const waits = Array.from({ length: 6 }, () => Math.round(backoff.next()));
    expect(waits).toEqual([10, 20, 40, 80, 100, 100]);
    backoff.reset();
    expect(Math.round(backoff.next())).toBe(10);
  });

  it('is between half and all of what it would be', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(50), (random, failures) => {
        const backoff = new Backoff(() => random, 20, 1000);
        for (let i = 0; i < failures; i++) backoff.next();
        const whole = Math.min(1000, 20 * 2 ** failures);
        const wait = backoff.next();
        expect(wait).toBeGreaterThanOrEqual(whole / 2);
        expect(wait).toBeLessThanOrEqual(whole);
      }),
    );
  });
});
