/** A short run of the simulator over the production log in recorded persistent memory; it needs the addon. */
import { expect, test } from 'vitest';
import { addCounters, newCounters } from '../../lib/simulation/counters.js';
import { simulate } from '../../lib/simulation/simulation.js';

const SEEDS = 20;

test('the production log: no promise breaks, whatever a power cut leaves of it', () => {
  const totals = newCounters();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation, counters } = simulate({ seed, backend: 'pmem' });
    expect(violation, `replay: npm run simulate -- ${seed} 1 5000 pmem verbose`).toBeUndefined();
    addCounters(totals, counters);
  }
  expect(totals.tornRestarts).toBeGreaterThan(0);
  expect(totals.crashRestarts).toBeGreaterThanOrEqual(SEEDS);
});
