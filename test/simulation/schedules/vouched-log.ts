/**
 * A log vouches for votes through a hint. Below an installed checkpoint it may hold votes for batches that
 * were never chosen: until they are trimmed the hint may not pass them (learner invariant 4).
 */
import { batchOf, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

export const vouchedLog: Schedule = {
  name: 'below an installed checkpoint nothing is vouched for until it is trimmed',
  run() {
    const cluster = new TestCluster(3);
    // 1 votes alone for w in slot 1; 2 and 3 choose v there.
    cluster.elect(1, [1, 2, 3]);
    cluster.node(1).core.propose(batchOf('w'));
    cluster.run([1]);
    cluster.drop();
    const second = cluster.elect(2, [2, 3]);
    second.core.propose(batchOf('v'));
    cluster.run([2, 3]);
    const { core } = cluster.node(1);
    core.installed(1, second.core.learner.chain);
    const votes = [{ slot: 2, ballot: second.core.ballot, ...batchOf('x') }];
    core.receive(2, { type: 'chosen', fromSlot: 2, votes, learnedThrough: 2 });
    mustBe(core.learner.learnedThrough, 2, 'slot 2 is learned');
    mustBe(core.learner.loggedThrough, 0, 'slot 1 holds w in this log');
    core.trimmed(1);
    mustBe(core.learner.loggedThrough, 2, 'slot 1 is trimmed');
  },
};
