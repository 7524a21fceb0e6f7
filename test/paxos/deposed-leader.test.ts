/** A leader that is deposed and has not heard of it, and what it may still conclude. */
import { expect, test } from 'vitest';
import { batchOf, next, TestCluster } from './cluster.js';

test('a leader that is told of slots it never proposed steps down: a higher ballot chose them (contract 13)', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, [1, 2, 3]);
  const ballot = leader.core.ballot;
  // 2 has voted for v at an earlier ballot that nobody else heard of, and since learned that a later one
  // chose it.
  const vote = { slot: 1, ballot: (ballot - 1) as typeof ballot, ...batchOf('v') };
  leader.core.receive(2, { type: 'chosen', fromSlot: 1, votes: [vote], learnedThrough: 1 });
  cluster.run([1]);
  expect(leader.core.learner.learnedThrough).toBe(1);
  expect(leader.core.role).not.toBe('leader');
  expect(leader.core.propose(batchOf('w'))).toBe(0);
});

test('a leader that sees a higher ballot in a chosen vote steps down before it learns the slot (contract 13)', () => {
  const cluster = new TestCluster(3);
  const leader = cluster.elect(1, [1, 2, 3]);
  const vote = { slot: 1, ballot: next(leader.core.ballot, 2), ...batchOf('v') };
  leader.core.receive(2, { type: 'chosen', fromSlot: 1, votes: [vote], learnedThrough: 1 });
  expect(leader.core.role).not.toBe('leader');
  expect(leader.core.propose(batchOf('w'))).toBe(0);
});
