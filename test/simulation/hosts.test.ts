/** A short run of the simulator of hosts over its plain disks; the long one is `npm run simulate-hosts`. */
import { beforeAll, expect, test, vi } from 'vitest';
import { addHostCounters, newHostCounters } from '../../lib/simulation/hosts/host-counters.js';
import { HOST_FAULT_RATES, type HostFaultRates } from '../../lib/simulation/hosts/host-faults.js';
import { simulateHosts } from '../../lib/simulation/hosts/host-simulation.js';

const SEEDS = 3;
const CALM = Object.fromEntries(
  Object.keys(HOST_FAULT_RATES).map((name) => [name, 0]),
) as unknown as HostFaultRates;

// Simulated users throw out of their callbacks: a program is told of each as a warning.
beforeAll(() => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});

/** A short run meets a change of leaders. */
const OFTEN: Partial<HostFaultRates> = { killLeader: 40 };

test.each(['memory', 'delayed'] as const)('%s disks: no promise breaks', async (backend) => {
  const totals = newHostCounters();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation, counters } = await simulateHosts({ seed, seconds: 2, backend, faults: OFTEN });
    expect(violation, `seed ${seed} on ${backend} disks, ${JSON.stringify(OFTEN)}`).toBeUndefined();
    addHostCounters(totals, counters);
  }
  expect(totals.restarts).toBeGreaterThan(0);
  expect(totals.leaderChanges).toBeGreaterThan(0);
  expect(totals.writesDone).toBeGreaterThan(SEEDS * 50);
  expect(totals.doneElsewhere).toBeGreaterThan(SEEDS);
  expect(totals.readsFollowing).toBeGreaterThan(0);
  expect(totals.boundedReads).toBeGreaterThan(0);
  expect(totals.barriersReached).toBeGreaterThan(0);
});

test('the same seed is the same history, another one another', async () => {
  const options = { seed: 7, seconds: 1, backend: 'delayed' } as const;
  const first = await simulateHosts(options);
  const again = await simulateHosts(options);
  const other = await simulateHosts({ ...options, seed: 8 });
  expect(again).toEqual(first);
  expect(other.traceHash).not.toBe(first.traceHash);
});

test('a follower that is cut off from the leader alone serves through another one', async () => {
  const totals = newHostCounters();
  for (const [seed, replicas] of [
    [1, 3],
    [2, 5],
  ] as const) {
    const faults = { ...CALM, cutFromLeader: 3, heal: 1 };
    const workload = { requesters: 1, commandsMax: 1 };
    const options = { seed, replicas, seconds: 3, backend: 'memory', faults, workload } as const;
    const { violation, counters } = await simulateHosts(options);
    expect(violation, JSON.stringify(options)).toBeUndefined();
    addHostCounters(totals, counters);
  }
  expect(totals.cutOffFollowers).toBeGreaterThan(0);
  expect(totals.cutOffChecks).toBeGreaterThan(0);
});

test('a cluster without faults keeps its leader, and answers everything', async () => {
  const workload = { abandons: 0, throws: 0, fulls: 0 };
  const { violation, counters } = await simulateHosts({
    seed: 3,
    seconds: 2,
    backend: 'memory',
    faults: { ...CALM, heal: 1 },
    staleStores: false,
    workload,
  });
  expect(violation).toBeUndefined();
  expect(counters.leaderChanges).toBeLessThanOrEqual(2);
  expect(counters.peersLost).toBe(0);
});
