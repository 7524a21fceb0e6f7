/**
 * A batch is voted for at a low ballot, contradicted by an unchosen vote in between, and chosen at a high
 * one. Whoever learns it late and tells it on must not tell it on at the low ballot (contract 15).
 */
import { batchOf, ofType, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

export const voteAtFirstBallot: Schedule = {
  name: 'a vote fetched at its first ballot does not contradict a later, unchosen one',
  run() {
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
    mustBe(cluster.node(5).core.learner.learnedThrough, 1, 'v is chosen');
    // 1 learns from 5; then 2 learns from 1.
    const { ballot } = cluster.node(5).core;
    const votes = [{ slot: 1, ballot, ...batchOf('v') }];
    cluster.node(1).core.receive(5, { type: 'chosen', fromSlot: 1, votes, learnedThrough: 1 });
    cluster.run([1]);
    cluster.node(1).core.receive(2, { type: 'fetch', fromSlot: 1, throughSlot: 1 });
    cluster.run([1]);
    cluster.release((sent) => sent.message.type === 'chosen' && sent.to === 2);
    mustBe(cluster.node(2).core.learner.learnedThrough, 1, 'replica 2 has learned slot 1');
    mustBe(cluster.node(2).learnedText(1), 'v', 'and it is v');
  },
};
