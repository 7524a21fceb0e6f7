import { beforeEach, expect, test } from 'vitest';
import { ContractViolation } from '../../lib/contract.js';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { CHAIN_START, extendChain } from '../../lib/paxos/chain.js';
import { Learner } from '../../lib/paxos/learner.js';
import { BatchKind, type Digest, type Slot, type Vote } from '../../lib/types.js';
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

/** A learner with bounds of its own, above what an earlier run has voted for. */
function learnerWith(start: { unloggedBytesMax?: number; votesBytesMax?: number; votes?: Slot[] }): Learner {
  const { votes = [], ...bounds } = start;
  const marks = votes.map((slot) => {
    effects.bytes.set(slot, batchOf(`v${slot}`).bytes);
    const { kind, digest } = batchOf(`v${slot}`);
    return { slot, ballot: LOW, kind, digest, available: true };
  });
  const state = { promised: LOW, trimThrough: 0, votes: marks, uncertain: [], voting: true };
  acceptor = new Acceptor(state, effects);
  const rest = { through: 0, chain: CHAIN_START, fetchTicks: FETCH_TICKS, peers: [2, 3] };
  learner = new Learner(acceptor, effects, { ...rest, ...bounds });
  return learner;
}

test('what the log has no room for is counted until a checkpoint covers it, and bounds what is learned', () => {
  learnerWith({ unloggedBytesMax: 4 });
  learner.learn(1, LOW, batchOf('v1'));
  expect([learner.unloggedBytes, learner.isFull]).toEqual([0, false]);
  effects.logHasRoom = false;
  learner.takeChosen(2, [voteFor(2)], 9);
  expect([learner.unloggedBytes, learner.isFull]).toEqual([2, false]);
  learner.takeChosen(2, [voteFor(3), voteFor(4)], 9);
  expect([learner.learnedThrough, learner.unloggedBytes, learner.isFull]).toEqual([3, 4, true]);
  learner.fetchMissing();
  expect(fetches()).toEqual([]);
  learner.appliedNow(3);
  expect(learner.unloggedBytes, 'peers may have to be told').toBe(4);
  expect(learner.held(3)).toMatchObject({ ballot: LOW, ...batchOf('v3') });
  learner.trimmed(2);
  expect([learner.unloggedBytes, learner.isFull]).toEqual([2, false]);
  learner.fetchMissing();
  expect(fetches()).toEqual([2]);
  learner.trimmed(3);
  expect([learner.unloggedBytes, learner.held(3)]).toEqual([0, undefined]);
});

test('a batch is held from when it is learned, not before, until it is applied and in the log', () => {
  learner.learn(2, LOW, batchOf('v2'));
  expect(learner.held(2), 'above a gap').toBeUndefined();
  learner.learn(1, LOW, batchOf('v1'));
  expect(learner.held(2)).toMatchObject(batchOf('v2'));
  learner.appliedNow(1);
  learner.appliedNow(1);
  expect([learner.held(1), textOf(learner.batchAt(2))]).toEqual([undefined, 'v2']);
});

test('a second batch of another kind is a violation before its slot is learned, too (contract 15)', () => {
  learner.learn(3, LOW, batchOf('v'));
  const control = { ...batchOf('v'), kind: BatchKind.noop };
  expect(() => learner.learn(3, LOW, control)).toThrow(ContractViolation);
});

test('what was learned elsewhere never becomes less, and a batch held above a gap needs no vote', () => {
  learner.leaderLearned(3, HIGH, 9);
  learner.leaderLearned(3, HIGH, 4);
  expect(learner.targetThrough).toBe(9);
  acceptor.accept(1, HIGH, batchOf('v1'));
  effects.logHasRoom = false;
  learner.learn(2, HIGH, batchOf('v2'));
  learner.leaderLearned(3, HIGH, 2);
  expect(learner.learnedThrough).toBe(2);
});

test('a vote whose bytes are lost makes nothing learned, nor does one told without them', () => {
  acceptor.accept(1, HIGH, batchOf('v1'));
  acceptor.lose(1, HIGH);
  learner.leaderLearned(3, HIGH, 1);
  learner.takeChosen(2, [{ ...voteFor(1), bytes: undefined }], 1);
  expect(learner.learnedThrough).toBe(0);
});

test('another chain at a slot than the leader’s is a violation (contract 15)', () => {
  learner.learn(1, LOW, batchOf('v1'));
  learner.compareChain(1, learner.chain);
  expect(() => learner.compareChain(1, CHAIN_START)).toThrow(ContractViolation);
});

