/**
 * A leader that does not know that its ballot is outlived installs a checkpoint of what higher ballots chose.
 * Were it to lead on, its followers would take what it has learned for their votes at its ballot (contract
 * 14).
 */
import { batchOf, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

export const outlivedLeader: Schedule = {
  name: 'a leader that installs a newer checkpoint no longer vouches for the votes of its ballot',
  run() {
    const cluster = new TestCluster(5);
    // 1 leads all; its batch for slot 1 reaches only 2.
    const first = cluster.elect(1, [1, 2, 3, 4, 5]);
    first.core.propose(batchOf('w'));
    cluster.run([1, 2]);
    cluster.drop();
    // 3 leads 3, 4, 5 at a higher ballot that 1 and 2 do not hear of; slot 1 becomes v there.
    const third = cluster.elect(3, [3, 4, 5]);
    third.core.propose(batchOf('v'));
    cluster.run([3, 4, 5]);
    cluster.drop();
    mustBe(third.core.learner.learnedThrough, 1, 'v is chosen');
    // 1, still leading its own ballot, is given 3's checkpoint through slot 1, and then speaks to 2.
    mustBe(first.core.role, 'leader', 'replica 1 has heard of nothing');
    first.core.installed(1, third.core.learner.chain);
    first.core.trimmed(1);
    cluster.ticks(6, [1, 2]);
    mustBe(cluster.node(2).chosenSlots, [], 'replica 2 has learned nothing of its vote for w');
  },
};
