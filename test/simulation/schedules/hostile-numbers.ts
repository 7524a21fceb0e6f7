/** Numbers that no honest replica tells, from a member: each is refused where it comes in. */
import { BALLOT_ROUND_HEARD_MAX, SLOT_HEARD_MAX, VOTE_SLOTS_MAX } from '../../../lib/limits.js';
import { ballotOf, roundOf } from '../../../lib/paxos/ballot.js';
import type { Message } from '../../../lib/paxos/messages.js';
import type { Digest } from '../../../lib/types.js';
import { decodeMessage, encodeMessage } from '../../../lib/wire/codec.js';
import { FRAME_HEADER_BYTES } from '../../../lib/wire/frame.js';
import { FrameKind } from '../../../lib/wire/protocol.js';
import { Writer } from '../../../lib/wire/writer.js';
import { batchOf, TestCluster } from '../../paxos/cluster.js';
import { mustBe, type Schedule } from './schedule.js';

const DIGEST = 1 as Digest;

/** Whether a frame that holds `message` is taken for one. */
function isRead(message: Message): boolean {
  const writer = new Writer();
  encodeMessage(writer, message);
  try {
    decodeMessage(FrameKind[message.type], writer.bytes, FRAME_HEADER_BYTES, writer.length);
    return true;
  } catch {
    return false;
  }
}

const farSlots: Schedule = {
  name: 'a slot, and a ballot, above what is heard of peers is refused with its frame',
  run() {
    const ballot = ballotOf(1, 3);
    const heartbeat = {
      type: 'heartbeat',
      ballot,
      round: 1,
      learnedThrough: 0,
      chainSlot: 0,
      chain: DIGEST,
    } as const;
    for (const [lastSlot, expected] of [
      [SLOT_HEARD_MAX, true],
      [SLOT_HEARD_MAX + 1, false],
      [2 ** 53 - 2, false],
    ] as const) {
      mustBe(
        isRead({ ...heartbeat, lastSlot }),
        expected,
        `a heartbeat whose last slot is ${lastSlot} is read`,
      );
    }
    for (const [round, expected] of [
      [BALLOT_ROUND_HEARD_MAX, true],
      [BALLOT_ROUND_HEARD_MAX + 1, false],
    ] as const) {
      const prepare: Message = {
        type: 'prepare',
        configuration: 1,
        ballot: ballotOf(round, 3),
        attempt: 0,
        fromSlot: 1,
      };
      mustBe(isRead(prepare), expected, `a prepare of round ${round} is read`);
    }
  },
};

const farVotes: Schedule = {
  name: 'a vote further above the trim point than any log reaches is not given',
  run() {
    const cluster = new TestCluster(3);
    const node = cluster.node(2);
    const ballot = ballotOf(1, 3);
    const accept = { type: 'accept', ballot, ...batchOf('x'), learnedThrough: 0 } as const;
    node.core.receive(3, { ...accept, slot: VOTE_SLOTS_MAX + 1 });
    mustBe(node.core.acceptor.highestVoted, 0, 'nothing is voted for there');
    node.core.receive(3, { ...accept, slot: VOTE_SLOTS_MAX });
    mustBe(node.core.acceptor.highestVoted, VOTE_SLOTS_MAX, 'the last slot that may be is');
  },
};

const farRounds: Schedule = {
  name: 'a ballot that no campaign can have led to is not promised, and all can campaign afterwards',
  run() {
    const cluster = new TestCluster(3);
    cluster.elect(1, [1, 2]);
    for (const round of [2 ** 30, BALLOT_ROUND_HEARD_MAX]) {
      for (const to of [1, 2]) {
        const prepare: Message = {
          type: 'prepare',
          configuration: 1,
          ballot: ballotOf(round, 3),
          attempt: 0,
          fromSlot: 1,
        };
        cluster.node(to).core.receive(3, prepare);
      }
    }
    for (const id of [1, 2]) {
      const { core, implausibles } = cluster.node(id);
      mustBe(roundOf(core.acceptor.promised) < 100, true, 'it is not promised');
      mustBe(implausibles, [3, 3], 'and the host is told whose it was');
    }
  },
};

const slowRise: Schedule = {
  name: 'a replica that was away for very many campaigns takes their ballot in time',
  run() {
    const cluster = new TestCluster(3);
    const { core } = cluster.node(1);
    const prepare: Message = {
      type: 'prepare',
      configuration: 1,
      ballot: ballotOf(2 ** 25, 3),
      attempt: 0,
      fromSlot: 1,
    };
    core.receive(3, prepare);
    mustBe(roundOf(core.acceptor.promised), 0, 'not at once');
    for (let tick = 0; tick < 2 ** 15; tick++) core.tick();
    core.receive(3, prepare);
    mustBe(roundOf(core.acceptor.promised) >= 2 ** 25, true, 'but later');
  },
};

const spent: Schedule = {
  name: 'a replica for which no ballot is left follows, says so, and does not throw',
  run() {
    const cluster = new TestCluster(3);
    const node = cluster.node(1);
    node.core.acceptor.promise(ballotOf(BALLOT_ROUND_HEARD_MAX, 3));
    cluster.ticks(200, [1]);
    mustBe([node.core.areBallotsSpent, node.core.role], [true, 'follower'], 'it does not campaign');
    cluster.restart(1);
    cluster.ticks(200, [1]);
    const again = cluster.node(1).core;
    mustBe([again.areBallotsSpent, again.role], [true, 'follower'], 'nor after it was started again');
  },
};

export const hostileNumbers: readonly Schedule[] = [farSlots, farVotes, farRounds, slowRise, spent];
