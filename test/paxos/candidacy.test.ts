import { beforeEach, expect, test } from 'vitest';
import { Acceptor } from '../../lib/paxos/acceptor.js';
import { ballotOf, NO_BALLOT } from '../../lib/paxos/ballot.js';
import { Candidacy } from '../../lib/paxos/candidacy.js';
import { CHAIN_START } from '../../lib/paxos/chain.js';
import { Configurations } from '../../lib/paxos/configurations.js';
import { Learner } from '../../lib/paxos/learner.js';
import type { Promised } from '../../lib/paxos/messages.js';
import { PromisedAnswer } from '../../lib/paxos/promised-answer.js';
import { batchOf, configurationOf } from './cluster.js';
import { RecordedEffects } from './recorded-effects.js';

const SELF = 2;
const OWN = ballotOf(9, SELF);
const LOW = ballotOf(1, 1);
const FETCH_TICKS = 3;

let effects: RecordedEffects;
let acceptor: Acceptor;
let learner: Learner;
let candidacy: Candidacy;

/** Replica 2 of three, with the promise that it campaigns with staged and not durable. */
beforeEach(() => {
  effects = new RecordedEffects();
  acceptor = new Acceptor(
    { promised: NO_BALLOT, trimThrough: 0, votes: [], uncertain: [], voting: true },
    effects,
  );
  const start = { through: 0, chain: CHAIN_START, fetchTicks: FETCH_TICKS, peers: [1, 3] };
  learner = new Learner(acceptor, effects, start);
  const configurations = new Configurations(SELF, configurationOf(3));
  const own = new PromisedAnswer(acceptor, learner, configurations, effects);
  candidacy = new Candidacy(SELF, configurations, acceptor, learner, own, effects, FETCH_TICKS);
  acceptor.promise(OWN);
});

function answer(more: Partial<Promised> = {}): Promised {
  const slots = { fromSlot: 1, throughSlot: 5, isLast: true, trimThrough: 0, learnedThrough: 0 };
  return {
    type: 'promised',
    configuration: 1,
    ballot: OWN,
    attempt: 1,
    ...slots,
    votes: [],
    uncertain: [],
    ...more,
  };
}

const UNDECIDED = [{ from: 2, through: 2 }];

const asked = () =>
  effects.sent.map(({ to, message, after }) => [to, message.type === 'prepare' && message.fromSlot, after]);

function begin(): void {
  candidacy.begin();
  effects.sent = [];
}

function durable(): void {
  acceptor.durableNow(acceptor.stagedThrough);
  candidacy.durableNow(acceptor.stagedThrough);
}

test('the others are asked once its own promise is durable, and itself never (contract 8)', () => {
  candidacy.begin();
  expect(asked()).toEqual([
    [1, 1, 1],
    [3, 1, 1],
  ]);
  effects.sent = [];
  for (let tick = 0; tick < 2 * FETCH_TICKS; tick++) expect(candidacy.tick()).toBe(false);
  expect(asked()).toEqual([]);
  durable();
  for (let tick = 0; tick < FETCH_TICKS; tick++) candidacy.tick();
  expect(asked()).toEqual([
    [1, 1, 0],
    [3, 1, 0],
  ]);
});

test('its own answer counts once its promise is durable, not before (contracts 5 and 9)', () => {
  acceptor.restate();
  candidacy.begin();
  candidacy.take(1, answer());
  expect(candidacy.conclude()).toBeUndefined();
  candidacy.durableNow(acceptor.stagedThrough - 1);
  expect(candidacy.conclude()).toBeUndefined();
  candidacy.durableNow(acceptor.stagedThrough);
  expect(candidacy.conclude()).toMatchObject({ ballot: OWN, recovery: { firstSlot: 1, batches: [] } });
  expect([candidacy.ballot, candidacy.conclude()]).toEqual([undefined, undefined]);
});

test('once there is a higher promise it never concludes (contract 8)', () => {
  begin();
  durable();
  candidacy.take(1, answer());
  candidacy.take(3, answer());
  acceptor.promise(ballotOf(10, 3));
  expect(candidacy.conclude()).toBeUndefined();
});

test('a higher promise than the ballot is no answer of its own to it (contract 9)', () => {
  begin();
  acceptor.promise(ballotOf(10, 3));
  durable();
  candidacy.take(1, answer());
  expect(candidacy.conclude()).toBeUndefined();
  expect(candidacy.ballot, 'it is the host’s to end').toBe(OWN);
});

test('who leaves a gap is asked again from there, and only who did', () => {
  begin();
  durable();
  candidacy.take(1, answer({ fromSlot: 3 }));
  candidacy.take(3, answer({ throughSlot: 2, isLast: false }));
  expect(asked()).toEqual([[1, 1, 0]]);
});

test('given up, it is over: nothing that comes revives it', () => {
  begin();
  candidacy.end();
  durable();
  for (const from of [1, 3]) candidacy.take(from, answer());
  expect([candidacy.ballot, candidacy.conclude(), candidacy.tick(), effects.sent]).toEqual([
    undefined,
    undefined,
    false,
    [],
  ]);
});

test('what held it up is named until somebody leads, or the next one knows better', () => {
  begin();
  durable();
  candidacy.take(1, answer({ uncertain: UNDECIDED }));
  expect([candidacy.conclude(), candidacy.undecided]).toEqual([undefined, UNDECIDED]);
  candidacy.take(3, answer({ throughSlot: 1, isLast: false }));
  candidacy.end();
  acceptor.restate();
  begin();
  candidacy.conclude();
  expect(candidacy.undecided).toEqual(UNDECIDED);
  candidacy.someoneLeads();
  expect([candidacy.ballot, candidacy.undecided]).toEqual([undefined, []]);
});

test('a campaign that ended with news leaves none to the next one', () => {
  begin();
  durable();
  candidacy.take(1, answer({ uncertain: UNDECIDED }));
  candidacy.conclude();
  candidacy.take(3, answer({ uncertain: UNDECIDED }));
  candidacy.end();
  acceptor.restate();
  begin();
  candidacy.conclude();
  expect(candidacy.undecided).toEqual(UNDECIDED);
});

test('what is learned meanwhile lets it conclude, without another answer', () => {
  begin();
  durable();
  candidacy.take(1, answer({ uncertain: UNDECIDED }));
  expect(candidacy.conclude()).toBeUndefined();
  for (const slot of [1, 2]) learner.learn(slot, LOW, batchOf(`v${slot}`));
  expect(candidacy.conclude()?.recovery.firstSlot).toBe(3);
});

test('whether an answer arrives is asked of the others, not of itself', () => {
  const asked = new Set<number>();
  effects.isArriving = (...from: number[]) => {
    for (const id of from) asked.add(id);
    return true;
  };
  begin();
  durable();
  expect(candidacy.tick()).toBe(true);
  expect(asked).toEqual(new Set([1, 3]));
  expect(effects.sent.map(({ to }) => to)).toEqual([1, 3]);
});
