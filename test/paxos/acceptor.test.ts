import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { ContractViolation } from '../../lib/contract.js';
import { VOTE_SLOTS_MAX } from '../../lib/limits.js';
import { Acceptor, type AcceptorState } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { type Ballot, BatchKind, type Slot } from '../../lib/types.js';
import { partsOf } from './answers.js';
import { batchOf } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

const LOW = ballotOf(1, 1);
const MIDDLE = ballotOf(2, 2);
const HIGH = ballotOf(3, 1);

let effects: RecordedEffects;

beforeEach(() => {
  effects = new RecordedEffects();
});

function acceptorWith(state: Partial<AcceptorState> = {}): Acceptor {
  const empty = { promised: NO_BALLOT, trimThrough: 0, votes: [], uncertain: [], voting: true };
  return new Acceptor({ ...empty, ...state }, effects);
}

function markOf(slot: Slot, ballot: Ballot, text: string, available = true) {
  return { slot, ballot, kind: BatchKind.commands, digest: batchOf(text).digest, available };
}

test('the promise never falls, whatever is asked in whatever order (contracts 1, 2, 3)', () => {
  const ballot = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }));
  const step = fc.record({ ballot, slot: fc.integer({ min: 0, max: 5 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      effects = new RecordedEffects();
      const acceptor = acceptorWith();
      for (const { ballot: parts, slot } of steps) {
        const asked = ballotOf(...parts);
        const before = acceptor.promised;
        if (slot === 0) {
          expect(acceptor.promise(asked)).toBe(asked >= before);
        } else {
          // One batch for each (ballot, slot), as contract 11 has it.
          const result = acceptor.accept(slot, asked, batchOf(`${asked} ${slot}`));
          expect(result).toBe(asked >= before ? 'voted' : 'refused');
        }
        expect(acceptor.promised).toBe(Math.max(before, asked));
        for (let s = 1; s <= 5; s++)
          expect(acceptor.vote(s)?.ballot ?? 0).toBeLessThanOrEqual(acceptor.promised);
      }
    }),
  );
});

test('what was promised before a restart is promised after it (contract 1)', () => {
  const acceptor = acceptorWith({ promised: HIGH });
  expect(acceptor.promised).toBe(HIGH);
  expect(acceptor.promise(MIDDLE)).toBe(false);
  expect(acceptor.accept(1, MIDDLE, batchOf('v'))).toBe('refused');
  expect(effects.items).toEqual([]);
});

test('a second batch at the same ballot and slot is a violation (contract 4)', () => {
  const acceptor = acceptorWith();
  acceptor.accept(1, LOW, batchOf('v'));
  expect(acceptor.accept(1, LOW, batchOf('v'))).toBe('voted');
  expect(effects.items).toHaveLength(1);
  expect(() => acceptor.accept(1, LOW, batchOf('w'))).toThrow(ContractViolation);
});

test('items are counted as they are staged, and durability neither shrinks nor runs ahead (contract 5)', () => {
  const acceptor = acceptorWith();
  acceptor.promise(LOW);
  acceptor.accept(1, LOW, batchOf('v'));
  expect(acceptor.stagedThrough).toBe(2);
  acceptor.durableNow(1);
  expect(acceptor.durableThrough).toBe(1);
  expect(() => acceptor.durableNow(3)).toThrow(ContractViolation);
  expect(() => acceptor.durableNow(0)).toThrow(ContractViolation);
});

test('without room nothing is staged, promised or voted for', () => {
  const acceptor = acceptorWith();
  effects.logHasRoom = false;
  expect(acceptor.promise(LOW)).toBe(false);
  expect(acceptor.accept(1, LOW, batchOf('v'))).toBe('no-room');
  expect(acceptor.record(1, LOW, batchOf('v'))).toBe(false);
  expect([acceptor.promised, acceptor.stagedThrough, acceptor.vote(1)]).toEqual([NO_BALLOT, 0, undefined]);
});

test('an answer carries every vote from its slot on, above the trim point (contract 6)', () => {
  const acceptor = acceptorWith();
  for (const slot of [1, 2, 4, 7]) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
  acceptor.trim(1);
  acceptor.promise(HIGH);
  const slots = (fromSlot: Slot) =>
    partsOf(acceptor, fromSlot).flatMap(({ votes }) => votes.map((v) => v.slot));
  expect(slots(1)).toEqual([2, 4, 7]);
  expect(slots(4)).toEqual([4, 7]);
  expect(slots(8)).toEqual([]);
  expect(partsOf(acceptor)[0]).toMatchObject({ ballot: HIGH, trimThrough: 1, isLast: true });
});

