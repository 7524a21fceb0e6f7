/**
 * A medium no longer knows whether it voted in a slot: it may not be counted among those who did not
 * (contract 10).
 */
import { batchOf, TestCluster, TIMING } from '../../paxos/cluster.js';
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

const backsOff: Schedule = {
  name: 'a cluster that damage keeps from deciding tries again ever more seldom, and goes on when it can',
  run() {
    const cluster = new TestCluster(3);
    cluster.elect(1, [1, 2, 3]);
    cluster.node(1).core.propose(batchOf('v'));
    cluster.run([1, 2]);
    cluster.drop();
    const { log } = cluster.node(2);
    log.items = log.items.map((item) => (typeof item === 'object' ? item.ballot : item));
    log.uncertain = [{ from: 1, through: 1 }];
    cluster.restart(2);
    const written = (ticks: number): number => {
      const before = cluster.node(2).log.items.length + cluster.node(3).log.items.length;
      cluster.ticks(ticks, [2, 3]);
      return cluster.node(2).log.items.length + cluster.node(3).log.items.length - before;
    };
    const span = 40 * TIMING.electionTicks;
    const atFirst = written(span);
    mustBe(
      cluster.node(3).core.undecided.length + cluster.node(2).core.undecided.length > 0,
      true,
      'they say so',
    );
    const later = written(span);
    mustBe(later > 0, true, 'they go on trying');
    // Eight times as long apart, and two records an attempt.
    mustBe(
      later <= 2 * Math.ceil(span / (8 * TIMING.electionTicks)) + 2,
      true,
      `${atFirst} records, then ${later}`,
    );
    cluster.restart(1);
    cluster.ticks(16 * TIMING.electionTicks, [1, 2, 3]);
    mustBe(cluster.node(3).core.learner.learnedThrough >= 1, true, 'who has it is back, and they go on');
  },
};

export const uncertainSlot: readonly Schedule[] = [uncertain, backsOff];
