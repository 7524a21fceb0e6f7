import { beforeEach, expect, test } from 'vitest';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { CHAIN_START } from '../../lib/paxos/chain.js';
import { Learner } from '../../lib/paxos/learner.js';
import { Telling } from '../../lib/paxos/telling.js';
import type { ReplicaId } from '../../lib/types.js';
import { FIRST } from './answers.js';
import { batchOf } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

const BALLOT = ballotOf(1, 1);

let offered: ReplicaId[];
let effects: RecordedEffects;
let acceptor: Acceptor;
let learner: Learner;
let telling: Telling;

beforeEach(() => {
  offered = [];
  effects = new RecordedEffects();
  const offer = (to: ReplicaId): void => void offered.push(to);
  Object.assign(effects, { offerCheckpoint: offer });
  acceptor = new Acceptor(
    { promised: NO_BALLOT, trimThrough: 0, votes: [], uncertain: [], voting: true },
    effects,
  );
  learner = new Learner(acceptor, effects, { through: 0, chain: CHAIN_START, fetchTicks: 3, peers: [2, 3] });
  telling = new Telling(learner, FIRST, effects);
  for (let slot = 1; slot <= 6; slot++) learner.learn(slot, BALLOT, batchOf(`v${slot}`));
});

const ask = (to: ReplicaId, fromSlot: number, throughSlot: number, trimThrough = 0) =>
  telling.asked(to, { type: 'fetch', fromSlot, throughSlot }, trimThrough);

/** The slots of each answer since this was asked last. */
function told(): unknown[] {
  const answers = effects.sent.map(({ to, message }) =>
    message.type === 'chosen' ? [to, message.fromSlot, message.votes.map(({ slot }) => slot)] : [to],
  );
  effects.sent = [];
  return answers;
}

test('who asks is told at once, and of a checkpoint what is forgotten here', () => {
  ask(2, 2, 4);
  expect(told()).toEqual([[2, 2, [2, 3, 4]]]);
  ask(2, 3, 4, 3);
  expect([told(), offered]).toEqual([[], [2]]);
  ask(2, 4, 4, 3);
  expect([told(), offered]).toEqual([[[2, 4, [4]]], [2]]);
});

test('a link that is full is waited for by the newest request, and what is on its way is not told twice', () => {
  ask(2, 1, 3);
  effects.choked.add(2);
  told();
  for (const fromSlot of [1, 3]) ask(2, fromSlot, 3);
  effects.choked.delete(2);
  telling.roomAgain(2);
  expect(told(), 'all of it is on its way').toEqual([]);
  effects.choked.add(2);
  for (const fromSlot of [5, 4]) ask(2, fromSlot, 6);
  telling.roomAgain(2);
  expect(told(), 'no room yet').toEqual([]);
  effects.choked.delete(2);
  telling.roomAgain(2);
  telling.roomAgain(2);
  expect(told()).toEqual([[2, 4, [4, 5, 6]]]);
});

test('what lies before or right behind what is on its way is asked for all the same', () => {
  for (const fromSlot of [1, 4]) {
    ask(2, 2, 3);
    effects.choked.add(2);
    told();
    ask(2, fromSlot, fromSlot);
    effects.choked.delete(2);
    telling.roomAgain(2);
    expect(told()).toEqual([[2, fromSlot, [fromSlot]]]);
  }
});

test('a candidate that has learned less is told so, without votes', () => {
  telling.candidate(3, 6);
  expect(effects.sent).toEqual([]);
  telling.candidate(3, 4);
  const message = { type: 'chosen', fromSlot: 7, votes: [], learnedThrough: 6 };
  expect(effects.sent).toEqual([{ to: 3, message, after: 0 }]);
});

test('what is applied here and cannot be told is offered as a checkpoint; what is not applied is not', () => {
  learner.appliedNow(4);
  for (const slot of [4, 5]) {
    acceptor.lose(slot, BALLOT);
    acceptor.vote(slot)!.bytes = undefined;
  }
  ask(2, 5, 5);
  expect(offered).toEqual([]);
  ask(2, 4, 4);
  expect(offered).toEqual([2]);
  ask(2, 3, 3);
  expect(offered, 'slot 3 can be told').toEqual([2]);
});