test('lost bytes go as unavailable, unreadable stretches as uncertain, and a new vote heals them (contract 6)', () => {
  const acceptor = acceptorWith({
    promised: LOW,
    votes: [markOf(1, LOW, 'v', false)],
    uncertain: [{ from: 2, through: 4 }],
  });
  const votes = () => partsOf(acceptor).flatMap((part) => part.votes);
  const uncertain = () => partsOf(acceptor).flatMap((part) => part.uncertain);
  expect(votes()).toEqual([{ ...markOf(1, LOW, 'v'), available: undefined, bytes: undefined }]);
  expect(uncertain()).toEqual([{ from: 2, through: 4 }]);
  acceptor.accept(3, MIDDLE, batchOf('w'));
  expect(uncertain()).toEqual([
    { from: 2, through: 2 },
    { from: 4, through: 4 },
  ]);
  // The same batch at the same ballot brings the lost bytes back.
  expect(acceptor.accept(1, MIDDLE, batchOf('v'))).toBe('voted');
  expect(votes()[0]?.bytes).toEqual(batchOf('v').bytes);
});

test('a store that lost votes neither promises nor votes nor records (contract 7)', () => {
  const acceptor = acceptorWith({ voting: false });
  expect(acceptor.promise(LOW)).toBe(false);
  expect(acceptor.accept(1, LOW, batchOf('v'))).toBe('refused');
  expect(acceptor.record(1, LOW, batchOf('v'))).toBe(false);
  expect(effects.items).toEqual([]);
});

test('writing to a store that lost votes is a violation, and what it still shows is not a vote (contract 7)', () => {
  const acceptor = acceptorWith({ voting: false, promised: LOW, votes: [markOf(1, LOW, 'v')] });
  expect(acceptor.vote(1)).toBeUndefined();
  expect(partsOf(acceptor).flatMap(({ votes }) => votes)).toEqual([]);
  expect(() => acceptor.rewrite(1, batchOf('v').bytes)).toThrow(ContractViolation);
  expect(acceptor.restate()).toBe(true);
  expect(effects.items).toEqual([]);
});

test('bytes that are missed when they are read make their vote unavailable, not absent (contract 6)', () => {
  const acceptor = acceptorWith({ promised: LOW, votes: [markOf(1, LOW, 'v'), markOf(2, LOW, 'w')] });
  effects.bytes.set(2, batchOf('w').bytes);
  expect(acceptor.holds(1, LOW)).toBe(true);
  const votes = partsOf(acceptor).flatMap((part) => part.votes);
  expect(votes.map(({ slot, bytes }) => [slot, bytes === undefined])).toEqual([
    [1, true],
    [2, false],
  ]);
  expect([...acceptor.damage.unavailable]).toEqual([1]);
  expect(acceptor.holds(1, LOW)).toBe(false);
});

test('an answer that would hide a lost vote is a violation (contract 6)', () => {
  const acceptor = acceptorWith({ promised: LOW, votes: [markOf(1, LOW, 'v', false)] });
  acceptor.damage.unavailable.delete(1);
  expect(() => partsOf(acceptor)).toThrow(ContractViolation);
});

test('an older vote is never written again where the newest may be lost (contract 6)', () => {
  const state = { promised: HIGH, votes: [markOf(1, LOW, 'u')], uncertain: [{ from: 1, through: 2 }] };
  const acceptor = acceptorWith(state);
  expect(() => acceptor.rewrite(1, batchOf('u').bytes)).toThrow(ContractViolation);
  acceptor.endanger({ from: 1, through: 2 });
  expect(acceptor.damage.endangered.size).toBe(0);
  expect(acceptor.damage.uncertain).toEqual(state.uncertain);
});

test('the bytes of an applied slot stay until the log that lost them has them again', () => {
  const acceptor = acceptorWith();
  acceptor.accept(1, LOW, batchOf('v'));
  acceptor.durableNow(1);
  acceptor.lose(1, LOW);
  acceptor.release(1);
  expect(acceptor.bytesOf(1, acceptor.vote(1)!)).toEqual(batchOf('v').bytes);
  expect(acceptor.rewrite(1, batchOf('v').bytes)).toBe(true);
  acceptor.durableNow(2);
  acceptor.release(1);
  expect(acceptor.vote(1)).toMatchObject({ bytes: undefined, available: true, ballot: LOW });
});

test('damage to a vote that a newer one has replaced changes nothing', () => {
  const acceptor = acceptorWith();
  acceptor.accept(1, LOW, batchOf('v'));
  acceptor.accept(1, MIDDLE, batchOf('w'));
  acceptor.lose(1, LOW);
  expect(acceptor.damage.isNone).toBe(true);
});

