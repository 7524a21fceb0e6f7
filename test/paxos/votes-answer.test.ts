import { beforeEach, expect, test } from 'vitest';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { VotesAnswer } from '../../lib/paxos/votes-answer.js';
import type { Ballot, Slot } from '../../lib/types.js';
import { batchOf } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

const LOW = ballotOf(1, 2);
const HIGH = ballotOf(2, 3);

let effects: RecordedEffects;
let acceptor: Acceptor;
let answer: VotesAnswer;

beforeEach(() => {
  effects = new RecordedEffects();
  acceptor = new Acceptor(
    { promised: NO_BALLOT, trimThrough: 0, votes: [], uncertain: [], voting: true },
    effects,
  );
  answer = new VotesAnswer(acceptor, effects);
});

function vote(slot: Slot, ballot: Ballot): void {
  acceptor.accept(slot, ballot, batchOf(`v${slot}`));
  answer.note(slot, ballot);
}

const ranges = () =>
  effects.sent.map(({ to, message }) =>
    message.type === 'accepted' ? [to, message.ballot, message.fromSlot, message.throughSlot] : [],
  );

test('votes of a turn are answered together, once, and wait for the last of them to be durable', () => {
  for (const slot of [1, 2, 3]) vote(slot, LOW);
  expect(effects.sent).toEqual([]);
  answer.settle();
  answer.settle();
  expect(ranges()).toEqual([[2, LOW, 1, 3]]);
  expect(effects.sent[0]?.after).toBe(3);
});

test('an answer never covers a gap, and covers it once it is filled (contract 14)', () => {
  for (const slot of [1, 3]) vote(slot, LOW);
  answer.settle();
  expect(ranges()).toEqual([
    [2, LOW, 3, 3],
    [2, LOW, 1, 1],
  ]);
  vote(2, LOW);
  answer.settle();
  expect(ranges().at(-1)).toEqual([2, LOW, 1, 3]);
});

test('an answer covers votes of one ballot only (contract 14)', () => {
  for (const slot of [1, 2]) vote(slot, LOW);
  for (const slot of [2, 3]) vote(slot, HIGH);
  answer.settle();
  expect(ranges()).toEqual([
    [2, LOW, 1, 2],
    [3, HIGH, 2, 3],
  ]);
});

test('a repeated answer names exactly the votes at that ballot, run by run', () => {
  for (const slot of [1, 2, 4, 5]) vote(slot, LOW);
  vote(5, HIGH);
  effects.sent = [];
  answer.repeat(LOW, 2, 9);
  expect(ranges()).toEqual([
    [2, LOW, 2, 2],
    [2, LOW, 4, 4],
  ]);
});

test('a vote whose bytes are lost is not answered for again: the leader sends it again instead', () => {
  for (let slot = 1; slot <= 5; slot++) vote(slot, LOW);
  answer.settle();
  effects.sent = [];
  acceptor.lose(3, LOW);
  answer.repeat(LOW, 1, 5);
  expect(ranges()).toEqual([
    [2, LOW, 1, 2],
    [2, LOW, 4, 5],
  ]);
});

test('a repeated answer ends where it was asked to', () => {
  for (let slot = 1; slot <= 5; slot++) vote(slot, LOW);
  answer.settle();
  effects.sent = [];
  answer.repeat(LOW, 2, 3);
  expect(ranges()).toEqual([[2, LOW, 2, 3]]);
});

test('accepts that come twice are answered once more, together', () => {
  for (let slot = 3; slot <= 5; slot++) vote(slot, LOW);
  answer.settle();
  effects.sent = [];
  for (const slot of [4, 3, 5]) vote(slot, LOW);
  expect(effects.sent).toEqual([]);
  answer.settle();
  expect(ranges()).toEqual([[2, LOW, 3, 5]]);
});

test('one below those of the turn is answered for itself', () => {
  for (const slot of [3, 1]) vote(slot, LOW);
  answer.settle();
  expect(ranges()).toEqual([
    [2, LOW, 1, 1],
    [2, LOW, 3, 3],
  ]);
});
