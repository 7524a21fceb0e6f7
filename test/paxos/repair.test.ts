import { beforeEach, expect, test } from 'vitest';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { CHAIN_START } from '../../lib/paxos/chain.js';
import { Learner } from '../../lib/paxos/learner.js';
import { Repair } from '../../lib/paxos/repair.js';
import type { Slot } from '../../lib/types.js';
import { batchOf } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

const LOW = ballotOf(1, 2);
const FETCH_TICKS = 3;

let effects: RecordedEffects;
let acceptor: Acceptor;
let learner: Learner;
let repair: Repair;

/** A replica that has v1 … v6 in its log, learned and applied; the log alone has their bytes. */
beforeEach(() => {
  effects = new RecordedEffects();
  acceptor = new Acceptor(
    { promised: NO_BALLOT, trimThrough: 0, votes: [], uncertain: [], voting: true },
    effects,
  );
  const start = { through: 0, chain: CHAIN_START, fetchTicks: FETCH_TICKS, peers: [2, 3] };
  learner = new Learner(acceptor, effects, start);
  repair = new Repair(acceptor, learner, effects, [2, 3], FETCH_TICKS);
  for (let slot = 1; slot <= 6; slot++) learner.learn(slot, LOW, batchOf(`v${slot}`));
  acceptor.durableNow(acceptor.stagedThrough);
  learner.appliedNow(6);
  effects.items = [];
});

function loseBytes(...slots: Slot[]): void {
  for (const slot of slots) {
    effects.bytes.delete(slot);
    acceptor.lose(slot, LOW);
  }
}

function tick(count: number): void {
  for (let at = 0; at < count; at++) repair.tick(0);
}

const asked = () =>
  effects.sent.flatMap(({ to, message }) =>
    message.type === 'fetch' ? [{ to, from: message.fromSlot, through: message.throughSlot }] : [],
  );

function tell(...slots: Slot[]): void {
  const votes = slots.map((slot) => ({ slot, ballot: LOW, ...batchOf(`v${slot}`) }));
  learner.takeChosen(2, votes, 6);
}

test('lost bytes are asked of one peer after the other, run by run, and written when they come', () => {
  loseBytes(2, 3, 5);
  repair.begin();
  tick(1 + FETCH_TICKS);
  expect(asked()).toEqual([
    { to: 3, from: 2, through: 3 },
    { to: 2, from: 2, through: 3 },
  ]);
  tell(2, 3);
  expect(effects.items).toEqual([
    { slot: 2, ballot: LOW },
    { slot: 3, ballot: LOW },
  ]);
  tick(FETCH_TICKS);
  expect(asked().at(-1)).toEqual({ to: 3, from: 5, through: 5 });
  tell(5);
  expect(acceptor.damage.isNone).toBe(true);
});

test('nothing is asked for while nothing is damaged', () => {
  tick(10 * FETCH_TICKS);
  expect(effects.sent).toEqual([]);
  expect(repair.wantsCheckpointThrough).toBe(0);
});

test('votes that the next open could not tell are written again at once, from the log itself', () => {
  acceptor.endanger({ from: 2, through: 4 });
  repair.begin();
  expect(effects.items.map(({ slot }) => slot)).toEqual([2, 3, 4]);
  expect(acceptor.damage.isNone).toBe(true);
  expect(asked()).toEqual([]);
});

test('without room in the log it is tried again later', () => {
  acceptor.endanger({ from: 2, through: 3 });
  effects.logHasRoom = false;
  repair.begin();
  expect(acceptor.damage.endangered.size).toBe(2);
  effects.logHasRoom = true;
  tick(1);
  expect(acceptor.damage.isNone).toBe(true);
});

test('a checkpoint is wanted of what is applied and no peer has, after all were asked', () => {
  loseBytes(4);
  repair.begin();
  tick(1);
  expect(repair.wantsCheckpointThrough).toBe(0);
  tick(FETCH_TICKS);
  expect(repair.wantsCheckpointThrough).toBe(4);
  acceptor.trim(4);
  expect(repair.wantsCheckpointThrough).toBe(0);
});

test('the last slot of a stretch that could not be decided is asked for, behind what is learned', () => {
  tick(1);
  for (let at = 0; at < FETCH_TICKS - 1; at++) repair.tick(9);
  expect(asked()).toEqual([]);
  repair.tick(9);
  expect(asked()).toEqual([{ to: 3, from: 7, through: 9 }]);
});

test('another batch than the one that was voted for is no repair', () => {
  loseBytes(4);
  const votes = [{ slot: 4, ballot: LOW, ...batchOf('w') }];
  expect(() => learner.takeChosen(2, votes, 6)).toThrow(/contract 15/);
});