test('a chosen batch is written where the log is uncertain, even if an older vote for it is still there', () => {
  const acceptor = acceptorWith({
    promised: HIGH,
    votes: [markOf(1, MIDDLE, 'v')],
    uncertain: [{ from: 1, through: 1 }],
  });
  expect(acceptor.record(1, LOW, batchOf('v'))).toBe(true);
  expect(effects.items).toEqual([{ slot: 1, ballot: MIDDLE }]);
  expect(acceptor.damage.isNone).toBe(true);
});

test('a chosen batch is recorded below the promise, and a vote for it at a lower ballot is renewed', () => {
  const acceptor = acceptorWith({ promised: HIGH });
  expect(acceptor.record(1, LOW, batchOf('v'))).toBe(true);
  expect(acceptor.promised).toBe(HIGH);
  expect(acceptor.record(1, MIDDLE, batchOf('v'))).toBe(true);
  expect(acceptor.vote(1)?.ballot).toBe(MIDDLE);
  expect(acceptor.record(1, LOW, batchOf('v'))).toBe(true);
  expect(acceptor.vote(1)?.ballot).toBe(MIDDLE);
  expect(effects.items).toHaveLength(2);
});

test('a chosen batch that a vote at its ballot or above contradicts is a violation (contract 15)', () => {
  const acceptor = acceptorWith();
  acceptor.accept(1, MIDDLE, batchOf('w'));
  expect(() => acceptor.record(1, MIDDLE, batchOf('v'))).toThrow(ContractViolation);
  expect(() => acceptor.record(1, LOW, batchOf('v'))).toThrow(ContractViolation);
  expect(acceptor.record(1, HIGH, batchOf('v'))).toBe(true);
});

test('trimming forgets votes through the point and nothing else, and an accept below it is a violation', () => {
  const acceptor = acceptorWith({ uncertain: [{ from: 1, through: 4 }] });
  for (let slot = 1; slot <= 5; slot++) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
  acceptor.trim(3);
  acceptor.trim(2);
  expect([1, 2, 3, 4, 5].map((slot) => acceptor.vote(slot) !== undefined)).toEqual([
    false,
    false,
    false,
    true,
    true,
  ]);
  expect(acceptor.trimThrough).toBe(3);
  expect(() => acceptor.accept(3, LOW, batchOf('v'))).toThrow(ContractViolation);
  acceptor.trim(100);
  expect(acceptor.highestVoted).toBe(100);
});

test('bytes are kept until their slot is applied and durable, and read from the log afterwards', () => {
  const acceptor = acceptorWith();
  acceptor.accept(1, LOW, batchOf('v'));
  acceptor.release(1);
  expect(acceptor.vote(1)?.bytes).toBeDefined();
  acceptor.durableNow(1);
  expect(acceptor.vote(1)?.bytes).toBeUndefined();
  expect(acceptor.bytesOf(1, acceptor.vote(1)!)).toEqual(batchOf('v').bytes);
});

test('in a full log only the first slot not learned is voted for (contract 31)', () => {
  const acceptor = acceptorWith();
  acceptor.learnedNow(4);
  effects.logHasRoom = false;
  effects.hasReserve = true;
  expect(acceptor.accept(4, LOW, batchOf('v'))).toBe('no-room');
  expect(acceptor.accept(6, LOW, batchOf('v'))).toBe('no-room');
  expect(acceptor.accept(5, LOW, batchOf('v'))).toBe('voted');
  expect(acceptor.record(5, MIDDLE, batchOf('v')), 'what is chosen needs no vote').toBe(false);
});

test('it tells through where its votes at a ballot go without a gap, and no further than it is asked', () => {
  const acceptor = acceptorWith();
  for (const slot of [3, 4, 5, 7]) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
  expect(acceptor.coveredThrough(LOW, 2, 10)).toBe(5);
  expect(acceptor.coveredThrough(LOW, 2, 4)).toBe(4);
  expect(acceptor.coveredThrough(LOW, 6, 7)).toBe(7);
  expect(acceptor.coveredThrough(LOW, 1, 10), 'slot 2 has no vote').toBe(1);
  expect(acceptor.coveredThrough(MIDDLE, 2, 10), 'another ballot').toBe(2);
  acceptor.lose(4, LOW);
  expect(acceptor.coveredThrough(LOW, 2, 10), 'the bytes of slot 4 are lost').toBe(3);
});

