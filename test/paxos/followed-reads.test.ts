import { beforeEach, expect, it } from 'vitest';
import { FollowedReads } from '../../lib/paxos/followed-reads.js';
import type { Index, Indexed } from '../../lib/paxos/messages.js';
import type { Ballot } from '../../lib/types.js';
import { RecordedEffects } from './recorded-effects.js';

const LEADER = 2;
const BALLOT = 65538 as Ballot;
const HIGHER = 131_074 as Ballot;
const AGAIN_TICKS = 3;

let effects: RecordedEffects;
let reads: FollowedReads;

beforeEach(() => {
  effects = new RecordedEffects();
  reads = new FollowedReads(effects, AGAIN_TICKS, () => 0.25);
});

function questions(): readonly Index[] {
  return effects.sent.splice(0).map(({ to, message }) => {
    expect(to).toBe(LEADER);
    return message as Index;
  });
}

function answer(index: Index, slot: number): Indexed {
  return { type: 'indexed', life: index.life, readId: index.readId, slot };
}

it('all reads of a turn are one question, and its answer is theirs', () => {
  reads.settle(LEADER, BALLOT);
  for (const id of [1, 2]) reads.ask(id);
  reads.settle(LEADER, BALLOT);
  reads.settle(LEADER, BALLOT);
  const [index, ...more] = questions();
  expect([index!.ballot, index!.readId, more]).toEqual([BALLOT, 2, []]);
  reads.indexed(answer(index!, 40));
  expect(effects.ready).toEqual([
    { readId: 1, slot: 40 },
    { readId: 2, slot: 40 },
  ]);
});

it('an answer is not for reads that were asked after its question', () => {
  reads.ask(1);
  reads.settle(LEADER, BALLOT);
  const [first] = questions();
  reads.ask(2);
  reads.settle(LEADER, BALLOT);
  const [second] = questions();
  reads.indexed(answer(first!, 40));
  expect(effects.ready).toEqual([{ readId: 1, slot: 40 }]);
  reads.indexed(answer(second!, 41));
  expect(effects.ready.slice(1)).toEqual([{ readId: 2, slot: 41 }]);
});

it('an answer to an earlier life of this replica says nothing', () => {
  reads.indexed({ type: 'indexed', life: 0, readId: 9, slot: 1 });
  reads.ask(1);
  reads.settle(LEADER, BALLOT);
  const [index] = questions();
  reads.indexed({ ...answer(index!, 40), life: index!.life + 1 });
  expect(effects.ready).toEqual([]);
});

it('a question without an answer is asked again now and then, and at once of the next ballot', () => {
  reads.ask(1);
  reads.settle(LEADER, BALLOT);
  questions();
  for (let tick = 1; tick < AGAIN_TICKS; tick++) {
    reads.tick();
    reads.settle(LEADER, BALLOT);
  }
  expect(questions()).toEqual([]);
  reads.tick();
  reads.settle(LEADER, BALLOT);
  expect(questions()).toHaveLength(1);
  reads.settle(LEADER, HIGHER);
  const [again] = questions();
  expect(again!.ballot).toBe(HIGHER);
  reads.indexed(answer(again!, 7));
  for (let tick = 0; tick < AGAIN_TICKS; tick++) reads.tick();
  reads.settle(LEADER, HIGHER);
  expect(questions(), 'nothing waits').toEqual([]);
});

it('where nobody is followed what waits is lost, and asked for no more', () => {
  reads.lose();
  expect(effects.lostReads).toEqual([]);
  for (const id of [1, 2]) reads.ask(id);
  reads.settle(LEADER, BALLOT);
  const [index] = questions();
  reads.ask(3);
  reads.settle(0, BALLOT);
  expect(effects.lostReads).toEqual([3]);
  reads.indexed(answer(index!, 40));
  reads.settle(LEADER, BALLOT);
  expect([effects.ready, questions()]).toEqual([[], []]);
});
