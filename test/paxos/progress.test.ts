import { expect, test } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import type { Heartbeaten } from '../../lib/paxos/messages.js';
import { Progress } from '../../lib/paxos/progress.js';
import { Quorum } from '../../lib/paxos/quorum.js';
import { configurationOf } from './cluster.js';

const QUORUM = new Quorum(configurationOf(3));

function heartbeaten(coveredThrough: number, isShort = false): Heartbeaten {
  const rest = { learnedThrough: 1, appliedThrough: 1, trimThrough: 0, isShort };
  return { type: 'heartbeaten', ballot: ballotOf(1, 1), round: 1, coveredThrough, ...rest };
}

test('it knows the follower that lacks least, and how long each has been silent', () => {
  const progress = new Progress();
  expect(progress.mostCovered(QUORUM, 6)).toBe(0);
  progress.take(2, heartbeaten(5));
  progress.tick();
  progress.take(3, heartbeaten(7));
  expect(progress.mostCovered(QUORUM, 6)).toBe(3);
  expect([progress.of(2)?.silentTicks, progress.of(3)?.silentTicks]).toEqual([1, 0]);
  progress.reset();
  expect(progress.of(2)).toBeUndefined();
});

test('a marked round tells of losses once a peer, by its answer to that round or a later one', () => {
  const progress = new Progress();
  progress.mark(4);
  expect(progress.tellsLoss(2, 3)).toBe(false);
  expect(progress.tellsLoss(2, 6)).toBe(true);
  expect(progress.tellsLoss(2, 7)).toBe(false);
  expect(progress.tellsLoss(3, 4)).toBe(true);
  progress.mark(8);
  expect(progress.tellsLoss(2, 8)).toBe(true);
});

test('who hands over chooses among those it has heard lately, and of equals the first', () => {
  const progress = new Progress();
  for (const [peer, covered] of [
    [2, 9],
    [3, 5],
    [4, 5],
    [5, 4],
  ] as const)
    progress.take(peer, heartbeaten(covered));
  expect(progress.mostCovered(QUORUM, 2)).toBe(2);
  for (const _ of [1, 2]) progress.tick();
  for (const [peer, covered] of [
    [3, 5],
    [4, 5],
    [5, 4],
  ] as const)
    progress.take(peer, heartbeaten(covered));
  expect(progress.mostCovered(QUORUM, 2), 'the one that lacks least is silent').toBe(3);
});

test('only the marked round is marked', () => {
  const progress = new Progress();
  progress.mark(4);
  expect([3, 4, 5].map((round) => progress.isMarked(round))).toEqual([false, true, false]);
});
