/**
 * How a promised answer is cut into parts, and how it leaves (contract 6: nothing is left out, however long
 * it is).
 */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { BATCH_BYTES_MAX, FRAME_BYTES_MAX, MESSAGE_VOTES_BYTES_MAX } from '../../lib/limits.js';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { Campaign } from '../../lib/paxos/campaign.js';
import type { Effects } from '../../lib/paxos/effects.js';
import type { Prepare, Promised } from '../../lib/paxos/messages.js';
import { PromisedAnswer } from '../../lib/paxos/promised-answer.js';
import { Quorum } from '../../lib/paxos/quorum.js';
import { BatchKind, type Digest, type SlotRange } from '../../lib/types.js';
import { encodeMessage } from '../../lib/wire/codec.js';
import { Writer } from '../../lib/wire/writer.js';
import { FIRST, NOTHING_LEARNED, partsOf } from './answers.js';
import { batchOf, configurationOf, textOf } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

const BALLOT = ballotOf(9, 1);
const LOW = ballotOf(1, 1);

function acceptorWith(votes: number, bytesEach: number, uncertain: readonly SlotRange[]): Acceptor {
  const marks = Array.from({ length: votes }, (_, at) => ({
    slot: at + 1,
    ballot: LOW,
    kind: BatchKind.commands,
    digest: at as Digest,
    available: true,
  }));
  const effects = { readVote: () => new Uint8Array(bytesEach) } as unknown as Effects;
  return new Acceptor({ promised: BALLOT, trimThrough: 0, voting: true, uncertain, votes: marks }, effects);
}

const campaignOf = () => new Campaign(BALLOT, 1, new Quorum(configurationOf(3)), 3);

test('every part fits into a frame, even beside thousands of uncertain ranges and largest batches', () => {
  const uncertain = Array.from({ length: 20_000 }, (_, at) => ({ from: 10 + 3 * at, through: 11 + 3 * at }));
  const parts = partsOf(acceptorWith(3, BATCH_BYTES_MAX, uncertain));
  for (const part of parts) {
    const writer = new Writer();
    const tail = encodeMessage(writer, part);
    expect(writer.length + tail.length).toBeLessThanOrEqual(FRAME_BYTES_MAX);
  }
  expect(parts.flatMap((part) => part.votes.map(({ slot }) => slot))).toEqual([1, 2, 3]);
  expect(parts.flatMap((part) => part.uncertain)).toEqual(uncertain);
});

test('parts follow one another without a gap, and the last one is named so', () => {
  const parts = partsOf(acceptorWith(5, MESSAGE_VOTES_BYTES_MAX / 2, [{ from: 2, through: 7 }]));
  expect(parts.map(({ fromSlot, throughSlot, isLast }) => [fromSlot, throughSlot, isLast])).toEqual([
    [1, 1, false],
    [2, 2, false],
    [3, 3, false],
    [4, 4, false],
    [5, 7, true],
  ]);
  expect(parts.flatMap(({ votes }) => votes.map((vote) => vote.slot))).toEqual([1, 2, 3, 4, 5]);
  expect(parts.map(({ uncertain }) => uncertain)).toEqual([
    [],
    [{ from: 2, through: 2 }],
    [{ from: 3, through: 3 }],
    [{ from: 4, through: 4 }],
    [{ from: 5, through: 7 }],
  ]);
});

test('a campaign heeds the uncertain ranges of every part', () => {
  const parts = partsOf(acceptorWith(2, 700_000, [{ from: 3, through: 4 }]));
  expect(parts.length).toBe(2);
  const campaign = campaignOf();
  for (const part of parts) campaign.take(1, part);
  for (const part of partsOf(acceptorWith(0, 0, []))) campaign.take(2, part);
  // 1 is uncertain at slots 3 and 4, so only 2 is clean there: no quorum, no free choice.
  expect(campaign.recovery(0)).toBeUndefined();
  for (const part of partsOf(acceptorWith(0, 0, []))) campaign.take(3, part);
  expect(campaign.recovery(0)?.batches).toHaveLength(4);
});

/** What may happen at an acceptor, and on the way, while it answers. */
const happenings = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant('record' as const), slot: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ what: fc.constant('trim' as const), slot: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ what: fc.constant('lose' as const), slot: fc.constant(0) }),
    fc.record({ what: fc.constant('arrive' as const), slot: fc.nat(3) }),
  ),
  { maxLength: 40 },
);

