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

test('a region that rots loses nothing that was answered, while others have it', async () => {
  const totals = newCounters();
  const faults = { rotBytes: 15, rotRecord: 10, loseStore: 0.4 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const report = await simulate({ seed, backend: 'pmem', faults, damage: 'minority' });
    expect(report.violation, `seed ${seed} over pmem, with ${JSON.stringify(faults)}`).toBeUndefined();
    addCounters(totals, report.counters);
  }
  expect(totals.bytesRotted).toBeGreaterThan(SEEDS);
  expect(totals.recordsRotted).toBeGreaterThan(SEEDS / 2);
  expect(totals.damagedRestarts).toBeGreaterThan(SEEDS);
});

test('a seed over files is one history too, whatever goes on beside', async () => {
  const first = await simulate({ seed: 4, events: 2000, backend: 'file' });
  const again = await simulate({ seed: 4, events: 2000, backend: 'file' });
  expect(again).toEqual(first);
});
