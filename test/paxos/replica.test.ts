/** One core alone, and what each message may make of it: who is heard, what is answered, what is not. */
import { describe, expect, it, test } from 'vitest';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import type { Heartbeat, Message } from '../../lib/paxos/messages.js';
import type { Digest, Slot } from '../../lib/types.js';
import { batchOf, configurationOf, TestLog, TestNode, TIMING } from './cluster.js';
import {
  accept,
  alone,
  campaigning,
  heartbeat,
  heartbeaten,
  leading,
  OLD,
  sentBy,
  TIMEOUT_TICKS,
  tick,
  typesOf,
} from './one-core.js';

describe('who is heard', () => {
  it('is no stranger, nor itself', () => {
    for (const from of [3, 4]) {
      const node = alone();
      node.core.receive(from, {
        type: 'prepare',
        configuration: 1,
        ballot: ballotOf(5, from),
        attempt: 1,
        fromSlot: 1,
      });
      node.core.receive(from, {
        type: 'canvass',
        configuration: 1,
        ballot: ballotOf(6, from),
        learnedThrough: 7,
      });
      expect([sentBy(node), node.core.acceptor.promised]).toEqual([[], NO_BALLOT]);
    }
  });

  it('speaks of its own ballot, where it asks for something or claims to lead', () => {
    const claims: Message[] = [
      { type: 'prepare', configuration: 1, ballot: OLD, attempt: 1, fromSlot: 1 },
      { type: 'canvass', configuration: 1, ballot: OLD, learnedThrough: 0 },
      heartbeat(OLD),
      accept(1, OLD),
    ];
    for (const claim of claims) {
      const node = alone();
      node.core.receive(2, claim);
      expect([sentBy(node), node.core.leader, node.log.items]).toEqual([[], 0, []]);
      node.core.receive(1, claim);
      expect(sentBy(node)).toHaveLength(1);
    }
  });

  it('is not the leader before the one that was heard last', () => {
    const node = alone();
    node.core.receive(2, heartbeat(ballotOf(2, 2)));
    node.core.receive(1, heartbeat(OLD, { learnedThrough: 9 }));
    node.core.receive(1, accept(1, OLD));
    expect([node.core.leader, node.log.items, node.core.learner.targetThrough]).toEqual([2, [], 0]);
    expect(typesOf(node)).toEqual(['heartbeaten 2']);
  });

  it('is told the promise that is in the way, if this replica votes', () => {
    const promised = ballotOf(5, 2);
    const node = alone();
    node.core.receive(2, { type: 'prepare', configuration: 1, ballot: promised, attempt: 1, fromSlot: 1 });
    sentBy(node);
    for (const message of [heartbeat(OLD), accept(1, OLD)]) node.core.receive(1, message);
    node.core.receive(1, { type: 'prepare', configuration: 1, ballot: OLD, attempt: 1, fromSlot: 1 });
    node.core.receive(1, { type: 'canvass', configuration: 1, ballot: OLD, learnedThrough: 0 });
    node.core.receive(2, { type: 'canvass', configuration: 1, ballot: promised, learnedThrough: 0 });
    const answers = sentBy(node).map(({ to, message }) => ({ to, ...message }));
    const rejected = { type: 'rejected', promised };
    expect(answers.slice(0, 4)).toEqual(Array(4).fill({ to: 1, ballot: OLD, ...rejected }));
    expect(answers.slice(4)).toEqual([{ to: 2, ballot: promised, ...rejected }]);
  });

  it('says something that is known; clocks are the host’s', () => {
    const node = alone();
    node.core.receive(1, { type: 'clock', sentMs: 1, timeMs: 2 });
    node.core.receive(1, { type: 'clocked', sentMs: 1, wallMs: 2, timeMs: 3 });
    expect(sentBy(node)).toEqual([]);
    expect(() => node.core.receive(1, { type: 'nonsense' } as unknown as Message)).toThrow();
  });
});

describe('a store that has lost votes', () => {
  /** It still shows a promise: that of a log in which votes are missing. */
  function lost(): TestNode {
    const log = new TestLog();
    log.items = [ballotOf(5, 2)];
    log.lost = true;
    return alone({}, log);
  }

  it('follows, and answers nothing that is a vote or a promise, not even a refusal', () => {
    const node = lost();
    node.core.receive(1, heartbeat(OLD));
    node.core.receive(1, {
      type: 'prepare',
      configuration: 1,
      ballot: ballotOf(6, 1),
      attempt: 1,
      fromSlot: 1,
    });
    node.core.receive(2, heartbeat(ballotOf(5, 2), { learnedThrough: 1, lastSlot: 1 }));
    node.core.receive(2, accept(1, ballotOf(5, 2)));
    expect(node.core.leader).toBe(2);
    expect(typesOf(node)).toEqual(['fetch 2']);
    node.core.receive(2, { type: 'handOver', ballot: ballotOf(5, 2) });
    tick(node, 4 * TIMEOUT_TICKS);
    expect(node.outbox.filter(({ message }) => message.type !== 'fetch')).toEqual([]);
  });
});

