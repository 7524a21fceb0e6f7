import { expect, test } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { Configurations } from '../../lib/paxos/configurations.js';
import { GapWatch } from '../../lib/paxos/gap-watch.js';
import { reachTicks } from '../../lib/paxos/options.js';
import { Progress } from '../../lib/paxos/progress.js';
import { configurationOf, TIMING } from './cluster.js';

const REST = { appliedThrough: 0, trimThrough: 0, coveredThrough: 0, isShort: false };

function watching(): {
  watch: GapWatch;
  progress: Progress;
  hear(peer: number, learnedThrough: number): void;
} {
  const progress = new Progress();
  const watch = new GapWatch(new Configurations(1, configurationOf(3)), TIMING, progress);
  const hear = (peer: number, learnedThrough: number) =>
    progress.take(peer, { type: 'heartbeaten', ballot: ballotOf(1, 1), round: 1, learnedThrough, ...REST });
  return { watch, progress, hear };
}

test('a gap that nobody in reach has learned is told of once an election time-out', () => {
  const { watch, hear } = watching();
  hear(2, 4);
  const told = Array.from({ length: 2 * TIMING.electionTicks }, () => watch.tick(3, 5));
  expect(told.flatMap((is, at) => (is ? [at + 1] : []))).toEqual([
    TIMING.electionTicks,
    2 * TIMING.electionTicks,
  ]);
});

test('no gap, or one that a peer in reach has learned, begins the time anew', () => {
  const { watch, progress, hear } = watching();
  const ticks = (count: number, learnedThrough: number) =>
    Array.from({ length: count }, () => watch.tick(learnedThrough, 5)).includes(true);
  expect(ticks(3 * TIMING.electionTicks, 5), 'no gap').toBe(false);
  hear(3, 5);
  expect(ticks(3 * TIMING.electionTicks, 3), 'replica 3 has learned it').toBe(false);
  expect(ticks(TIMING.electionTicks - 1, 5)).toBe(false);
  for (let tick = 1; tick < reachTicks(TIMING); tick++) progress.tick();
  expect(ticks(TIMING.electionTicks, 3), 'heard lately').toBe(false);
  progress.tick();
  expect(ticks(TIMING.electionTicks - 1, 3)).toBe(false);
  expect(ticks(1, 3), 'not heard any more').toBe(true);
});