test('what held up a campaign and was learned since is not asked for', () => {
  for (let at = 0; at < 3 * FETCH_TICKS; at++) repair.tick(6);
  expect(asked()).toEqual([]);
});

/** What the log lacks room for, in the order in which it is asked to take it. */
function refusing(): Slot[] {
  const refused: Slot[] = [];
  effects.persistVote = (slot) => {
    refused.push(slot);
    return false;
  };
  return refused;
}

test('a log without room is asked to take one vote a tick, not all of them', () => {
  acceptor.endanger({ from: 2, through: 4 });
  const refused = refusing();
  tick(2);
  expect(refused).toEqual([2, 2]);
});

test('a vote written again is let go of once it is applied and durable, and not before', () => {
  learner.learn(7, LOW, batchOf('v7'));
  acceptor.durableNow(acceptor.stagedThrough);
  acceptor.endanger({ from: 6, through: 7 });
  tick(1);
  expect(acceptor.vote(6)?.bytes).toBeDefined();
  acceptor.durableNow(acceptor.stagedThrough);
  expect([acceptor.vote(6)?.bytes, acceptor.vote(7)?.bytes]).toEqual([undefined, batchOf('v7').bytes]);
});

test('what comes while the log has no room is written when it has', () => {
  loseBytes(4);
  learner = new Learner(acceptor, effects, { through: 3, chain: CHAIN_START, fetchTicks: 3, peers: [2, 3] });
  repair = new Repair(acceptor, learner, effects, [2, 3], FETCH_TICKS);
  effects.logHasRoom = false;
  tell(4);
  expect([learner.learnedThrough, effects.items]).toEqual([4, []]);
  effects.logHasRoom = true;
  tick(1);
  expect(effects.items).toEqual([{ slot: 4, ballot: LOW }]);
  expect(acceptor.damage.isNone).toBe(true);
});

test('a long stretch is written, and asked for, a bounded part at a time', () => {
  for (let slot = 7; slot <= 80; slot++) learner.learn(slot, LOW, batchOf(`v${slot}`));
  acceptor.durableNow(acceptor.stagedThrough);
  learner.appliedNow(80);
  effects.items = [];
  acceptor.endanger({ from: 1, through: 80 });
  tick(1);
  expect(effects.items).toHaveLength(64);
  tick(1);
  expect(effects.items).toHaveLength(80);
  acceptor.durableNow(acceptor.stagedThrough);
  loseBytes(...Array.from({ length: 78 }, (_, at) => at + 3));
  tick(FETCH_TICKS);
  expect(asked()).toEqual([{ to: 3, from: 3, through: 66 }]);
});

test('a stretch is asked for as far as it is learned', () => {
  for (const slot of [7, 8]) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
  loseBytes(6, 7, 8);
  tick(FETCH_TICKS);
  expect(asked()).toEqual([{ to: 3, from: 6, through: 6 }]);
});

test('a peer that has helped begins the round of the peers anew', () => {
  loseBytes(2, 4);
  repair.begin();
  tick(1);
  tell(2);
  tick(FETCH_TICKS);
  expect(repair.wantsCheckpointThrough).toBe(0);
  tick(FETCH_TICKS);
  expect(repair.wantsCheckpointThrough).toBe(4);
});

test('a replica without peers asks nobody: a checkpoint is all that helps', () => {
  repair = new Repair(acceptor, learner, effects, [], FETCH_TICKS);
  loseBytes(4);
  repair.begin();
  tick(1);
  expect([asked(), repair.wantsCheckpointThrough]).toEqual([[], 4]);
});

test('it is blocked while the next slot to apply is learned and its bytes are lost', () => {
  for (const slot of [7, 8]) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
  loseBytes(2, 8);
  expect(repair.isBlocked, 'applied before, or not learned').toBe(false);
  loseBytes(7);
  expect(repair.isBlocked, 'not learned').toBe(false);
  acceptor.accept(9, LOW, batchOf('v9'));
  learner = new Learner(acceptor, effects, { through: 6, chain: CHAIN_START, fetchTicks: 3, peers: [2] });
  repair = new Repair(acceptor, learner, effects, [2], FETCH_TICKS);
  learner.leaderLearned(2, LOW, 9);
  expect(repair.isBlocked).toBe(false);
  tell(7);
  expect([learner.learnedThrough, repair.isBlocked]).toEqual([7, false]);
  acceptor.lose(7, LOW);
  expect(repair.isBlocked).toBe(true);
});
