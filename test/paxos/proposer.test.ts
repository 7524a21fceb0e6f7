import { beforeEach, expect, test } from 'vitest';
import { ContractViolation } from '../../lib/contract.js';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { NOOP } from '../../lib/paxos/campaign.js';
import { CHAIN_START } from '../../lib/paxos/chain.js';
import { Configurations } from '../../lib/paxos/configurations.js';
import { Learner } from '../../lib/paxos/learner.js';
import type { Heartbeat } from '../../lib/paxos/messages.js';
import { Proposer, type Window } from '../../lib/paxos/proposer.js';
import { batchOf, configurationOf } from './cluster.js';
import { changeBatch, followedBy } from './membership.js';
import { RecordedEffects } from './recorded-effects.js';

const BALLOT = ballotOf(4, 1);
const WIDE = { slots: 100, bytes: 1000 };

const HEARTBEAT = { type: 'heartbeat', ballot: BALLOT, round: 1, learnedThrough: 0 } as Heartbeat;

let effects: RecordedEffects;
let acceptor: Acceptor;
let learner: Learner;
let proposer: Proposer;

beforeEach(() => {
  effects = new RecordedEffects();
  acceptor = new Acceptor(
    { promised: NO_BALLOT, trimThrough: 0, votes: [], uncertain: [], voting: true },
    effects,
  );
  learner = new Learner(acceptor, effects, { through: 0, chain: CHAIN_START, fetchTicks: 3, peers: [2, 3] });
  withWindow({ slots: 2, bytes: 100 });
});

function withWindow(window: Window): void {
  proposer = new Proposer(1, new Configurations(1, configurationOf(3)), acceptor, learner, effects, window);
}

function lead(batches = [NOOP].slice(1)): void {
  acceptor.promise(BALLOT);
  proposer.lead(BALLOT, 1, batches);
}

function allDurable(): void {
  acceptor.durableNow(acceptor.stagedThrough);
  proposer.durableNow(acceptor.stagedThrough);
}

test('only its own promise is led, and one ballot at a time (contracts 8, 13)', () => {
  expect(() => proposer.lead(BALLOT, 1, [])).toThrow(ContractViolation);
  lead();
  expect(() => proposer.lead(BALLOT, 1, [])).toThrow(ContractViolation);
});

test('what phase 1 found is proposed first, then new commands in the slots behind it (contract 12)', () => {
  lead([batchOf('a'), NOOP]);
  expect(proposer.recoveredThrough).toBe(2);
  proposer.accepted(2, BALLOT, 1, 2);
  allDurable();
  expect(proposer.propose(batchOf('new'))).toBe(3);
  const slots = effects.sent
    .filter(({ to }) => to === 2)
    .map(({ message }) => 'slot' in message && message.slot);
  expect(slots).toEqual([1, 2, 3]);
});

test('a ballot that phase 1 found the end of its configuration for is outlived, until another is led', () => {
  const end = changeBatch(followedBy(configurationOf(3), [1, 2], [4]));
  lead([batchOf('a'), end]);
  expect(proposer.isOutlived).toBe(true);
  proposer.resign();
  proposer.lead(BALLOT, 1, [batchOf('a')]);
  expect(proposer.isOutlived).toBe(false);
});

test('nothing is proposed without a lead, or after it was given up (contract 13)', () => {
  expect(proposer.propose(batchOf('v'))).toBe(0);
  lead();
  expect(proposer.propose(batchOf('v'))).toBe(1);
  proposer.resign();
  expect(proposer.propose(batchOf('w'))).toBe(0);
  proposer.accepted(2, BALLOT, 1, 1);
  proposer.accepted(3, BALLOT, 1, 1);
  expect(effects.learned).toEqual([]);
});

