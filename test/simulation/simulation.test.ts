/** A short run of the simulator over its plain disks; the long one is `npm run simulate`. */
import { expect, test } from 'vitest';
import { addCounters, newCounters } from '../../lib/simulation/counters.js';
import { simulate } from '../../lib/simulation/simulation.js';

const SEEDS = 30;

test.each(['memory', 'delayed'] as const)('%s disks: no promise breaks', async (backend) => {
  const totals = newCounters();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation, counters } = await simulate({ seed, events: 3000, backend });
    expect(violation, `replay: npm run simulate -- ${seed} 1 3000 ${backend} - verbose`).toBeUndefined();
    addCounters(totals, counters);
  }
  expect(totals.crashRestarts).toBeGreaterThanOrEqual(SEEDS);
  expect(totals.leaderChanges).toBeGreaterThanOrEqual(SEEDS);
  expect(totals.stateTransfers).toBeGreaterThan(0);
  expect(totals.commandsDone).toBeGreaterThan(0);
});

test.each(['memory', 'delayed'] as const)(
  '%s disks that rot: what a minority has lost is healed',
  async (backend) => {
    const totals = newCounters();
    const faults = { rotBytes: 15, rotRecord: 10, loseStore: 1 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const report = await simulate({ seed, events: 3000, backend, faults, damage: 'minority' });
      expect(
        report.violation,
        `seed ${seed} over ${backend}, with ${JSON.stringify(faults)}`,
      ).toBeUndefined();
      addCounters(totals, report.counters);
    }
    expect(totals.bytesRotted).toBeGreaterThan(SEEDS);
    expect(totals.recordsRotted).toBeGreaterThan(SEEDS / 2);
    expect(totals.storesLost).toBeGreaterThan(0);
    expect(totals.scrubFindings).toBeGreaterThan(SEEDS / 2);
    expect(totals.slotsHealed).toBeGreaterThan(SEEDS);
    expect(totals.namedStops).toBe(0);
  },
);

test('where every copy may rot a cluster goes on, or stops and names a slot', async () => {
  const totals = newCounters();
  const faults = { rotBytes: 25, rotRecord: 20, crashSeveral: 4 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const report = await simulate({ seed, events: 3000, backend: 'memory', faults, damage: 'any' });
    expect(report.violation, `seed ${seed}, with ${JSON.stringify(faults)}`).toBeUndefined();
    addCounters(totals, report.counters);
  }
  expect(totals.namedStops).toBeGreaterThan(0);
  expect(totals.namedStops).toBeLessThan(SEEDS / 2);
});

test('the same seed is the same history, another one another', async () => {
  const first = await simulate({ seed: 7, events: 2000, backend: 'delayed' });
  const again = await simulate({ seed: 7, events: 2000, backend: 'delayed' });
  const other = await simulate({ seed: 8, events: 2000, backend: 'delayed' });
  expect(again).toEqual(first);
  expect(other.traceHash).not.toBe(first.traceHash);
});

test('giving what the seed would have drawn, or listening, changes nothing', async () => {
  const drawn = await simulate({ seed: 5, events: 1000, backend: 'memory' });
  const lines: string[] = [];
  const { seed, replicas, backend } = drawn;
  const given = await simulate({ seed, events: 1000, replicas, backend, log: (line) => lines.push(line) });
  expect(given.traceHash).toBe(drawn.traceHash);
  expect(lines.length).toBeGreaterThan(0);
});

test('a cluster without faults loses nothing and changes its leader for nothing', async () => {
  const rates = {
    crash: 0,
    crashLeader: 0,
    crashSeveral: 0,
    crashAll: 0,
    partition: 0,
    oneWayPartition: 0,
    chainedPartition: 0,
    isolateLeader: 0,
    heal: 1,
    weather: 0,
    pause: 0,
    slowness: 0,
    handOver: 0,
    rotBytes: 0,
    rotRecord: 0,
    loseStore: 0,
  };
  const { violation, counters } = await simulate({ seed: 3, events: 3000, faults: rates, backend: 'memory' });
  expect(violation).toBeUndefined();
  expect(counters.messagesLost).toBeLessThan(100);
  expect(counters.leaderChanges).toBeLessThanOrEqual(2);
});