test('one that is no voter does not ask to lead, and keeps a promise that is asked of it', () => {
  const node = alone({}, new TestLog(), 2);
  tick(node, 4 * TIMEOUT_TICKS);
  expect(sentBy(node)).toEqual([]);
  // Whoever asks may know of a configuration in which it votes.
  node.core.receive(1, { type: 'prepare', configuration: 2, ballot: OLD, attempt: 1, fromSlot: 1 });
  expect(node.log.items).toEqual([OLD]);
});

test('a cluster of one leads as soon as it asks to', () => {
  const node = new TestNode(1, new TestLog(), { configuration: configurationOf(1) });
  tick(node, TIMEOUT_TICKS);
  expect(node.core.role).toBe('candidate');
  expect(sentBy(node)).toEqual([]);
  expect(node.core.role).toBe('leader');
  expect(node.core.propose(batchOf('a'))).toBe(1);
});

describe('what the log vouches for', () => {
  it('is handed over at the start, and what a checkpoint covers is forgotten', () => {
    const log = new TestLog();
    for (const slot of [1, 2, 3]) log.items.push({ slot, ballot: OLD, ...batchOf(`v${slot}`) });
    log.hint = 2;
    expect(alone({}, log).chosenSlots).toEqual([1, 2]);
    const { acceptor } = alone({ checkpointThrough: 2 }, log).core;
    expect([acceptor.trimThrough, acceptor.vote(2)]).toEqual([2, undefined]);
  });

  it('is trimmed as far as it is applied, no further (contract 24)', () => {
    const node = alone();
    node.core.receive(1, accept(1, OLD));
    node.core.receive(1, heartbeat(OLD, { learnedThrough: 1, lastSlot: 1, chainSlot: 0 }));
    expect(() => node.core.trimmed(1)).toThrow(/contract 24/);
    node.apply();
    node.core.trimmed(1);
    expect(node.core.acceptor.trimThrough).toBe(1);
  });
});

describe('who leads', () => {
  it('is told once, and again when it was in doubt', () => {
    const node = alone();
    const follows = () => node.roles.filter(({ leader }) => leader === 1).length;
    for (let round = 1; round <= 3; round++) node.core.receive(1, heartbeat(OLD, { round }));
    expect(node.roles).toEqual([{ role: 'follower', ballot: OLD, leader: 1 }]);
    tick(node, TIMEOUT_TICKS);
    expect(node.roles.at(-1)).toMatchObject({ role: 'candidate', leader: 0 });
    node.core.receive(1, heartbeat(OLD));
    node.core.receive(1, heartbeat(OLD));
    expect([follows(), node.core.role]).toEqual([2, 'follower']);
  });

  it('is told with the ballot that is campaigned for, and led', () => {
    const node = alone();
    node.core.receive(1, heartbeat(OLD));
    const ballot = campaigning(node);
    expect(node.roles.at(-1)).toEqual({ role: 'candidate', ballot, leader: 0 });
    expect(ballot).toBeGreaterThan(OLD);
    const own = leading(alone());
    expect(own).toBe(ballotOf(1, 3));
  });

  it('is still known after a checkpoint was installed', () => {
    const node = alone();
    node.core.receive(1, heartbeat(OLD));
    node.core.installed(5, 7 as Digest, 1);
    expect(node.core.leader).toBe(1);
  });
});