test('a vote counts once a member, at exactly this ballot, and a stranger’s not at all (contract 14)', () => {
  lead();
  proposer.propose(batchOf('v'));
  proposer.accepted(2, BALLOT, 1, 1);
  proposer.accepted(2, BALLOT, 1, 1);
  proposer.accepted(3, ballotOf(3, 1), 1, 1);
  proposer.accepted(9, BALLOT, 1, 1);
  expect(effects.learned).toEqual([]);
  proposer.accepted(3, BALLOT, 1, 1);
  expect(effects.learned).toEqual([[1, 1]]);
});

test('its own vote counts only when it is durable (contract 5)', () => {
  lead();
  proposer.propose(batchOf('v'));
  proposer.accepted(2, BALLOT, 1, 1);
  proposer.durableNow(acceptor.stagedThrough - 1);
  expect(effects.learned).toEqual([]);
  allDurable();
  expect(effects.learned).toEqual([[1, 1]]);
});

test('a window bounds the slots and the bytes that are open (contract 12)', () => {
  lead();
  proposer.propose(batchOf('x'.repeat(99)));
  expect(proposer.hasRoom).toBe(true);
  proposer.propose(batchOf('y'));
  expect(proposer.propose(batchOf('z'))).toBe(0);
  // The second slot is chosen: the window still begins at the first.
  proposer.accepted(2, BALLOT, 2, 2);
  proposer.accepted(3, BALLOT, 2, 2);
  expect(proposer.hasRoom).toBe(false);
  proposer.accepted(2, BALLOT, 1, 1);
  proposer.accepted(3, BALLOT, 1, 1);
  expect(proposer.hasRoom).toBe(true);
});

test('a full log of its own stops new commands, and its vote is made up for later', () => {
  lead();
  effects.logHasRoom = false;
  expect(proposer.propose(batchOf('v'))).toBe(1);
  expect(proposer.propose(batchOf('w'))).toBe(0);
  effects.logHasRoom = true;
  proposer.retryOwnVotes();
  allDurable();
  proposer.accepted(2, BALLOT, 1, 1);
  expect(effects.learned).toEqual([[1, 1]]);
  expect(proposer.propose(batchOf('w'))).toBe(2);
});

test('what a follower lacks is sent again to it alone, as it was', () => {
  lead();
  proposer.propose(batchOf('v'));
  proposer.propose(batchOf('w'));
  const before = effects.sent.map(({ message }) => message);
  effects.sent = [];
  proposer.resend(3, 1, 2);
  expect(effects.sent.map(({ to }) => to)).toEqual([3]);
  expect(before).toContain(effects.sent[0]?.message);
});

test('slots learned elsewhere are closed; slots it never proposed tell of a higher ballot (contract 13)', () => {
  lead();
  proposer.propose(batchOf('v'));
  proposer.propose(batchOf('w'));
  expect(proposer.learnedNow(2)).toBe(true);
  expect(proposer.hasRoom).toBe(true);
  expect(proposer.learnedNow(3)).toBe(false);
});

test('what phase 1 found is proposed window by window, as slots are learned (contract 31)', () => {
  lead(['a', 'b', 'c', 'd'].map(batchOf));
  expect([proposer.lastSlot, proposer.recoveredThrough, proposer.hasRoom]).toEqual([2, 4, false]);
  proposer.accepted(2, BALLOT, 2, 2);
  allDurable();
  proposer.learnedNow(learner.learnedThrough);
  expect([learner.learnedThrough, proposer.lastSlot]).toEqual([0, 2]);
  proposer.accepted(2, BALLOT, 1, 1);
  proposer.learnedNow(learner.learnedThrough);
  expect([learner.learnedThrough, proposer.lastSlot, proposer.hasRoom]).toEqual([2, 4, false]);
  expect(proposer.learnedNow(4), 'a peer had learned them').toBe(true);
  expect(proposer.propose(batchOf('e'))).toBe(5);
});