test('the promise is written again as often as asked, if there is one and room for it', () => {
  const acceptor = acceptorWith();
  expect(acceptor.restate(), 'nothing to restate').toBe(true);
  expect([effects.items, acceptor.stagedThrough]).toEqual([[], 0]);
  acceptor.promise(MIDDLE);
  expect(acceptor.restate()).toBe(true);
  const promise = { slot: 0, ballot: MIDDLE };
  expect([effects.items, acceptor.stagedThrough]).toEqual([[promise, promise], 2]);
  effects.logHasRoom = false;
  expect(acceptor.restate()).toBe(false);
  expect(acceptor.stagedThrough).toBe(2);
});

test('a vote is written again as it was, and not into the reserve (contract 31)', () => {
  const acceptor = acceptorWith();
  acceptor.accept(1, LOW, batchOf('v'));
  effects.logHasRoom = false;
  effects.hasReserve = true;
  expect(acceptor.rewrite(1, batchOf('v').bytes)).toBe(false);
  effects.logHasRoom = true;
  expect(acceptor.rewrite(1, batchOf('v').bytes)).toBe(true);
  expect(acceptor.vote(1)).toMatchObject({ ...batchOf('v'), ballot: LOW, item: 2 });
});

test('equal bytes of another kind are another batch (contracts 4, 15)', () => {
  const acceptor = acceptorWith();
  const control = { ...batchOf('v'), kind: BatchKind.noop };
  acceptor.accept(1, LOW, batchOf('v'));
  expect(() => acceptor.accept(1, LOW, control)).toThrow(ContractViolation);
  expect(() => acceptor.record(1, LOW, control)).toThrow(ContractViolation);
});

test('a vote whose bytes are lost is taken again at its own ballot', () => {
  const acceptor = acceptorWith();
  acceptor.accept(1, LOW, batchOf('v'));
  acceptor.lose(1, LOW);
  acceptor.lose(2, LOW);
  expect([...acceptor.damage.unavailable], 'there is no vote in slot 2').toEqual([1]);
  expect(acceptor.accept(1, LOW, batchOf('v'))).toBe('voted');
  expect(effects.items).toHaveLength(2);
  expect(acceptor.damage.isNone).toBe(true);
});

test('what is trimmed or recorded already is not written again', () => {
  const acceptor = acceptorWith({ trimThrough: 3 });
  for (const slot of [2, 3]) expect(acceptor.record(slot, LOW, batchOf('v'))).toBe(true);
  expect(effects.items).toEqual([]);
  for (const _ of [1, 2]) expect(acceptor.record(4, LOW, batchOf('v'))).toBe(true);
  expect(effects.items).toEqual([{ slot: 4, ballot: LOW }]);
});

test('only what is durable lets go of its bytes', () => {
  const acceptor = acceptorWith();
  for (const slot of [1, 2]) {
    acceptor.accept(slot, LOW, batchOf(`v${slot}`));
    acceptor.release(slot);
  }
  acceptor.durableNow(1);
  expect([1, 2].map((slot) => acceptor.vote(slot)?.bytes)).toEqual([undefined, batchOf('v2').bytes]);
  acceptor.durableNow(2);
  expect(acceptor.vote(2)?.bytes).toBeUndefined();
});

test('a trim far beyond what is there forgets what is at or below it, and no vote above', () => {
  const acceptor = acceptorWith();
  for (const slot of [1, 99, 100, 101]) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
  acceptor.trim(100);
  const left = [1, 99, 100, 101].filter((slot) => acceptor.vote(slot) !== undefined);
  expect([left, acceptor.highestVoted]).toEqual([[101], 101]);
});

test('a store opened above a trim point votes there in a full log; a lost one tells of no damage', () => {
  const acceptor = acceptorWith({ trimThrough: 4 });
  effects.logHasRoom = false;
  effects.hasReserve = true;
  expect(acceptor.accept(6, LOW, batchOf('v'))).toBe('no-room');
  expect(acceptor.accept(5, LOW, batchOf('v'))).toBe('voted');
  expect(acceptorWith({ voting: false, uncertain: [{ from: 1, through: 2 }] }).damage.isNone).toBe(true);
});

test('the furthest slot that is voted for lies a bound above the trim point, and not one further', () => {
  const trimThrough = 5;
  const acceptor = acceptorWith({ trimThrough });
  const furthest = trimThrough + VOTE_SLOTS_MAX;
  expect(acceptor.accept(furthest, LOW, batchOf('v'))).toBe('voted');
  expect(acceptor.accept(furthest + 1, LOW, batchOf('v'))).toBe('no-room');
  expect(acceptor.record(furthest + 1, LOW, batchOf('v'))).toBe(false);
  expect(effects.items).toEqual([{ slot: furthest, ballot: LOW }]);
});