describe('a canvass', () => {
  it('is welcome where nobody is heard, and to the leader’s own followers', () => {
    const node = alone();
    node.core.receive(1, heartbeat(OLD));
    sentBy(node);
    node.core.receive(2, { type: 'canvass', configuration: 1, ballot: ballotOf(2, 2), learnedThrough: 0 });
    expect(sentBy(node)).toEqual([]);
    node.core.receive(1, { type: 'canvass', configuration: 1, ballot: ballotOf(2, 1), learnedThrough: 0 });
    expect(typesOf(node)).toEqual(['canvassed 1']);
    tick(node, TIMING.electionTicks);
    node.core.receive(2, { type: 'canvass', configuration: 1, ballot: ballotOf(2, 2), learnedThrough: 0 });
    expect(typesOf(node)).toEqual(['canvassed 2']);
  });

  it('of one that lacks what is trimmed here is answered with what there is to learn', () => {
    const node = alone();
    node.core.installed(5, 7 as Digest, 1);
    node.core.trimmed(5);
    node.core.receive(2, { type: 'canvass', configuration: 1, ballot: ballotOf(2, 2), learnedThrough: 4 });
    expect(typesOf(node)).toEqual(['chosen 2']);
    node.core.receive(2, { type: 'canvass', configuration: 1, ballot: ballotOf(2, 2), learnedThrough: 5 });
    expect(typesOf(node)).toEqual(['canvassed 2']);
  });

  it('is sent to the others, and again while nobody answers', () => {
    const node = alone();
    tick(node, TIMEOUT_TICKS);
    expect(typesOf(node)).toEqual(['canvass 1', 'canvass 2']);
    tick(node, TIMING.fetchTicks);
    expect(typesOf(node)).toEqual(['canvass 1', 'canvass 2']);
    tick(node, TIMING.fetchTicks - 1);
    expect(typesOf(node)).toEqual([]);
  });

  it('is for a ballot above all that were heard of, whatever came last', () => {
    const node = alone();
    node.core.receive(1, { type: 'rejected', ballot: OLD, promised: ballotOf(8, 2) });
    node.core.receive(1, { type: 'rejected', ballot: OLD, promised: ballotOf(4, 2) });
    expect(campaigning(node)).toBe(ballotOf(9, 3));
  });

  it('is held back while the store is behind, and so is a hand-over', () => {
    const node = alone();
    node.core.standsBack = true;
    node.core.receive(1, heartbeat(OLD));
    sentBy(node);
    node.core.receive(1, { type: 'handOver', ballot: OLD });
    tick(node, 4 * TIMEOUT_TICKS);
    expect([sentBy(node), node.core.role]).toEqual([[], 'follower']);
  });
});

describe('a promise', () => {
  it('that is asked for again is answered again, and campaigns of its own wait', () => {
    const node = alone();
    const prepare = { type: 'prepare', configuration: 1, ballot: OLD, fromSlot: 1 } as const;
    node.core.receive(1, { ...prepare, attempt: 1 });
    expect(typesOf(node)).toEqual(['promised 1']);
    tick(node, TIMEOUT_TICKS - 1);
    node.core.receive(1, { ...prepare, attempt: 2 });
    expect(typesOf(node)).toEqual(['promised 1']);
    tick(node, TIMEOUT_TICKS - 1);
    expect(sentBy(node)).toEqual([]);
  });

  it('with a long answer goes on when the link of who asked takes more', () => {
    const log = new TestLog();
    for (const slot of [1, 2, 3]) log.items.push({ slot, ballot: OLD, ...batchOf(`v${slot}`) });
    const node = alone({ votesBytesMax: 1 }, log);
    node.choked.add(1);
    node.core.receive(1, {
      type: 'prepare',
      configuration: 1,
      ballot: ballotOf(2, 1),
      attempt: 1,
      fromSlot: 1,
    });
    expect(typesOf(node)).toEqual([]);
    node.choked.delete(1);
    node.core.roomAgain(2);
    expect(node.outbox).toEqual([]);
    node.core.roomAgain(1);
    expect(node.outbox.map(({ message }) => message.type)).toEqual(Array(3).fill('promised'));
  });
});

describe('a hand-over', () => {
  it('is taken from the leader that is followed, at its ballot', () => {
    const node = alone();
    const ballot = ballotOf(3, 1);
    node.core.receive(1, heartbeat(ballot));
    node.core.receive(2, { type: 'handOver', ballot });
    node.core.receive(1, { type: 'handOver', ballot: OLD });
    expect(node.core.role).toBe('follower');
    node.core.receive(1, { type: 'handOver', ballot });
    expect([node.core.role, node.core.ballot]).toEqual(['candidate', ballotOf(4, 3)]);
  });

  it('goes to a follower that has answered, from a leader', () => {
    const node = alone();
    expect(node.core.handOver()).toBe(false);
    const ballot = leading(node);
    sentBy(node);
    expect([node.core.handOver(), sentBy(node)]).toEqual([false, []]);
    node.core.receive(2, heartbeaten(ballot));
    expect([node.core.handOver(), typesOf(node)]).toEqual([true, ['handOver 2']]);
    for (let ticks = 1; ticks <= 3 * TIMING.heartbeatTicks; ticks++) {
      const { acceptor } = node.core;
      expect([node.core.role, node.core.handOver(), acceptor.promised]).toEqual(['leader', true, ballot]);
      node.core.receive(1, { type: 'accepted', ballot, fromSlot: 1, throughSlot: 1 });
      tick(node, 1);
    }
    expect(node.core.handOver(), 'it may be dead').toBe(false);
  });
});

