/** What a log does not take is held in memory, and bounded there. */
import { expect, it } from 'vitest';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { UNLOGGED_BYTES_MAX } from '../../lib/paxos/options.js';
import { batchOf, TestCluster } from './cluster.js';

const ALL = [1, 2, 3];
const BYTES = 4 << 20;
const ROUNDS = (2 * UNLOGGED_BYTES_MAX) / BYTES;

it('by a follower that is told of more than its log takes: it learns no more until it has room', () => {
  const cluster = new TestCluster(3);
  const follower = cluster.node(2);
  follower.log.room = 0;
  const batch = batchOf('x'.repeat(BYTES));
  for (let slot = 1; slot <= ROUNDS; slot++) {
    const votes = [{ slot, ballot: ballotOf(1, 1), ...batch }];
    follower.core.receive(1, { type: 'chosen', fromSlot: slot, votes, learnedThrough: slot });
    follower.apply();
  }
  expect(follower.core.learner.unloggedBytes).toBe(UNLOGGED_BYTES_MAX);
  expect(follower.core.learner.learnedThrough).toBe(ROUNDS / 2);
});

it('by a leader whose log takes nothing: it proposes no more, and does not say that it could', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, ALL);
  leader.log.room = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    leader.core.propose(batchOf(`${round}${'y'.repeat(BYTES)}`));
    if (round === 1) expect(leader.core.canPropose).toBe(false);
    cluster.run(ALL);
    for (const id of ALL) cluster.node(id).apply();
  }
  expect(leader.core.canPropose).toBe(false);
  expect(leader.core.learner.unloggedBytes).toBeLessThanOrEqual(UNLOGGED_BYTES_MAX + BYTES + 8);
});

it('a replica that stands back asks nobody for votes, however long it hears of no leader', () => {
  const cluster = new TestCluster(3);
  const { core } = cluster.node(1);
  core.standsBack = true;
  for (let tick = 0; tick < 1000; tick++) core.tick();
  expect(core.role).toBe('follower');
  core.standsBack = false;
  for (let tick = 0; tick < 1000; tick++) core.tick();
  expect(core.role).toBe('candidate');
});
