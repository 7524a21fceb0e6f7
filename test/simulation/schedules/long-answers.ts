/** Answers to a prepare that come in parts: lost, late, and made while the acceptor moves on. */
import type { Message, Promised } from '../../../lib/paxos/messages.js';
import { batchOf, type Sent, TestCluster, type TestNode, TIMING } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

const isPromised = (message: Message): message is Promised => message.type === 'promised';
const TEXTS = ['a', 'b', 'c', 'd'];

/** Replicas 1 and 2 have voted for a … d, which were chosen; 3 has heard of nothing, and 1 is gone. */
function longLog(): { cluster: TestCluster; second: TestNode; third: TestNode } {
  // Every vote is a part of its own.
  const cluster = new TestCluster(3, { votesBytesMax: 1 });
  const first = cluster.elect(1, [1, 2, 3]);
  for (const text of TEXTS) first.core.propose(batchOf(text));
  cluster.run([1, 2], ({ message }) => message.type === 'heartbeat');
  cluster.drop();
  return { cluster, second: cluster.node(2), third: cluster.node(3) };
}

const votedFor = (node: TestNode) => [1, 2, 3, 4].map((slot) => node.log.textOf(slot));

/** Behind a part of an answer its link takes nothing, until it is told otherwise. */
function takesOneAtATime(node: TestNode): void {
  node.send = (to, message, after) => {
    if (isPromised(message)) node.choked.add(to);
    node.outbox.push({ from: node.id, to, message, after });
  };
}

const lostPart: Schedule = {
  name: 'an answer of which a part was lost goes on from there, and what comes behind it does not count',
  run() {
    const { cluster, third } = longLog();
    let lost = 0;
    const attempts = new Set<number>();
    // Of the first attempt slot 2 is lost, of the second slot 3.
    cluster.elect(3, [2, 3], ({ message }) => {
      if (message.type === 'prepare') attempts.add(message.attempt);
      if (!isPromised(message) || message.attempt !== lost + 1) return false;
      if (message.fromSlot !== lost + 2 || lost === 2) return false;
      lost++;
      return true;
    });
    mustBe(votedFor(third), TEXTS, 'every vote was found');
    mustBe([...attempts], [1, 2, 3], 'it was asked for twice more');
  },
};

const asTheLinkTakesIt: Schedule = {
  name: 'an answer is made as the link takes it, and is whole however long that takes',
  run() {
    const { cluster, second, third } = longLog();
    let reads = 0;
    const { readVote } = second;
    second.readVote = (slot) => {
      reads++;
      return readVote.call(second, slot);
    };
    for (let slot = 1; slot <= 4; slot++) second.core.acceptor.vote(slot)!.bytes = undefined;
    for (let tick = 0; tick < TIMING.electionTicks; tick++) second.core.tick();
    second.outbox = [];
    // The link takes one part at a time, and room for the next only comes after many ticks.
    const parts: Sent[] = [];
    const takeOne = (sent: Sent) => {
      if (!isPromised(sent.message)) return false;
      parts.push(sent);
      return true;
    };
    takesOneAtATime(second);
    third.isArriving = () => true;
    for (let tick = 0; tick < 12; tick++) {
      third.core.tick();
      cluster.run([2, 3], takeOne);
    }
    mustBe(parts.length, 1, 'one part has left');
    mustBe(reads, 2, 'and no more was read than it and the next');
    for (let received = 0; received < TEXTS.length; received++) {
      const [part] = parts.splice(0);
      mustBe(part !== undefined, true, 'a part is on its way');
      cluster.held = [];
      third.core.receive(2, part!.message);
      for (let tick = 0; tick < 4; tick++) {
        third.core.tick();
        cluster.run([2, 3], takeOne);
      }
      second.choked.clear();
      second.core.roomAgain(3);
      cluster.run([2, 3], takeOne);
    }
    mustBe(third.core.role, 'leader', 'the campaign was not given up meanwhile');
    cluster.run([2, 3]);
    mustBe(votedFor(third), TEXTS, 'every vote was found');
  },
};

const trimmedMeanwhile: Schedule = {
  name: 'what an acceptor forgets between two parts of its answer is not proposed anew',
  run() {
    const { cluster, second, third } = longLog();
    // It learns that all is chosen, and forgets it, with the first part on its way.
    let isTrimmed = false;
    takesOneAtATime(second);
    cluster.elect(3, [2, 3], ({ from, message }) => {
      if (from !== 2 || !isPromised(message)) return false;
      if (!isTrimmed) {
        isTrimmed = true;
        const votes = [1, 2, 3, 4].map((slot) => ({
          ...second.core.acceptor.vote(slot)!,
          slot,
          bytes: batchOf(TEXTS[slot - 1]!).bytes,
        }));
        second.core.receive(1, { type: 'chosen', fromSlot: 1, votes, learnedThrough: 4 });
        second.apply();
        second.core.trimmed(4);
        second.log.trimThrough = 4;
      }
      second.choked.clear();
      second.core.roomAgain(3);
      return false;
    });
    mustBe(isTrimmed, true, 'an answer came');
    mustBe(third.core.proposer.gapThrough, 4, 'it proposes above what was forgotten');
    const again = third.log.items.filter((item) => typeof item === 'object' && item.slot <= 4);
    mustBe(again.length, 0, 'and nothing below');
  },
};

const otherBallot: Schedule = {
  name: 'a part of an answer to an earlier campaign does not count for a later one',
  run() {
    const cluster = new TestCluster(3, { votesBytesMax: 1 });
    // 3 campaigns, and what 2 promises is late.
    const isLate = ({ from, message }: Sent) => from === 2 && isPromised(message);
    const third = cluster.node(3);
    for (let tick = 0; tick < 40 && cluster.held.length === 0; tick++) cluster.ticks(1, [2, 3], isLate);
    const late = cluster.held.filter(({ message }) => isPromised(message));
    mustBe(late.length > 0, true, 'an answer is late');
    cluster.drop();
    // 1 leads and has a batch chosen, with 2.
    const first = cluster.elect(1, [1, 2]);
    first.core.propose(batchOf('a'));
    cluster.run([1, 2], ({ to }) => to === 3);
    cluster.drop();
    mustBe(cluster.node(2).log.textOf(1), 'a', 'a is chosen');
    // 3 has promised itself a higher ballot, and now hears what was said at the earlier one.
    for (let tick = 0; tick < 60 && third.core.ballot < first.core.ballot; tick++) {
      cluster.ticks(1, [1, 2, 3], ({ from, message }) => from !== 3 && message.type !== 'canvassed');
    }
    for (const { message } of late) third.core.receive(2, message);
    cluster.run([3]);
    mustBe(third.log.textOf(1) ?? 'a', 'a', 'nothing else is proposed in slot 1');
    mustBe(third.core.role === 'leader', false, 'no quorum has promised its ballot');
  },
};

export const longAnswers: readonly Schedule[] = [lostPart, asTheLinkTakesIt, trimmedMeanwhile, otherBallot];
