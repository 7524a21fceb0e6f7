import { expect, test } from 'vitest';
import { distributionOf, failoverGoals } from '../../bench/failover/distribution.js';
import { FAULTS, LOADS, type Outages } from '../../bench/failover/messages.js';

test('a percentile of outages is one that was measured', () => {
  const values = Array.from({ length: 50 }, (_, at) => 50 - at);
  expect(distributionOf(values)).toEqual({ p50: 25, p90: 45, p99: 50, max: 50 });
  expect(distributionOf([7])).toEqual({ p50: 7, p90: 7, p99: 7, max: 7 });
  expect(() => distributionOf([])).toThrow(RangeError);
});

test('the goals are judged by the outages, idle and under load, and by elections without a fault', () => {
  const outages = LOADS.flatMap((load) =>
    FAULTS.map((fault): Outages => ({ fault, load, milliseconds: [10, 10, 61], refused: {} })),
  );
  const calm = [
    { busyLoops: 0, seconds: 600, commandsPerSecond: 1, elections: 0, roleChanges: 2 },
    { busyLoops: 3, seconds: 600, commandsPerSecond: 1, elections: 1, roleChanges: 9 },
  ];
  const goals = failoverGoals({ outages, calm });
  expect(goals).toHaveLength(2 * 3 * 2 + 2);
  expect(goals.filter(({ met }) => !met).map(({ value }) => value)).toEqual([61, 61, 1]);
});
