/**
 * Damage that is found in a log that is in use, and slots that phase 1 cannot decide: what the replica has
 * elsewhere, what its peers have, and what they have only learned, heals it (paxos/repair.ts).
 */
import { batchOf, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

/** Three replicas that all have v in slot 1, applied, its bytes in their logs alone. */
function allHaveIt(): TestCluster {
  const cluster = new TestCluster(3);
  cluster.elect(1, [1, 2, 3]);
  cluster.node(1).core.propose(batchOf('v'));
  cluster.ticks(4, [1, 2, 3]);
  mustBe(
    [1, 2, 3].map((id) => cluster.node(id).core.learner.appliedThrough),
    [1, 1, 1],
    'all have applied v',
  );
  return cluster;
}

const foundAlive: Schedule = {
  name: 'bytes that a scrub finds lost are fetched from a peer and written again',
  run() {
    const cluster = allHaveIt();
    const { log, core } = cluster.node(2);
    const { ballot } = core.acceptor.vote(1)!;
    log.lostBytes.add(1);
    core.damaged([{ slot: 1, ballot }], []);
    mustBe([...core.acceptor.damage.unavailable], [1], 'slot 1 is unavailable at once');
    cluster.ticks(8, [1, 2, 3]);
    mustBe([...log.lostBytes], [], 'the log has the bytes again');
    mustBe(core.acceptor.damage.isNone, true, 'and the replica knows');
  },
};

const endangered: Schedule = {
  name: 'votes and the promise that the next open could not tell are written again at once',
  run() {
    const cluster = allHaveIt();
    const { log, core } = cluster.node(2);
    const written = log.items.length;
    core.damaged([], [{ from: 1, through: 1 }]);
    cluster.run([2]);
    const again = log.items.slice(written);
    mustBe(again.includes(core.acceptor.promised), true, 'the promise is written again');
    mustBe(
      again.some((item) => typeof item === 'object' && item.slot === 1),
      true,
      'and the vote of slot 1',
    );
    mustBe(core.acceptor.damage.isNone, true, 'nothing is damaged any more');
  },
};

const learnedElsewhere: Schedule = {
  name: 'a slot that no vote can decide any more is taken from a peer that has learned it',
  run() {
    const cluster = new TestCluster(3);
    cluster.elect(1, [1, 2, 3]);
    // 3 has no room in its log: it learns v and votes for nothing.
    cluster.node(3).log.room = 0;
    cluster.node(1).core.propose(batchOf('v'));
    cluster.ticks(8, [1, 2, 3]);
    mustBe(cluster.node(3).core.learner.learnedThrough, 1, 'replica 3 has learned v');
    cluster.node(2).log.lostBytes.add(1);
    cluster.restart(2);
    cluster.drop();
    // 1 is gone. 2 knows that it voted, and not for what; 3 did not vote.
    cluster.elect(2, [2, 3]);
    mustBe(cluster.node(2).core.learner.learnedThrough, 1, 'replica 2 has learned slot 1');
    mustBe(cluster.node(2).log.textOf(1), 'v', 'and it is v');
  },
};

const staleVote: Schedule = {
  name: 'where the newest vote may be lost, the log vouches for no older one that is still there',
  run() {
    const cluster = new TestCluster(3);
    // 2 votes for u in slot 1, alone; then 1 has v chosen there and 2 votes for it too.
    cluster.elect(2, [1, 2, 3]);
    cluster.node(2).core.propose(batchOf('u'));
    cluster.run([2]);
    cluster.drop();
    cluster.elect(1, [1, 3]);
    cluster.node(1).core.propose(batchOf('v'));
    cluster.run([1, 3]);
    cluster.ticks(8, [1, 2, 3]);
    const { log } = cluster.node(2);
    mustBe(log.hint, 1, 'the log of 2 vouches for slot 1');
    // The record of the vote for v cannot be read any more; its promise stands in a later one.
    log.items = log.items.map((item) =>
      typeof item === 'object' && item.digest === batchOf('v').digest ? item.ballot : item,
    );
    log.uncertain = [{ from: 1, through: 1 }];
    mustBe(log.textOf(1), 'u', 'the older vote can');
    cluster.restart(2);
    mustBe(cluster.node(2).chosenSlots, [], 'replica 2 does not take u for what was chosen');
    cluster.ticks(8, [1, 2, 3]);
    mustBe(log.textOf(1), 'v', 'it learns v again');
    mustBe(cluster.node(2).core.learner.chain, cluster.node(1).core.learner.chain, 'as all others');
  },
};

const olderVote: Schedule = {
  name: 'an older vote is not written again where the newest may be lost: it would pass for the newest',
  run() {
    const cluster = new TestCluster(3);
    // 2 votes for u in slot 1, alone; then 1 has v chosen there by itself and 2. 3 has heard of neither.
    cluster.elect(2, [1, 2, 3]);
    cluster.node(2).core.propose(batchOf('u'));
    cluster.run([2]);
    cluster.drop();
    cluster.elect(1, [1, 3]);
    cluster.node(1).core.propose(batchOf('v'));
    cluster.run([1, 2]);
    cluster.drop();
    mustBe(cluster.node(1).core.learner.learnedThrough, 1, 'v is chosen');
    const { log } = cluster.node(2);
    log.hint = 0;
    log.durableHint = 0;
    log.items = log.items.map((item) =>
      typeof item === 'object' && item.digest === batchOf('v').digest ? item.ballot : item,
    );
    log.uncertain = [{ from: 1, through: 1 }];
    mustBe(log.textOf(1), 'u', 'the vote for v of 2 is unreadable, the older one is not');
    cluster.restart(2);
    // A scrub finds that record, or another one there, unreadable.
    cluster.node(2).core.damaged([], [{ from: 1, through: 1 }]);
    cluster.run([2]);
    mustBe(log.uncertain, [{ from: 1, through: 1 }], 'slot 1 is as uncertain as before');
    let leads = true;
    try {
      cluster.elect(3, [2, 3]);
    } catch {
      leads = false;
    }
    mustBe(leads, false, 'replica 3 waits for replica 1');
  },
};

const onlyInTheState: Schedule = {
  name: 'what no peer has any more is saved by a checkpoint of the state',
  run() {
    const cluster = allHaveIt();
    const { core } = cluster.node(2);
    for (const id of [1, 2, 3]) cluster.node(id).log.lostBytes.add(1);
    core.damaged([{ slot: 1, ballot: core.acceptor.vote(1)!.ballot }], []);
    mustBe(core.wantsCheckpointThrough, 0, 'the peers may have it');
    cluster.ticks(10, [1, 2, 3]);
    mustBe(core.wantsCheckpointThrough, 1, 'they do not');
    core.trimmed(1);
    mustBe([core.acceptor.damage.isNone, core.wantsCheckpointThrough], [true, 0], 'the checkpoint covers it');
  },
};

export const healing: readonly Schedule[] = [
  foundAlive,
  endangered,
  learnedElsewhere,
  staleVote,
  olderVote,
  onlyInTheState,
];
