/**
 * Reads that a follower answers itself: what it has not applied, what its leader does not know to be
 * outlived, and answers that were for somebody else.
 */
import { batchOf, ofType, type Sent, TestCluster, type TestNode } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

const ALL = [1, 2, 3, 4, 5];

/** Whether what a node knows lets it answer the read now. */
function isReady(node: TestNode, readId: number): boolean {
  const slot = node.reads.get(readId);
  return slot !== undefined && slot <= node.core.learner.appliedThrough;
}

/** Five replicas; 1 leads, and slot 1 is chosen and answered, of which `lagging` has heard nothing. */
function chosenOnce(lagging: number): TestCluster {
  const cluster = new TestCluster(5);
  const leader = cluster.elect(1, ALL);
  cluster.ticks(2, ALL);
  leader.core.propose(batchOf('w'));
  cluster.run(ALL.filter((id) => id !== lagging));
  mustBe(leader.core.learner.appliedThrough, 1, 'slot 1 is chosen');
  cluster.drop();
  return cluster;
}

const notApplied: Schedule = {
  name: 'a follower answers a read only when it has applied what was answered before',
  run() {
    const cluster = chosenOnce(5);
    const follower = cluster.node(5);
    mustBe(follower.core.read(1), true, 'the follower asks its leader');
    // What the leader has learned does not reach it, the answer to its question does.
    cluster.run(ALL, (sent) => sent.to === 5 && sent.message.type !== 'indexed');
    mustBe(follower.reads.has(1), true, 'the question is answered');
    mustBe(isReady(follower, 1), false, 'slot 1 is not applied there');
    cluster.release(() => true);
    cluster.ticks(6, ALL);
    mustBe(isReady(follower, 1), true, 'slot 1 is applied there');
  },
};

const outlived: Schedule = {
  name: 'a leader that is outlived confirms no follower’s read',
  run() {
    const cluster = new TestCluster(5);
    cluster.elect(1, ALL);
    cluster.ticks(2, ALL);
    // 3 leads 3, 4 and 5, and has slot 1 chosen; 1 and 2 know nothing of it.
    const third = cluster.elect(3, [3, 4, 5]);
    third.core.propose(batchOf('v'));
    cluster.run([3, 4, 5]);
    mustBe(third.core.learner.learnedThrough, 1, 'v is chosen');
    cluster.drop();
    mustBe(cluster.node(1).core.role, 'leader', 'replica 1 has heard of nothing');
    cluster.node(2).core.read(1);
    cluster.run([1, 2]);
    mustBe(isReady(cluster.node(2), 1), false, 'no quorum has confirmed the lead');
  },
};

const laterRead: Schedule = {
  name: 'the answer to a follower’s question is not for what it was asked afterwards',
  run() {
    const cluster = new TestCluster(5);
    const leader = cluster.elect(1, ALL);
    cluster.ticks(2, ALL);
    const follower = cluster.node(5);
    const isAnswer = ofType('indexed');
    follower.core.read(1);
    cluster.run(ALL, isAnswer);
    leader.core.propose(batchOf('w'));
    const others = [1, 2, 3, 4];
    cluster.run(others, isAnswer);
    mustBe(leader.core.learner.appliedThrough, 1, 'slot 1 is chosen');
    follower.core.read(2);
    follower.core.settle();
    cluster.release(isAnswer);
    mustBe([isReady(follower, 1), isReady(follower, 2)], [true, false], 'the second read needs slot 1');
  },
};

const earlierLife: Schedule = {
  name: 'the answer to a question of an earlier life of a follower is for none of its reads',
  run() {
    const cluster = new TestCluster(5);
    const leader = cluster.elect(1, ALL);
    cluster.ticks(2, ALL);
    const isAnswer = (sent: Sent): boolean => sent.message.type === 'indexed';
    cluster.node(5).core.read(1);
    cluster.run(ALL, isAnswer);
    leader.core.propose(batchOf('w'));
    cluster.run([1, 2, 3, 4], isAnswer);
    mustBe(leader.core.learner.appliedThrough, 1, 'slot 1 is chosen');
    const answers = cluster.held.filter(isAnswer);
    cluster.drop();
    const follower = cluster.restart(5, { random: () => 0.25 });
    // It hears of its leader again, and is asked to read.
    cluster.ticks(2, [1, 2, 3, 4], (sent) => sent.to === 5);
    const [heartbeat] = cluster.held.filter(
      ({ to, message }) => to === 5 && message.type === 'heartbeat' && message.learnedThrough === 1,
    );
    follower.core.receive(1, heartbeat!.message);
    mustBe(follower.core.read(1), true, 'the follower asks its leader');
    follower.core.settle();
    for (const { from, message } of answers) follower.core.receive(from, message);
    mustBe(isReady(follower, 1), false, 'the answer that came was not for this read');
  },
};

export const followersReads: readonly Schedule[] = [notApplied, outlived, laterRead, earlierLife];