test('who has more is asked; who has no more than another is not asked instead of it', () => {
  learner.seekFrom(3, 5);
  learner.seekFrom(2, 5);
  learner.fetchMissing();
  expect(fetches()).toEqual([3]);
});

test('an answer that is arriving is waited for, ten times as long as one that is not', () => {
  effects.isArriving = () => true;
  learner.seekFrom(2, 5);
  learner.fetchMissing();
  let ticks = 0;
  for (; fetches().length < 2; ticks++) {
    learner.tick();
    learner.fetchMissing();
  }
  expect([ticks, fetches()]).toEqual([10 * FETCH_TICKS, [2, 3]]);
});

test('after a round of the peers the leader is the one to ask again', () => {
  learner.seekFrom(2, 5);
  learner.fetchMissing();
  for (let tick = 0; tick < FETCH_TICKS; tick++) learner.tick();
  learner.fetchMissing();
  learner.takeChosen(3, [voteFor(1)], 5);
  learner.leaderLearned(2, LOW, 5);
  learner.fetchMissing();
  expect(fetches()).toEqual([2, 3, 2]);
});

test('peers are told as many slots as a message carries, one at least, and up to the first that is missing', () => {
  for (const [votesBytesMax, told] of [
    [1, [1]],
    [2 * 66, [1, 2]],
    [3 * 66 - 1, [1, 2]],
    [10 * 66, [1, 2, 3]],
  ] as const) {
    learnerWith({ votesBytesMax });
    for (const slot of [1, 2, 3, 5]) learner.learn(slot, LOW, batchOf(`v${slot}`));
    expect(learner.tell(1, 5).map(({ slot }) => slot)).toEqual(told);
  }
  expect(learner.tell(3, 2)).toEqual([]);
  expect(learner.tell(2, 2)).toEqual([voteFor(2)]);
});

test('what an earlier run voted for is applied and told from the log, and not if the log has lost it', () => {
  learnerWith({ votes: [1, 2] });
  learner.recover(2);
  expect(learner.batchAt(1)).toEqual(batchOf('v1'));
  expect(learner.tell(1, 2)).toEqual([voteFor(1), voteFor(2)]);
  expect(learner.held(1), 'only the log has it').toBeUndefined();
  effects.bytes.delete(1);
  expect([learner.batchAt(1), learner.tell(1, 2)]).toEqual([undefined, []]);
});

test('below an installed checkpoint nothing is told, and who sent it is asked for what lies behind', () => {
  acceptor.accept(5, LOW, batchOf('v5'));
  learner.seekFrom(2, 20);
  learner.fetchMissing();
  learner.installed(10, CHAIN_START, 3);
  expect(learner.tell(5, 5)).toEqual([]);
  learner.leaderLearned(2, LOW, 20);
  learner.fetchMissing();
  expect(fetches()).toEqual([2, 3]);
  learner.takeChosen(3, [voteFor(11)], 20);
  expect(learner.loggedThrough, 'the log may hold what was never chosen').toBe(0);
  learner.trimmed(10);
  expect([learner.loggedThrough, learner.tell(11, 11)]).toEqual([11, [voteFor(11)]]);
});

test('a checkpoint lets go of what it covers, and of that only', () => {
  effects.logHasRoom = false;
  for (const slot of [3, 4, 5]) learner.learn(slot, LOW, batchOf(`v${slot}`));
  learner.installed(4, CHAIN_START);
  expect([learner.unloggedBytes, learner.learnedThrough]).toEqual([2, 5]);
});

test('a batch that is learned twice above a gap is learned once', () => {
  effects.logHasRoom = false;
  for (let time = 1; time <= 2; time++) learner.learn(3, LOW, batchOf('v3'));
  expect([learner.unloggedBytes, learner.learnedThrough]).toEqual([2, 0]);
});

test('a hint beyond what the log still has makes learned what it has', () => {
  for (const slot of [1, 2]) acceptor.accept(slot, LOW, batchOf(`v${slot}`));
  learner.recover(9);
  expect(learner.learnedThrough).toBe(2);
});

test('an own vote that was learned is held until it is applied', () => {
  acceptor.accept(1, HIGH, batchOf('v1'));
  learner.leaderLearned(3, HIGH, 1);
  expect(learner.held(1)).toMatchObject({ ballot: HIGH, ...batchOf('v1') });
  learner.appliedNow(1);
  expect(learner.held(1)).toBeUndefined();
});