test('bytes that are chosen and not learned close the window as well', () => {
  lead();
  expect(proposer.propose(batchOf('x'.repeat(60)))).toBe(1);
  proposer.resign();
  acceptor.promise(ballotOf(5, 1));
  proposer.lead(ballotOf(5, 1), 2, [batchOf('y'.repeat(150))]);
  proposer.accepted(2, ballotOf(5, 1), 2, 2);
  proposer.accepted(3, ballotOf(5, 1), 2, 2);
  expect([learner.learnedThrough, proposer.hasRoom]).toEqual([0, false]);
  learner.learn(1, ballotOf(5, 1), batchOf('x'));
  proposer.learnedNow(learner.learnedThrough);
  expect([learner.learnedThrough, proposer.hasRoom]).toEqual([2, true]);
});

test('accepts go to every peer and never to the leader itself', () => {
  lead();
  proposer.propose(batchOf('v'));
  expect(effects.sent.map(({ to }) => to)).toEqual([2, 3]);
});

test('bytes that fill the window exactly close it', () => {
  lead();
  expect(proposer.propose(batchOf('x'.repeat(100)))).toBe(1);
  expect(proposer.hasRoom).toBe(false);
});

test('a new command waits for what phase 1 found, even where the window would take it (contract 12)', () => {
  lead(['a', 'b', 'c'].map(batchOf));
  for (const peer of [2, 3]) proposer.accepted(peer, BALLOT, 1, 1);
  expect(learner.learnedThrough).toBe(1);
  expect(proposer.propose(batchOf('new'))).toBe(0);
  proposer.learnedNow(1);
  expect([proposer.lastSlot, proposer.hasRoom]).toEqual([3, false]);
});

