/** Files cut off under open logs, as the media campaign does it. */
import { describe, expect, it } from 'vitest';
import { DamageTally } from '../../lib/torture/damage-tally.js';
import { cutOffRegion } from '../../lib/torture/region-cut.js';

describe('a region cut off under an open log', () => {
  it('fails once, with a code, wherever it is cut, and the process lives', () => {
    const tally = new DamageTally();
    for (let seed = 1; seed <= 60; seed++) expect(cutOffRegion(seed, tally)).toBeUndefined();
    expect(tally.cuts).toBe(60);
  });
});
