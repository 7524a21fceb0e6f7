/** Replicas that hear one another in part, come back with a higher promise, or are gone when needed. */
import { batchOf, next, ofType, TestCluster, TIMING } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

const throughAFollower: Schedule = {
  name: 'a replica that is cut off from the leader alone learns through a follower',
  run() {
    const cluster = new TestCluster(3);
    const leader = cluster.elect(1, [1, 2, 3]);
    const isCut = ({ from, to }: { from: number; to: number }) => from + to === 4;
    cluster.ticks(30, [1, 2, 3], isCut);
    for (let round = 1; round <= 3; round++) {
      leader.core.propose(batchOf(`v${round}`));
      cluster.ticks(10, [1, 2, 3], isCut);
      mustBe(cluster.node(3).core.learner.learnedThrough, round, 'replica 3 has learned it');
    }
    mustBe(leader.core.role, 'leader', 'and disturbs nobody');
  },
};

const leadsAgain: Schedule = {
  name: 'a leader that is rejected by a replica which comes back with a higher promise leads again at once',
  run() {
    const cluster = new TestCluster(3);
    const leader = cluster.elect(1, [1, 2, 3]);
    const third = cluster.node(3);
    third.core.acceptor.promise(next(leader.core.ballot, 3));
    third.sync();
    leader.core.propose(batchOf('v'));
    cluster.run([1, 2, 3]);
    mustBe([leader.core.role, third.core.leader], ['leader', 1], 'no tick has passed');
    mustBe(leader.core.ballot > third.core.acceptor.promised, false, 'and 3 follows it');
    cluster.ticks(3, [1, 2, 3]);
    mustBe(third.core.learner.learnedThrough >= 1, true, 'v is chosen');
  },
};

const notWithoutAQuorum: Schedule = {
  name: 'a rejected leader that no quorum welcomes changes nothing durable',
  run() {
    const cluster = new TestCluster(3);
    const leader = cluster.elect(1, [1, 2, 3]);
    const promised = cluster.node(2).core.acceptor.promised;
    const own = leader.core.acceptor.promised;
    leader.core.receive(3, { type: 'rejected', ballot: own, promised: next(own, 3) });
    cluster.run([1]);
    mustBe(
      [leader.core.acceptor.promised, cluster.node(2).core.acceptor.promised],
      [own, promised],
      'nobody has promised anything',
    );
  },
};

const heirIsAlive: Schedule = {
  name: 'a leader hands over to nobody who has been silent',
  run() {
    const cluster = new TestCluster(3);
    const leader = cluster.elect(1, [1, 2, 3]);
    leader.core.propose(batchOf('v'));
    // 2 has everything and is gone; 3 lacks v and is there.
    cluster.ticks(3, [1, 2, 3], ({ to, message }) => to === 3 && message.type === 'accept');
    cluster.drop();
    cluster.ticks(8, [1, 3], ofType('accept', 'chosen'));
    leader.core.handOver();
    const heirs = leader.outbox.filter(({ message }) => message.type === 'handOver').map(({ to }) => to);
    mustBe(heirs, [3], 'the heir is 3');
    cluster.drop();
    for (let tick = 0; tick < 7; tick++) leader.core.tick();
    leader.outbox = [];
    mustBe(leader.core.handOver(), false, 'and nobody once 3 is silent too');
  },
};

const gapIsLeft: Schedule = {
  name: 'a leader above a gap that nobody in reach has learned asks for the votes in it',
  run() {
    const cluster = new TestCluster(3);
    const second = cluster.elect(2, [1, 2, 3]);
    for (const text of ['a', 'b']) second.core.propose(batchOf(text));
    // 1 and 3 vote, and do not hear that it was chosen. 2 does, and forgets.
    cluster.run([1, 2, 3], ofType('heartbeat'));
    cluster.ticks(1, [2]);
    cluster.drop();
    second.core.trimmed(2);
    second.log.trimThrough = 2;
    // 1 welcomes the campaign of 3, which is answered by 2 alone; then 2 is gone.
    const isKept = ({ from, message }: { from: number; message: { type: string } }) =>
      (from === 1 && message.type === 'promised') || message.type === 'chosen';
    const third = cluster.elect(3, [1, 2, 3], isKept);
    cluster.drop();
    mustBe(
      [third.core.proposer.gapThrough, third.core.learner.learnedThrough],
      [2, 0],
      'it leads above a gap',
    );
    cluster.ticks(60, [1, 3]);
    mustBe(
      [1, 3].map((id) => cluster.node(id).core.learner.learnedThrough >= 2),
      [true, true],
      'it gets on',
    );
  },
};

const deafLeader: Schedule = {
  name: 'a leader that hears nobody any more stands in the way for an election timeout, and no longer',
  run() {
    const { electionTicks, heartbeatTicks } = TIMING;
    for (let heard = 0; heard < 2 * electionTicks; heard++) {
      const cluster = new TestCluster(3);
      const leader = cluster.elect(1, [1, 2, 3]);
      cluster.ticks(heard, [1, 2, 3]);
      // It is heard itself: nobody else may lead, for as long as it does.
      cluster.ticks(electionTicks + heartbeatTicks, [1, 2, 3], ({ to }) => to === 1);
      mustBe(leader.core.role === 'leader', false, `it leads, having been heard for ${heard} ticks`);
    }
  },
};

export const cutOff: readonly Schedule[] = [
  throughAFollower,
  leadsAgain,
  notWithoutAQuorum,
  heirIsAlive,
  gapIsLeft,
  deafLeader,
];