describe('a leader', () => {
  it('stays one when it is told of a lower promise, or installs what it has learned', () => {
    const node = alone();
    const ballot = leading(node);
    node.core.receive(1, { type: 'rejected', ballot: OLD, promised: OLD });
    for (const slot of [1, 2, 3]) node.core.propose(batchOf(`v${slot}`));
    sentBy(node);
    node.core.receive(1, { type: 'accepted', ballot, fromSlot: 1, throughSlot: 3 });
    expect(node.core.learner.learnedThrough).toBe(3);
    node.core.installed(3, node.core.learner.chain, 1);
    expect(node.core.role).toBe('leader');
    node.core.installed(4, 7 as Digest, 1);
    expect(node.core.role, 'somebody else has chosen slot 4').toBe('follower');
  });

  it('stays one while anybody of a quorum says anything at its ballot, and at no other', () => {
    for (const [said, role] of [
      ['own', 'leader'],
      ['old', 'follower'],
    ]) {
      const node = alone();
      const ballot = leading(node);
      for (let ticks = 0; ticks < 3 * TIMING.electionTicks && node.core.role === 'leader'; ticks++) {
        const spoken = said === 'own' ? ballot : OLD;
        node.core.receive(1, { type: 'accepted', ballot: spoken, fromSlot: 1, throughSlot: 1 });
        node.core.tick();
      }
      expect(node.core.role).toBe(role);
    }
  });

  it('beats at its pace, at once for a read, and never to itself', () => {
    const node = alone();
    const ballot = leading(node);
    expect(typesOf(node).slice(-4)).toEqual(['prepare 1', 'prepare 2', 'heartbeat 1', 'heartbeat 2']);
    let beats = 0;
    for (let ticks = 0; ticks < 2 * TIMING.heartbeatTicks; ticks++) {
      tick(node, 1);
      beats += typesOf(node).length;
    }
    expect(beats).toBe(2 * 2);
    expect(node.core.read(1)).toBe(true);
    const [beat] = sentBy(node);
    const { round } = beat!.message as Heartbeat;
    node.core.receive(1, heartbeaten(OLD, { round }));
    expect(node.reads.size, 'an answer at another ballot').toBe(0);
    node.core.receive(1, heartbeaten(ballot, { round }));
    expect(node.reads.get(1)).toBe(0);
  });
});

test('a read is for a leader', () => {
  expect(alone().core.read(1)).toBe(false);
});

describe('a follower that has voted', () => {
  function voted(): TestNode {
    const node = alone();
    for (const slot of [1, 2, 3]) node.core.receive(1, accept(slot, OLD));
    expect(typesOf(node)).toEqual(['accepted 1']);
    return node;
  }

  it('repeats its answers once a tick, for what the leader has not learned', () => {
    const node = voted();
    const beat = (learnedThrough: number, lastSlot: number) => {
      node.core.receive(1, heartbeat(OLD, { learnedThrough, lastSlot }));
      return sentBy(node).flatMap(({ message }) =>
        message.type === 'accepted' ? [[message.fromSlot, message.throughSlot]] : [],
      );
    };
    expect(beat(0, 3), 'no time has passed').toEqual([]);
    tick(node, 1);
    expect(beat(1, 1), 'everything is learned').toEqual([]);
    expect(beat(1, 3)).toEqual([[2, 3]]);
    expect(beat(1, 3)).toEqual([]);
  });

  it('takes a checkpoint that reaches beyond what it has learned', () => {
    const node = voted();
    node.core.receive(1, heartbeat(OLD, { learnedThrough: 2, lastSlot: 3, chainSlot: 0 }));
    const offer = (throughSlot: Slot) => {
      const rest = { checkpointId: throughSlot, digest: 1 as Digest, lengthBytes: 9 };
      node.core.receive(2, { type: 'checkpointOffer', throughSlot, ...rest });
      return node.needs.map(({ checkpointId }) => checkpointId);
    };
    expect([offer(1), offer(2), offer(3)]).toEqual([[], [], [3]]);
    // Slot 1 is learned, and cannot be applied: what covers it is wanted, though it is no news.
    node.log.lostBytes.add(1);
    node.core.acceptor.lose(1, OLD);
    expect(offer(2)).toEqual([3, 2]);
  });
});
