/**
 * A replica's log is gone, with votes and perhaps a promise in it. Its old messages still count, so that it
 * may not speak for its id again, whatever it learns from the others (contract 7): it only learns.
 */
import { batchOf, TestCluster as Cluster, ofType, type TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

function leads(cluster: TestCluster, id: number, ids: readonly number[]): boolean {
  try {
    cluster.elect(id, ids);
    return true;
  } catch {
    return false;
  }
}

const neverAgain: Schedule = {
  name: 'a replica that lost its log does not vote again: what it said before the loss still counts',
  run() {
    const cluster = new Cluster(3);
    // 1 leads; its batch v reaches 2, which votes for it. The answer stays under way.
    const first = cluster.elect(1, [1, 2, 3]);
    first.core.propose(batchOf('v'));
    cluster.run([1, 2], ofType('accepted'));
    const onTheWay = cluster.held.filter(ofType('accepted'));
    mustBe(onTheWay.length, 1, 'the vote of 2 is on its way');
    cluster.drop();
    // 2 loses its log, and comes back beside 3. Both know the ballot of 1.
    cluster.node(2).log.lose();
    cluster.restart(2);
    if (leads(cluster, 3, [2, 3])) {
      cluster.node(3).core.propose(batchOf('w'));
      cluster.run([2, 3]);
    }
    cluster.drop();
    // The answer arrives: with it v is chosen.
    cluster.held = onTheWay;
    cluster.release(() => true);
    mustBe(first.core.learner.learnedThrough, 1, 'v is chosen by 1 and what 2 was');
    mustBe(cluster.node(3).core.learner.learnedThrough, 0, 'nothing else was');
    cluster.ticks(12, [1, 2, 3]);
    mustBe(cluster.node(3).log.textOf(1), 'v', 'replica 3 learns v');
    mustBe(cluster.node(2).chosenSlots, [1], 'and replica 2 learns it too');
    mustBe(cluster.node(2).log.items, [], 'without writing to its log');
  },
};

const noOldVotes: Schedule = {
  name: 'what a lost log still shows vouches for nothing: newer votes may be among what it lost',
  run() {
    const cluster = new Cluster(3);
    // 2 votes for u in slot 1 at the first ballot, alone; then 1 has v chosen there, by itself and 2.
    cluster.elect(2, [1, 2, 3]);
    cluster.node(2).core.propose(batchOf('u'));
    cluster.run([2]);
    cluster.drop();
    cluster.elect(1, [1, 3]);
    cluster.node(1).core.propose(batchOf('v'));
    cluster.run([1, 3]);
    cluster.ticks(8, [1, 2, 3]);
    const { log } = cluster.node(2);
    mustBe(log.textOf(1), 'v', '2 has voted for v');
    mustBe(log.hint, 1, 'and its log vouches for slot 1');
    // All but its root and its oldest records is gone.
    log.lost = true;
    log.items = log.items.slice(0, log.items.findIndex((item) => typeof item === 'object') + 1);
    log.durable = log.items.length;
    mustBe(log.textOf(1), 'u', 'the older vote is what is left');
    cluster.restart(2);
    mustBe(cluster.node(2).chosenSlots, [], 'replica 2 has learned nothing from it');
    cluster.ticks(8, [1, 2, 3]);
    mustBe(
      cluster.node(2).core.learner.chain,
      cluster.node(1).core.learner.chain,
      'slot 1 is v for 2 as well',
    );
  },
};

export const lostStore: readonly Schedule[] = [neverAgain, noOldVotes];