test('behind what the log lacks it tells what the log has', () => {
  learner.learn(1, LOW, batchOf('v1'));
  effects.logHasRoom = false;
  learner.learn(2, LOW, batchOf('v2'));
  effects.logHasRoom = true;
  learner.learn(3, LOW, batchOf('v3'));
  expect(learner.loggedThrough).toBe(1);
  expect(learner.tell(1, 3)).toEqual([voteFor(1), voteFor(2), voteFor(3)]);
});

test('a checkpoint below what is learned changes nothing of it, and what the log vouches for is told', () => {
  for (const slot of [1, 2, 3, 4, 5]) learner.learn(slot, LOW, batchOf(`v${slot}`));
  const { chain } = learner;
  learner.installed(3, CHAIN_START);
  expect([learner.learnedThrough, learner.appliedThrough, learner.chain]).toEqual([5, 3, chain]);
  expect(learner.tell(2, 5)).toEqual([voteFor(2), voteFor(3), voteFor(4), voteFor(5)]);
});

test('a vote in the slot where an installed checkpoint ends is not told: it may be for another batch', () => {
  acceptor.accept(10, LOW, batchOf('x'));
  learner.installed(10, CHAIN_START);
  expect(learner.tell(10, 10)).toEqual([]);
  learner.trimmed(10);
  acceptor.trim(10);
  expect(learner.tell(10, 10)).toEqual([]);
});

test('what is told of slots below an installed checkpoint is held against no vote there (contract 15)', () => {
  acceptor.accept(5, LOW, batchOf('never chosen'));
  learner.installed(10, CHAIN_START);
  learner.takeChosen(2, [voteFor(5, HIGH), voteFor(6, HIGH)], 10);
  expect(learner.learnedThrough).toBe(10);
});

test('who is asked stays the same when a checkpoint comes from nobody', () => {
  learner.seekFrom(3, 20);
  learner.installed(10, CHAIN_START);
  learner.fetchMissing();
  learner.installed(11, CHAIN_START);
  learner.leaderLearned(2, LOW, 20);
  learner.fetchMissing();
  expect(fetches()).toEqual([3, 2]);
});

/** Slots 1 and 2 are learned from the log of an earlier run, and the bytes of slot 2 are lost. */
function damaged(): void {
  learnerWith({ votes: [1, 2] });
  learner.recover(2);
  effects.bytes.delete(2);
  acceptor.lose(2, LOW);
}

test('what the log has lost since is written again when it is told again, at most once', () => {
  damaged();
  for (let time = 1; time <= 2; time++) learner.takeChosen(2, [voteFor(1), voteFor(2)], 2);
  expect(effects.items).toEqual([{ slot: 2, ballot: LOW }]);
  expect([learner.batchAt(2), learner.unloggedBytes]).toMatchObject([batchOf('v2'), 0]);
  learner.takeChosen(2, [voteFor(1, HIGH)], 2);
  expect(effects.items, 'slot 1 is whole').toHaveLength(1);
  expect(() => learner.learn(2, LOW, { ...batchOf('v2'), kind: BatchKind.noop })).toThrow(ContractViolation);
});

test('without room in the log it is held until it is applied and trimmed, and counted once', () => {
  damaged();
  effects.logHasRoom = false;
  for (let time = 1; time <= 2; time++) learner.takeChosen(2, [voteFor(2)], 2);
  expect([learner.batchAt(2), learner.held(2)]).toMatchObject([batchOf('v2'), { ballot: LOW }]);
  expect(learner.unloggedBytes).toBe(2);
});

test('a lost batch that is applied is in memory only until the log has it again', () => {
  damaged();
  learner.appliedNow(2);
  learner.takeChosen(2, [voteFor(2)], 2);
  expect(acceptor.vote(2)?.bytes).toBeDefined();
  acceptor.durableNow(acceptor.stagedThrough);
  expect([acceptor.vote(2)?.bytes, learner.held(2), learner.unloggedBytes]).toEqual([
    undefined,
    undefined,
    0,
  ]);
  damaged();
  learner.appliedNow(1);
  learner.takeChosen(2, [voteFor(2)], 2);
  acceptor.durableNow(acceptor.stagedThrough);
  expect(acceptor.vote(2)?.bytes, 'still to be applied').toBeDefined();
});
