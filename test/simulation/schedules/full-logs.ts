/**
 * Logs full of votes that nobody has learned, and a leader above a gap: what would let nothing ever be
 * forgotten again (contract 31).
 */
import { batchOf, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

const firstUnlearned: Schedule = {
  name: 'where all logs are full of votes above it, the first slot not learned is voted for',
  run() {
    const cluster = new TestCluster(3);
    for (const id of [1, 2, 3]) Object.assign(cluster.node(id).log, { room: 2, reserve: 1 });
    const first = cluster.elect(1, [1, 2, 3]);
    for (const text of ['a', 'b', 'c']) first.core.propose(batchOf(text));
    // Slot 1 reaches nobody; 2 and 3 are full of slots 2 and 3.
    cluster.run([1, 2, 3], ({ message }) => message.type === 'accept' && message.slot === 1);
    cluster.drop();
    mustBe(
      [2, 3].map((id) => [cluster.node(id).log.room, cluster.node(id).core.learner.learnedThrough]),
      [
        [0, 0],
        [0, 0],
      ],
      'the logs of 2 and 3 are full, and nothing is learned',
    );
    cluster.elect(2, [2, 3]);
    cluster.ticks(2, [2, 3]);
    mustBe(
      [2, 3].map((id) => cluster.node(id).core.learner.learnedThrough),
      [1, 1],
      'slot 1 is learned',
    );
    // A checkpoint through slot 1 makes room.
    for (const id of [2, 3]) {
      const { core, log } = cluster.node(id);
      core.trimmed(1);
      log.trimThrough = 1;
      log.room += 2;
    }
    cluster.ticks(6, [2, 3]);
    mustBe(
      [2, 3].map((id) => cluster.node(id).core.learner.learnedThrough),
      [3, 3],
      'and the others follow',
    );
  },
};

const reserveIsKept: Schedule = {
  name: 'no other slot takes the reserve of a log',
  run() {
    const cluster = new TestCluster(3);
    const leader = cluster.elect(1, [1, 2, 3]);
    for (const id of [1, 2, 3]) Object.assign(cluster.node(id).log, { room: 0, reserve: 1 });
    for (const text of ['a', 'b']) leader.core.propose(batchOf(text));
    cluster.run([1, 2, 3], ({ message }) => message.type === 'accept' && message.slot === 1);
    mustBe(
      [2, 3].map((id) => cluster.node(id).log.room),
      [0, 0],
      'slot 2 waits for slot 1',
    );
  },
};

const aboveAGap: Schedule = {
  name: 'a leader above a gap proposes a window, and no more until it has learned what is below',
  run() {
    const cluster = new TestCluster(3, { windowSlots: 2 });
    const first = cluster.elect(1, [1, 2, 3]);
    for (const text of ['a', 'b']) first.core.propose(batchOf(text));
    cluster.run([1, 2]);
    cluster.drop();
    cluster.ticks(4, [1, 2]);
    cluster.drop();
    const chain = cluster.node(2).core.learner.chain;
    cluster.node(2).core.trimmed(2);
    cluster.node(2).log.trimThrough = 2;
    // 1, which has trimmed nothing, welcomes the campaign; phase 1 is answered by 2.
    const third = cluster.elect(
      3,
      [1, 2, 3],
      ({ from, message }) => from === 1 && message.type === 'promised',
    );
    cluster.drop();
    const slots = ['x', 'y', 'z'].map((text) => {
      const slot = third.core.propose(batchOf(text));
      cluster.run([2, 3]);
      return slot;
    });
    mustBe(slots, [3, 4, 0], 'two slots are proposed above the gap, and chosen; a third is not');
    third.core.installed(2, chain);
    cluster.ticks(2, [2, 3]);
    mustBe(third.core.learner.learnedThrough, 4, 'behind the checkpoint they are learned');
  },
};

export const fullLogs: readonly Schedule[] = [firstUnlearned, reserveIsKept, aboveAGap];
