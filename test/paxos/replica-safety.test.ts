/** Schedules that once broke, or would break, agreement; each by name. */
import { expect, test } from 'vitest';
import { batchOf, ofType, TestCluster } from './cluster.js';

test('a vote fetched at its first ballot does not contradict a later, unchosen one', () => {
  const cluster = new TestCluster(5);
  // 1 proposes v in slot 1; only its own vote exists.
  cluster.elect(1, [1, 2, 3, 4, 5]);
  cluster.node(1).core.propose(batchOf('v'));
  cluster.run([1]);
  // 2 leads 2, 3, 4, finds nothing, and proposes w in slot 1; again only its own vote.
  cluster.drop();
  cluster.elect(2, [2, 3, 4]);
  cluster.node(2).core.propose(batchOf('w'));
  cluster.run([2]);
  cluster.drop();
  // 5 leads 1, 3, 5, finds v, and has it chosen by 3, 4 and itself; 1 does not hear the accept.
  cluster.elect(5, [1, 3, 5], ofType('accept'));
  cluster.release(({ to }) => to === 3);
  cluster.drop();
  cluster.run([3, 5]);
  cluster.ticks(6, [3, 4, 5]);
  expect(cluster.node(5).core.learner.learnedThrough).toBe(1);
  // 1 learns from 5; then 2 learns from 1.
  cluster.node(1).core.receive(5, {
    type: 'chosen',
    fromSlot: 1,
    votes: [{ slot: 1, ballot: cluster.node(5).core.ballot, ...batchOf('v') }],
    learnedThrough: 1,
  });
  cluster.run([1]);
  cluster.node(1).core.receive(2, { type: 'fetch', fromSlot: 1, throughSlot: 1 });
  cluster.run([1]);
  cluster.release((sent) => sent.message.type === 'chosen' && sent.to === 2);
  expect(cluster.node(2).core.learner.learnedThrough).toBe(1);
  expect(cluster.node(2).learnedText(1)).toBe('v');
});

test('a leader that installs a newer checkpoint no longer vouches for the votes of its ballot', () => {
  const cluster = new TestCluster(5);
  const everyone = [1, 2, 3, 4, 5];
  // 1 leads all; its batch for slot 1 reaches only 2.
  const first = cluster.elect(1, everyone);
  first.core.propose(batchOf('w'));
  cluster.run([1, 2]);
  cluster.drop();
  // 3 leads 3, 4, 5 at a higher ballot that 1 and 2 do not hear of; slot 1 becomes v there.
  cluster.elect(3, [3, 4, 5]);
  cluster.node(3).core.propose(batchOf('v'));
  cluster.run([3, 4, 5]);
  cluster.drop();
  expect(cluster.node(3).core.learner.learnedThrough).toBe(1);
  // 1, still leading its own ballot, is given 3's checkpoint through slot 1, and then speaks to 2.
  expect(first.core.role).toBe('leader');
  first.core.installed(1, cluster.node(3).core.learner.chain);
  first.core.trimmed(1);
  cluster.ticks(6, [1, 2]);
  const { chosenSlots } = cluster.node(2);
  expect(chosenSlots).toEqual([]);
});
