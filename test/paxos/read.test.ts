import { beforeEach, expect, test } from 'vitest';
import { Configurations } from '../../lib/paxos/configurations.js';
import { ReadIndex } from '../../lib/paxos/read.js';
import { configurationOf } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

let effects: RecordedEffects;
let reads: ReadIndex;

beforeEach(() => {
  effects = new RecordedEffects();
  reads = new ReadIndex(new Configurations(1, configurationOf(3)), 1, effects);
});

test('a read waits for a quorum of a round that was sent after it was asked', () => {
  reads.nextRound();
  reads.ask(7, 40);
  reads.answered(2, 1);
  reads.answered(3, 1);
  expect(effects.ready).toEqual([]);
  expect(reads.wantsRound).toBe(true);
  reads.nextRound();
  expect(reads.wantsRound).toBe(false);
  reads.answered(2, 1);
  expect(effects.ready).toEqual([]);
  reads.answered(2, 2);
  expect(effects.ready).toEqual([{ readId: 7, slot: 40 }]);
});

test('one round serves every read that waits for it, in the order asked', () => {
  for (const id of [1, 2, 3]) reads.ask(id, id);
  reads.nextRound();
  reads.ask(4, 4);
  reads.answered(3, 1);
  expect(effects.ready.map(({ readId }) => readId)).toEqual([1, 2, 3]);
});

test('an answer to a later round confirms the earlier ones; one to a round never sent nothing', () => {
  reads.ask(1, 1);
  reads.nextRound();
  reads.nextRound();
  reads.answered(2, 3);
  expect(effects.ready).toEqual([]);
  reads.answered(2, 2);
  expect(effects.ready).toHaveLength(1);
});

test('answers to an earlier ballot’s rounds do not count for the next one', () => {
  reads.nextRound();
  reads.answered(2, 1);
  reads.reset();
  reads.ask(1, 1);
  reads.nextRound();
  expect(effects.ready).toEqual([]);
  expect(reads.answeredSince(1)).toBe(1);
});

test('when the lead is lost, so are the reads that wait, through the last one', () => {
  for (const id of [4, 5]) reads.ask(id, 1);
  reads.abandon();
  expect(effects.lostReads).toEqual([5]);
  reads.nextRound();
  reads.answered(2, 1);
  expect(effects.ready).toEqual([]);
});

test('a late answer to an earlier round takes back nothing that a later one has shown', () => {
  reads.nextRound();
  reads.nextRound();
  reads.answered(2, 2);
  reads.answered(2, 1);
  expect(reads.answeredSince(1)).toBe(0b011);
  reads.ask(1, 1);
  reads.nextRound();
  expect(effects.ready, 'no round is confirmed before it is sent').toEqual([]);
});

test('a ballot that is led anew serves no read by what an earlier one was answered', () => {
  reads.nextRound();
  reads.nextRound();
  reads.answered(2, 2);
  reads.reset();
  expect(reads.answeredSince(0)).toBe(0b001);
});

test('a member alone confirms a round as soon as it is sent, and not before', () => {
  const alone = new ReadIndex(new Configurations(1, configurationOf(1)), 1, effects);
  alone.ask(1, 5);
  alone.nextRound();
  alone.ask(2, 5);
  alone.answered(1, 1);
  expect(effects.ready.map(({ readId }) => readId)).toEqual([1]);
  alone.nextRound();
  expect(effects.ready.map(({ readId }) => readId)).toEqual([1, 2]);
});
