/**
 * Short runs of the simulator over the production logs on their recording media; one of them needs the
 * addon.
 */
import { expect, test } from 'vitest';
import { addCounters, newCounters } from '../../lib/simulation/counters.js';
import { simulate } from '../../lib/simulation/simulation.js';

const SEEDS = 20;

test.each(['pmem', 'file'] as const)(
  '%s: no promise breaks, whatever a power cut leaves',
  async (backend) => {
    const totals = newCounters();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation, counters } = await simulate({ seed, backend });
      expect(violation, `replay: npm run simulate -- ${seed} 1 5000 ${backend} - verbose`).toBeUndefined();
      addCounters(totals, counters);
    }
    expect(totals.tornRestarts).toBeGreaterThan(0);
    expect(totals.crashRestarts).toBeGreaterThanOrEqual(SEEDS);
  },
);

test('a seed over files is one history too, whatever goes on beside', async () => {
  const first = await simulate({ seed: 4, events: 2000, backend: 'file' });
  const again = await simulate({ seed: 4, events: 2000, backend: 'file' });
  expect(again).toEqual(first);
});
