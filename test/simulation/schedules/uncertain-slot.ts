/**
 * A medium no longer knows whether it voted in a slot: it may not be counted among those who did not
 * (contract 10).
 */
import { batchOf, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

const uncertain: Schedule = {
  name: 'a member that is uncertain about a slot is left out of its quorum',
  run() {
    const cluster = new TestCluster(3);
    cluster.elect(1, [1, 2, 3]);
    cluster.node(1).core.propose(batchOf('v'));
    cluster.run([1, 2]);
    cluster.drop();
    mustBe(cluster.node(1).core.learner.learnedThrough, 1, 'v is chosen');
    const { log } = cluster.node(2);
    log.items = log.items.map((item) => (typeof item === 'object' ? item.ballot : item));
    log.uncertain = [{ from: 1, through: 1 }];
    cluster.restart(2);
    let leads = true;
    try {
      cluster.elect(3, [2, 3]);
    } catch {
      leads = false;
    }
    mustBe(leads, false, 'replica 3 waits for an answer that is certain');
    cluster.restart(1);
    cluster.drop();
    cluster.elect(3, [1, 2, 3]);
    cluster.ticks(4, [1, 2, 3]);
    mustBe(cluster.node(3).log.textOf(1), 'v', 'slot 1 is v');
  },
};

export const uncertainSlot: readonly Schedule[] = [uncertain];
