/**
 * A medium has lost the bytes of votes whose identity it still knows. They were votes: whoever leads next
 * proposes that batch, from someone who has its bytes, or waits (contracts 6 and 10).
 */
import { batchOf, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

/** Replica 1 has had v chosen in slot 1 by itself and 2, and 2 has lost its bytes since. */
function chosenAndLost(): TestCluster {
  const cluster = new TestCluster(3);
  cluster.elect(1, [1, 2, 3]);
  cluster.node(1).core.propose(batchOf('v'));
  cluster.run([1, 2]);
  cluster.drop();
  mustBe(cluster.node(1).core.learner.learnedThrough, 1, 'v is chosen');
  cluster.node(2).log.lostBytes.add(1);
  cluster.restart(2);
  return cluster;
}

const waits: Schedule = {
  name: 'a vote whose bytes are lost still counts, and nothing else is proposed in its slot',
  run() {
    const cluster = chosenAndLost();
    let leads = true;
    try {
      cluster.elect(3, [2, 3]);
    } catch {
      leads = false;
    }
    mustBe(leads, false, 'replica 3 waits: it knows of a vote and has nobody with its bytes');
    mustBe(cluster.node(3).core.undecided, [{ from: 1, through: 1 }], 'and names the slot');
    // 1 returns: its answer has them.
    cluster.restart(1);
    cluster.drop();
    cluster.elect(3, [1, 2, 3]);
    cluster.ticks(4, [1, 2, 3]);
    mustBe(cluster.node(3).chosenSlots.includes(1), true, 'replica 3 has learned slot 1');
    mustBe(cluster.node(3).log.textOf(1), 'v', 'and it is v');
    mustBe(cluster.node(3).core.undecided, [], 'nothing is undecided any more');
    mustBe([...cluster.node(2).log.lostBytes], [], 'and 2 has its bytes again');
  },
};

const notALowerOne: Schedule = {
  name: 'lost bytes are not replaced by those of a vote at a lower ballot',
  run() {
    const cluster = new TestCluster(3);
    // 3 votes for u in slot 1 alone, at the first ballot.
    cluster.elect(3, [1, 2, 3]);
    cluster.node(3).core.propose(batchOf('u'));
    cluster.run([3]);
    cluster.drop();
    // 1 leads 1 and 2, which choose v; then 2 loses the bytes.
    cluster.elect(1, [1, 2]);
    cluster.node(1).core.propose(batchOf('v'));
    cluster.run([1, 2]);
    cluster.drop();
    mustBe(cluster.node(1).core.learner.learnedThrough, 1, 'v is chosen');
    cluster.node(2).log.lostBytes.add(1);
    cluster.restart(2);
    cluster.restart(3);
    try {
      cluster.elect(3, [2, 3]);
    } catch {
      // It may well have to wait.
    }
    const vote = cluster.node(3).log.votes().get(1);
    mustBe(vote?.digest, batchOf('u').digest, 'replica 3 still holds its old vote');
    mustBe(cluster.node(3).core.role === 'leader', false, 'and has proposed nothing');
  },
};

export const lostBytes: readonly Schedule[] = [waits, notALowerOne];