test('votes count for the slots they name only (contract 14)', () => {
  lead();
  for (const text of ['v', 'w']) proposer.propose(batchOf(text));
  for (const peer of [2, 3]) proposer.accepted(peer, BALLOT, 1, 1);
  expect(effects.learned).toEqual([[1, 1]]);
  for (const peer of [2, 3]) proposer.accepted(peer, BALLOT, 1, 9);
  expect(effects.learned).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test('a vote the log had no room for never counts, whatever else becomes durable (contract 5)', () => {
  lead();
  effects.logHasRoom = false;
  proposer.propose(batchOf('v'));
  proposer.accepted(2, BALLOT, 1, 1);
  allDurable();
  expect(effects.learned).toEqual([]);
  effects.logHasRoom = true;
  proposer.retryOwnVotes();
  proposer.durableNow(acceptor.stagedThrough - 1);
  expect(effects.learned).toEqual([]);
  allDurable();
  expect(effects.learned).toEqual([[1, 1]]);
});

test('own votes go on to count behind a slot that the peers chose first', () => {
  lead();
  for (const text of ['v', 'w']) proposer.propose(batchOf(text));
  for (const peer of [2, 3]) proposer.accepted(peer, BALLOT, 1, 1);
  proposer.accepted(2, BALLOT, 2, 2);
  allDurable();
  expect(learner.learnedThrough).toBe(2);
});

test('what a peer had learned of what phase 1 found is not waited for, nor sent again', () => {
  lead(['a', 'b', 'c', 'd', 'e', 'f'].map(batchOf));
  expect(proposer.learnedNow(6)).toBe(true);
  expect(proposer.lastSlot).toBe(6);
  effects.sent = [];
  proposer.resend(3, 0, 6);
  expect(effects.sent).toEqual([]);
  expect(proposer.propose(batchOf('new'))).toBe(7);
});

test('open slots are sent again in portions, as far as they are asked for and the link takes them', () => {
  withWindow(WIDE);
  lead();
  for (let slot = 1; slot <= 70; slot++) proposer.propose(batchOf('v'));
  const resent = (through: number) => {
    effects.sent = [];
    proposer.resend(3, 2, through);
    return effects.sent.map(({ message }) => 'slot' in message && message.slot);
  };
  expect(resent(5)).toEqual([3, 4, 5]);
  expect([resent(70).length, resent(70).at(-1)]).toEqual([64, 66]);
  effects.choked.add(3);
  expect(resent(5)).toEqual([]);
});

test('a peer that answers a marked heartbeat is sent what it lost, and only that', () => {
  withWindow(WIDE);
  const beat = (isMarked: boolean) => proposer.beat({ ...HEARTBEAT, lastSlot: proposer.lastSlot }, isMarked);
  const sentBy = (act: () => void) => {
    effects.sent = [];
    act();
    return effects.sent.map(({ to, message }) => [to, 'slot' in message && message.slot]);
  };
  lead();
  for (const text of ['v', 'w']) proposer.propose(batchOf(text));
  beat(true);
  proposer.propose(batchOf('behind the mark'));
  expect(sentBy(() => proposer.coveredNow(3, 1, false))).toEqual([]);
  expect(sentBy(() => proposer.coveredNow(3, 1, true))).toEqual([[3, 2]]);
  proposer.resign();
  expect(sentBy(() => proposer.coveredNow(3, 1, true))).toEqual([]);
});

test('what is learned elsewhere needs no vote of the leader’s any more, whatever its log takes', () => {
  lead();
  effects.logHasRoom = false;
  proposer.propose(batchOf('v'));
  for (const peer of [2, 3]) proposer.accepted(peer, BALLOT, 1, 1);
  effects.logHasRoom = true;
  proposer.learnedNow(1);
  const before = effects.items.length;
  proposer.retryOwnVotes();
  expect(effects.items).toHaveLength(before);
  expect(proposer.propose(batchOf('w'))).toBe(2);
});

test('what is learned while it waits for the window is not voted for again', () => {
  withWindow({ slots: 1, bytes: 1000 });
  lead([batchOf('a'), batchOf('b'), batchOf('c')]);
  expect(effects.items.map(({ slot }) => slot)).toEqual([0, 1]);
  for (const [at, text] of ['a', 'b', 'c'].entries()) learner.learn(at + 1, BALLOT, batchOf(text));
  effects.items = [];
  expect(proposer.learnedNow(3)).toBe(true);
  expect([effects.items, proposer.hasRoom]).toEqual([[], true]);
});

test('a peer that takes nothing falls behind what is chosen without it, and is fed again when it is needed', () => {
  withWindow({ slots: 100, bytes: 10 });
  lead();
  effects.choked.add(3);
  const propose = (count: number) => {
    for (let at = 0; at < count; at++) {
      const slot = proposer.propose(batchOf('ten bytes!'));
      allDurable();
      proposer.accepted(2, BALLOT, slot, slot);
      proposer.learnedNow(learner.learnedThrough);
    }
  };
  propose(9);
  expect([proposer.feed.isBehind(3), learner.learnedThrough]).toEqual([true, 9]);
  effects.choked.clear();
  effects.sent = [];
  const fedSince = () => effects.sent.filter(({ to, message }) => to === 3 && message.type === 'accept');
  // Something was chosen since the heartbeat that it answers: it is not needed.
  proposer.beat(HEARTBEAT, true);
  propose(1);
  proposer.coveredNow(3, 0, true);
  expect(proposer.feed.isBehind(3)).toBe(true);
  proposer.beat(HEARTBEAT, false);
  proposer.coveredNow(3, 0, true);
  expect(proposer.feed.isBehind(3), 'that heartbeat tells nothing').toBe(true);
  // Nothing was: what is open, and follows, may wait for it.
  proposer.beat(HEARTBEAT, true);
  proposer.propose(batchOf('w'));
  proposer.coveredNow(3, 0, false);
  expect(fedSince()).toEqual([]);
  proposer.coveredNow(3, 0, true);
  expect(proposer.feed.isBehind(3)).toBe(false);
  expect(fedSince().map(({ message }) => 'slot' in message && message.slot)).toEqual([11]);
});

test('after it has resigned nobody is fed', () => {
  lead();
  proposer.propose(batchOf('v'));
  proposer.resign();
  effects.sent = [];
  for (const covered of [0, 1]) proposer.coveredNow(3, covered, true);
  proposer.feed.pump(3);
  expect([effects.sent, proposer.feed.isBehind(3)]).toEqual([[], true]);
});
