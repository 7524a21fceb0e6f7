import { beforeEach, expect, test } from 'vitest';
import { ContractViolation } from '../../lib/contract.js';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { CHAIN_START, extendChain } from '../../lib/paxos/chain.js';
import { Learner } from '../../lib/paxos/learner.js';
import type { Digest, Slot, Vote } from '../../lib/types.js';
import { batchOf, textOf } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

const LOW = ballotOf(1, 2);
const HIGH = ballotOf(2, 3);
const FETCH_TICKS = 3;

let effects: RecordedEffects;
let acceptor: Acceptor;
let learner: Learner;

beforeEach(() => {
  effects = new RecordedEffects();
  acceptor = new Acceptor(
    { promised: NO_BALLOT, trimThrough: 0, votes: [], uncertain: [], voting: true },
    effects,
  );
  learner = new Learner(acceptor, effects, {
    through: 0,
    chain: CHAIN_START,
    fetchTicks: FETCH_TICKS,
    peers: [2, 3],
  });
});

function voteFor(slot: Slot, ballot = LOW, text = `v${slot}`): Vote {
  return { slot, ballot, ...batchOf(text) };
}

const fetches = () => effects.sent.filter(({ message }) => message.type === 'fetch').map(({ to }) => to);

test('slots are handed over in order, each once, whatever the order they are learned in (contract 16)', () => {
  for (const slot of [3, 1, 1, 2, 3]) learner.learn(slot, LOW, batchOf(`v${slot}`));
  expect(effects.learned).toEqual([
    [1, 1],
    [2, 3],
  ]);
  expect(textOf(learner.batchAt(2))).toBe('v2');
});

test('a second batch in a learned slot is a violation, whether applied yet or not (contract 15)', () => {
  learner.learn(1, LOW, batchOf('v'));
  learner.learn(3, LOW, batchOf('x'));
  for (const slot of [1, 3]) expect(() => learner.learn(slot, HIGH, batchOf('w'))).toThrow(ContractViolation);
  learner.appliedNow(1);
  expect(() => learner.learn(1, HIGH, batchOf('w'))).toThrow(ContractViolation);
});

test('only what was learned is applied, and only once (contract 16)', () => {
  learner.learn(1, LOW, batchOf('v'));
  expect(() => learner.batchAt(2)).toThrow(ContractViolation);
  expect(() => learner.appliedNow(2)).toThrow(ContractViolation);
  learner.appliedNow(1);
  expect(() => learner.batchAt(1)).toThrow(ContractViolation);
  expect(() => learner.appliedNow(0)).toThrow(ContractViolation);
});

test('a leader’s chosen point covers own votes at that ballot, without a gap, and no others (contract 14)', () => {
  acceptor.accept(1, LOW, batchOf('v1'));
  acceptor.accept(2, HIGH, batchOf('v2'));
  acceptor.accept(4, HIGH, batchOf('v4'));
  learner.leaderLearned(3, HIGH, 4);
  expect(learner.learnedThrough).toBe(0);
  learner.learn(1, LOW, batchOf('v1'));
  learner.leaderLearned(3, HIGH, 4);
  expect(learner.learnedThrough).toBe(2);
  expect(learner.targetThrough).toBe(4);
});

test('what is missing is fetched from whoever has it, and from the next one when no answer comes', () => {
  learner.seekFrom(2, 5);
  learner.fetchMissing();
  learner.fetchMissing();
  expect(fetches()).toEqual([2]);
  for (let tick = 0; tick < 2 * FETCH_TICKS; tick++) {
    learner.tick();
    learner.leaderLearned(2, LOW, 5);
    learner.fetchMissing();
  }
  expect(fetches()).toEqual([2, 3, 2]);
  learner.takeChosen(3, [voteFor(1), voteFor(2)], 5);
  learner.fetchMissing();
  expect(fetches()).toHaveLength(4);
  expect(learner.learnedThrough).toBe(2);
});

test('it vouches for what its log holds, and for nothing the log had no room for (invariant 4)', () => {
  learner.learn(1, LOW, batchOf('v1'));
  effects.logHasRoom = false;
  learner.learn(2, LOW, batchOf('v2'));
  learner.learn(3, LOW, batchOf('v3'));
  expect([learner.learnedThrough, learner.loggedThrough]).toEqual([3, 1]);
  learner.appliedNow(3);
  learner.trimmed(2);
  expect(learner.loggedThrough).toBe(2);
});

test('after a restart the hint makes own votes learned, as far as their bytes are there', () => {
  for (const slot of [1, 2, 3]) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
  learner.recover(2);
  expect(effects.learned).toEqual([[1, 2]]);
});

test('the chain stands for every batch learned, and a checkpoint brings its own', () => {
  const digests = [1, 2].map((slot) => batchOf(`v${slot}`).digest);
  for (const slot of [1, 2]) learner.learn(slot, LOW, batchOf(`v${slot}`));
  const chain = digests.reduce((before, digest, at) => extendChain(before, at + 1, digest), CHAIN_START);
  expect(learner.chain).toBe(chain);
  learner.appliedNow(2);
  learner.installed(10, 77 as Digest);
  expect([learner.chain, learner.learnedThrough, learner.appliedThrough]).toEqual([77, 10, 10]);
});

test('a checkpoint is installed only if it is newer; what was learned behind it stays (contract 26)', () => {
  for (const slot of [1, 2, 5]) learner.learn(slot, LOW, batchOf(`v${slot}`));
  learner.appliedNow(2);
  expect(() => learner.installed(2, CHAIN_START)).toThrow(ContractViolation);
  learner.installed(4, CHAIN_START);
  expect(learner.learnedThrough).toBe(5);
  expect(effects.learned.at(-1)).toEqual([5, 5]);
});
