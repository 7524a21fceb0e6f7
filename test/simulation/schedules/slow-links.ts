/** Links that are full: what is said on them still counts, and what waits for them is bounded. */
import { batchOf, ofType, TestCluster, TIMING } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

const anyWord: Schedule = {
  name: 'a leader whose followers answer accepts leads on, whatever becomes of its heartbeats',
  run() {
    const cluster = new TestCluster(3);
    const leader = cluster.elect(1, [1, 2, 3]);
    const { ballot } = leader.core;
    for (let tick = 0; tick < 4 * TIMING.electionTicks; tick++) {
      leader.core.propose(batchOf(`v${tick}`));
      cluster.ticks(1, [1, 2, 3], ofType('heartbeat', 'heartbeaten'));
      cluster.drop();
    }
    mustBe([leader.core.role, leader.core.ballot], ['leader', ballot], 'it leads on');
  },
};

const boundedFeed: Schedule = {
  name: 'what a leader keeps for a peer that takes nothing is bounded, and the peer learns by asking',
  run() {
    const cluster = new TestCluster(3, { windowBytes: 100 });
    const leader = cluster.elect(1, [1, 2, 3]);
    leader.choked.add(3);
    const sent = () =>
      leader.outbox.filter(({ to, message }) => to === 3 && message.type === 'accept').length;
    for (let round = 0; round < 50; round++) {
      leader.core.propose(batchOf(`some ten bytes or more ${round}`));
      cluster.ticks(1, [1, 2]);
      cluster.drop();
    }
    mustBe(leader.core.learner.learnedThrough, 50, 'the others get on');
    mustBe(sent(), 0, '3 is sent nothing that it does not take');
    mustBe(leader.core.proposer.feed.isBehind(3), true, 'and nothing more is kept for it');
    leader.choked.clear();
    leader.core.roomAgain(3);
    cluster.ticks(20, [1, 2, 3]);
    mustBe(cluster.node(3).core.learner.learnedThrough, 50, 'it catches up');
  },
};

export const slowLinks: readonly Schedule[] = [anyWord, boundedFeed];