test('parts made at different times, lost, doubled and late, are an answer that hides no vote (contracts 6, 9, 12)', () => {
  const votes = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 1 });
  fc.assert(
    fc.property(votes, happenings, (voted, steps) => {
      const effects = new RecordedEffects();
      const nothing = { promised: LOW, trimThrough: 0, votes: [], uncertain: [], voting: true };
      const acceptor = new Acceptor(nothing, effects);
      for (const slot of voted) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
      acceptor.promise(BALLOT);
      acceptor.durableNow(acceptor.stagedThrough);
      const answer = new PromisedAnswer(acceptor, NOTHING_LEARNED, FIRST, effects, 70);
      const campaign = campaignOf();
      const ask = () => answer.asked(campaign.prepareFor(2));
      ask();
      let wire: Promised[] = [];
      const move = () => {
        acceptor.durableNow(acceptor.stagedThrough);
        answer.pump();
        wire.push(...effects.sent.splice(0).map(({ message }) => message as Promised));
      };
      const arrive = (part: Promised) => {
        if (campaign.take(2, part) === 'gap') ask();
      };
      for (const { what, slot } of steps) {
        if (what === 'record') acceptor.record(slot, LOW, batchOf(`v${slot}`));
        if (what === 'trim') acceptor.trim(slot);
        if (what === 'lose') wire.shift();
        move();
        const part = wire[slot];
        // It may come again.
        if (what === 'arrive' && part !== undefined) arrive(part);
      }
      for (let tries = 0; tries < 50 && !campaign.isWhole(2); tries++) {
        wire = [];
        for (let tick = 0; tick < 3; tick++) if (campaign.tick(() => false).ask.includes(2)) ask();
        move();
        for (const part of wire) arrive(part);
      }
      expect(campaign.isWhole(2)).toBe(true);
      const others = partsOf(new Acceptor({ ...nothing, promised: BALLOT }, effects));
      for (const part of others) campaign.take(3, part);
      const { firstSlot, batches } = campaign.recovery(0)!;
      for (const slot of voted) {
        if (slot >= firstSlot) expect(textOf(batches[slot - firstSlot])).toBe(`v${slot}`);
        else expect(slot).toBeLessThanOrEqual(acceptor.trimThrough);
      }
    }),
  );
});

describe('an answer on its way', () => {
  const PREPARE: Prepare = { type: 'prepare', configuration: 1, ballot: BALLOT, attempt: 1, fromSlot: 1 };

  function answering(votes: number) {
    const effects = new RecordedEffects();
    let reads = 0;
    effects.readVote = () => {
      reads++;
      return new Uint8Array(1000);
    };
    const state = {
      promised: LOW,
      trimThrough: 0,
      voting: true,
      uncertain: [],
      votes: Array.from({ length: votes }, (_, at) => ({
        slot: at + 1,
        ballot: LOW,
        kind: BatchKind.commands,
        digest: at as Digest,
        available: true,
      })),
    };
    const acceptor = new Acceptor(state, effects);
    acceptor.promise(BALLOT);
    const answer = new PromisedAnswer(acceptor, NOTHING_LEARNED, FIRST, effects, 1000);
    const parts = () => effects.sent.map(({ message }) => (message as Promised).fromSlot);
    return { acceptor, answer, effects, parts, reads: () => reads };
  }

  it('is made no further than the link takes it, and not before its promise is durable (contract 5)', () => {
    const { acceptor, answer, effects, parts, reads } = answering(9);
    answer.asked(PREPARE);
    expect(effects.sent.map(({ after }) => after)).toEqual([1]);
    effects.choked.add(1);
    acceptor.durableNow(1);
    answer.pump();
    expect([parts(), reads()]).toEqual([[1], 2]);
    effects.choked.clear();
    answer.pump();
    expect(parts()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is not given again because the campaign goes on, and goes on where it is asked to', () => {
    const { acceptor, answer, effects, parts } = answering(4);
    answer.asked(PREPARE);
    acceptor.durableNow(1);
    answer.pump();
    answer.asked({ ...PREPARE, fromSlot: 3 });
    expect(parts()).toEqual([1, 2, 3, 4]);
    answer.asked({ ...PREPARE, attempt: 2, fromSlot: 3 });
    expect(parts().slice(4)).toEqual([3, 4]);
    // Who was restarted knows nothing of an attempt.
    const again = new PromisedAnswer(acceptor, NOTHING_LEARNED, FIRST, effects, 1000);
    again.asked({ ...PREPARE, attempt: 2, fromSlot: 4 });
    expect(parts().slice(6)).toEqual([4]);
  });

  it('ends when a higher ballot is promised, and when its own is led (contract 2)', () => {
    for (const leads of [false, true]) {
      const { acceptor, answer, effects, parts } = answering(4);
      answer.asked(PREPARE);
      effects.choked.add(1);
      acceptor.durableNow(1);
      answer.pump();
      if (leads) answer.end();
      else acceptor.promise(ballotOf(10, 2));
      acceptor.durableNow(acceptor.stagedThrough);
      effects.choked.clear();
      answer.pump();
      expect(parts()).toEqual([1]);
    }
  });
});

test('a part is full when another vote would take it beyond its bytes, not before', () => {
  for (const [bytesMax, votesEach] of [
    [2 * 164, 2],
    [2 * 164 - 1, 1],
  ] as const) {
    const parts = partsOf(acceptorWith(4, 100, []), 1, bytesMax);
    expect(parts[0]!.votes).toHaveLength(votesEach);
  }
});

test('no part has more uncertain ranges than fit, and what did not fit is read once', () => {
  const uncertain = Array.from({ length: 4001 }, (_, at) => ({ from: 2 * at + 1, through: 2 * at + 1 }));
  const parts = partsOf(acceptorWith(3, 100, uncertain));
  expect(parts.map((part) => part.uncertain.length)).toEqual([2000, 2000, 1]);
  let reads = 0;
  const acceptor = acceptorWith(4, 100, []);
  const bytesOf = acceptor.bytesOf.bind(acceptor);
  acceptor.bytesOf = (slot, mark) => {
    reads++;
    return bytesOf(slot, mark);
  };
  expect(partsOf(acceptor, 1, 1)).toHaveLength(4);
  expect(reads).toBe(4);
});

test('nothing is sent before anything was asked', () => {
  const effects = new RecordedEffects();
  const state = { promised: NO_BALLOT, trimThrough: 0, voting: true, uncertain: [], votes: [] };
  new PromisedAnswer(new Acceptor(state, effects), NOTHING_LEARNED, FIRST, effects).pump();
  expect(effects.sent).toEqual([]);
});
