import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ContractViolation } from '../../lib/contract.js';
import { VOTE_SLOTS_MAX } from '../../lib/limits.js';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { Campaign, NOOP } from '../../lib/paxos/campaign.js';
import type { Promised } from '../../lib/paxos/messages.js';
import { Quorum } from '../../lib/paxos/quorum.js';
import { type Ballot, BatchKind, type SlotRange, type Vote } from '../../lib/types.js';
import { batchOf, configurationOf, textOf } from './cluster.js';

const OWN = ballotOf(9, 1);

function voteFor(slot: number, ballot: Ballot, text: string, available = true): Vote {
  const batch = batchOf(text);
  return { slot, ballot, ...batch, bytes: available ? batch.bytes : undefined };
}

const FETCH_TICKS = 3;

/** A whole answer; with `more` a part of one. */
function answer(votes: Vote[], more: Partial<Promised> = {}): Promised {
  const rest = { ballot: OWN, attempt: 1, fromSlot: 1, throughSlot: 9, isLast: true };
  return {
    type: 'promised',
    configuration: 1,
    ...rest,
    trimThrough: 0,
    learnedThrough: 0,
    votes,
    uncertain: [],
    ...more,
  };
}

function campaignOf(members: number, ...answers: (Promised | undefined)[]): Campaign {
  const campaign = new Campaign(OWN, 1, new Quorum(configurationOf(members)), FETCH_TICKS);
  answers.forEach((one, at) => {
    if (one !== undefined) campaign.take(at + 1, one);
  });
  return campaign;
}

const texts = (campaign: Campaign) => campaign.recovery(0)?.batches.map((batch) => textOf(batch));

test('it waits for a quorum of distinct members, for exactly its ballot and slot (contract 9)', () => {
  const campaign = campaignOf(3);
  campaign.take(1, answer([]));
  campaign.take(1, answer([]));
  campaign.take(4, answer([]));
  campaign.take(2, answer([], { ballot: ballotOf(8, 1) }));
  campaign.take(2, answer([], { fromSlot: 2 }));
  expect(campaign.recovery(0)).toBeUndefined();
  campaign.take(2, answer([]));
  expect(campaign.recovery(0)).toEqual({ firstSlot: 1, batches: [] });
});

const part = (fromSlot: number, throughSlot: number, votes: Vote[] = [], more: Partial<Promised> = {}) =>
  answer(votes, { fromSlot, throughSlot, isLast: false, ...more });

test('an answer counts when its parts leave out no slot up to the last of them (contract 9)', () => {
  const campaign = campaignOf(3, answer([]));
  expect(campaign.take(2, part(1, 1, [voteFor(1, ballotOf(1, 1), 'a')]))).toBe('part');
  expect(campaign.take(2, part(3, 5, [voteFor(3, ballotOf(1, 1), 'c')], { isLast: true }))).toBe('gap');
  expect(campaign.recovery(0)).toBeUndefined();
  expect(campaign.prepareFor(2)).toEqual({
    type: 'prepare',
    configuration: 1,
    ballot: OWN,
    attempt: 2,
    fromSlot: 2,
  });
  expect(campaign.take(2, part(3, 5, [], { isLast: true })), 'of the first attempt still').toBe('nothing');
  expect(campaign.take(2, part(1, 2, [voteFor(2, ballotOf(1, 1), 'b')]))).toBe('part');
  expect(campaign.take(2, part(1, 1, [voteFor(1, ballotOf(2, 1), 'later')]))).toBe('nothing');
  const last = [voteFor(2, ballotOf(1, 1), 'b'), voteFor(3, ballotOf(1, 1), 'c')];
  expect(campaign.take(2, part(2, 5, last, { isLast: true }))).toBe('whole');
  expect(texts(campaign)).toEqual(['a', 'b', 'c']);
});

test('a part of another ballot, and one beyond all bounds, changes nothing (contract 9)', () => {
  const campaign = campaignOf(3, answer([]));
  expect(campaign.take(2, part(1, 1, [], { ballot: ballotOf(8, 1), isLast: true }))).toBe('nothing');
  const far = Number.MAX_SAFE_INTEGER;
  const uncertain = [{ from: far, through: far }];
  expect(campaign.take(2, part(1, far, [], { isLast: true, uncertain }))).toBe('nothing');
  expect(campaign.recovery(0)).toBeUndefined();
  expect(campaign.take(2, part(1, VOTE_SLOTS_MAX + 1, [], { isLast: true }))).toBe('nothing');
  expect(campaign.take(2, part(1, VOTE_SLOTS_MAX, [], { isLast: true }))).toBe('whole');
});

test('what only a part of an answer tells decides nothing (contract 9)', () => {
  const [low, high] = [1, 2].map((round) => ballotOf(round, 1)) as [Ballot, Ballot];
  const campaign = campaignOf(3, answer([voteFor(1, low, 'low')]), answer([]));
  const votes = [voteFor(1, high, 'high'), voteFor(3, high, 'c')];
  expect(campaign.take(3, part(1, 3, votes, { trimThrough: 1, learnedThrough: 5 }))).toBe('part');
  expect(campaign.mostLearned()).toEqual({ from: 0, through: 0 });
  expect(campaign.recovery(0)?.firstSlot).toBe(1);
  expect(texts(campaign)).toEqual(['low']);
});

test('what a part says of slots that were answered before is not heard again', () => {
  const campaign = campaignOf(3, answer([]));
  campaign.take(2, part(1, 2, [voteFor(1, ballotOf(1, 1), 'a')]));
  const again = [voteFor(1, ballotOf(1, 1), 'other')];
  campaign.take(2, part(1, 4, again, { uncertain: [{ from: 1, through: 2 }], isLast: true }));
  expect(texts(campaign)).toEqual(['a']);
});

test('a batch that many tell is held once; its bytes do not stand in for another ballot’s (contract 10)', () => {
  const [low, high] = [1, 2].map((round) => ballotOf(round, 1)) as [Ballot, Ballot];
  const [one, other] = [voteFor(1, low, 'v'), voteFor(1, high, 'v')];
  const noop = { ...voteFor(1, high, 'v'), kind: BatchKind.noop };
  for (const [votes, held] of [
    [[one, other], one],
    [[one, noop], noop],
  ] as const) {
    const campaign = campaignOf(3, answer([votes[0]]), answer([votes[1]]));
    expect(campaign.recovery(0)?.batches[0]?.kind).toBe(votes[1].kind);
    expect(campaign.recovery(0)?.batches[0]?.bytes).toBe(held.bytes);
  }
  const lost = campaignOf(3, answer([one]), answer([{ ...other, bytes: undefined }]));
  expect(lost.recovery(0)).toBeUndefined();
});

test('the trim point of any part counts: an acceptor may forget between two (contract 12)', () => {
  const campaign = campaignOf(3, answer([voteFor(5, ballotOf(1, 1), 'e')]));
  campaign.take(2, part(1, 2, [voteFor(1, ballotOf(1, 1), 'a')]));
  campaign.take(2, part(3, 9, [], { trimThrough: 4, isLast: true }));
  expect(campaign.recovery(0)?.firstSlot).toBe(5);
});

test('what a part is uncertain about counts for its own slots only (contract 9)', () => {
  const campaign = campaignOf(3, answer([]));
  campaign.take(2, part(1, 2, [voteFor(2, ballotOf(1, 1), 'b')]));
  campaign.take(2, part(1, 4, [], { uncertain: [{ from: 1, through: 3 }], isLast: true }));
  expect(campaign.recovery(0)).toBeUndefined();
  expect(campaign.undecided).toEqual([{ from: 3, through: 3 }]);
});

test('the highest ballot among the answers decides, whoever gives it (contract 10)', () => {
  const votes = [voteFor(1, ballotOf(1, 1), 'low'), voteFor(1, ballotOf(2, 2), 'high')];
  expect(texts(campaignOf(3, answer([votes[0]!]), answer([votes[1]!])))).toEqual(['high']);
  expect(texts(campaignOf(3, answer([votes[1]!]), answer([votes[0]!])))).toEqual(['high']);
});

test('slots below a vote that nobody voted in are proposed as noop: no hole is left (contract 12)', () => {
  const recovery = campaignOf(3, answer([voteFor(3, ballotOf(1, 1), 'c')]), answer([])).recovery(0);
  expect(recovery?.firstSlot).toBe(1);
  expect(recovery?.batches.slice(0, 2)).toEqual([NOOP, NOOP]);
  expect(textOf(recovery?.batches[2])).toBe('c');
});

test('nothing is proposed at or below the highest trim point answered (contract 12)', () => {
  const campaign = campaignOf(3, answer([voteFor(2, ballotOf(1, 1), 'b')]), answer([], { trimThrough: 5 }));
  expect(campaign.recovery(0)).toEqual({ firstSlot: 6, batches: [] });
});

test('lost bytes come only from the same ballot; otherwise it waits for who can be left out (contract 10)', () => {
  const lost = answer([voteFor(1, ballotOf(2, 2), 'v', false)]);
  expect(campaignOf(3, lost, answer([])).recovery(0)).toBeUndefined();
  expect(campaignOf(3, lost, answer([voteFor(1, ballotOf(1, 1), 'u')])).recovery(0)).toBeUndefined();
  expect(texts(campaignOf(3, lost, answer([voteFor(1, ballotOf(2, 2), 'v')])))).toEqual(['v']);
  // Two others make a quorum without it.
  expect(texts(campaignOf(3, lost, answer([voteFor(1, ballotOf(1, 1), 'u')]), answer([])))).toEqual(['u']);
});

test('who is uncertain at a slot is left out of its quorum there, and only there (contract 9)', () => {
  const uncertain: SlotRange[] = [{ from: 1, through: 1 }];
  const two = campaignOf(3, answer([voteFor(2, ballotOf(1, 1), 'b')], { uncertain }), answer([]));
  expect(two.recovery(0)).toBeUndefined();
  two.take(3, answer([voteFor(1, ballotOf(1, 1), 'a')]));
  expect(texts(two)).toEqual(['a', 'b']);
});

test('votes whose bytes are lost are left out from the highest ballot down, while a quorum remains', () => {
  const [low, middle, high] = [1, 2, 3].map((round) => ballotOf(round, 1)) as [Ballot, Ballot, Ballot];
  const lostHigh = answer([voteFor(1, high, 'x', false)]);
  const kept = answer([voteFor(1, middle, 'v')]);
  const lostLow = answer([voteFor(1, low, 'u', false)]);
  // Without the first, three of five remain, and v is the highest among them.
  expect(texts(campaignOf(5, lostHigh, kept, lostLow, answer([])))).toEqual(['v']);
  expect(campaignOf(5, lostHigh, kept, lostLow).recovery(0)).toBeUndefined();
});

test('one that is uncertain about its newest vote still has the bytes of its own ballot', () => {
  const lost = answer([voteFor(1, ballotOf(2, 2), 'v', false)]);
  const uncertain = [{ from: 1, through: 1 }];
  const spare = answer([voteFor(1, ballotOf(2, 2), 'v')], { uncertain });
  const older = answer([voteFor(1, ballotOf(1, 1), 'u')], { uncertain });
  expect(texts(campaignOf(3, lost, answer([]), spare))).toEqual(['v']);
  expect(campaignOf(3, lost, spare).recovery(0)).toBeUndefined();
  expect(campaignOf(3, lost, answer([]), older).recovery(0)).toBeUndefined();
});

test('what it cannot decide it names, and what was learned meanwhile it need not (contract 10)', () => {
  const lost = [1, 2, 4].map((slot) => voteFor(slot, ballotOf(2, 2), `v${slot}`, false));
  const campaign = campaignOf(3, answer([...lost, voteFor(3, ballotOf(2, 2), 'v3')]), answer([]));
  expect(campaign.undecided).toEqual([]);
  expect(campaign.recovery(0)).toBeUndefined();
  expect(campaign.undecided).toEqual([
    { from: 1, through: 2 },
    { from: 4, through: 4 },
  ]);
  expect(campaign.recovery(2)).toBeUndefined();
  expect(campaign.undecided).toEqual([{ from: 4, through: 4 }]);
  expect(campaign.recovery(4)).toEqual({ firstSlot: 5, batches: [] });
  expect(campaign.undecided).toEqual([]);
});

test('two batches at one ballot and slot are a violation (contract 4)', () => {
  const campaign = campaignOf(3, answer([voteFor(1, OWN, 'v')]), answer([voteFor(1, OWN, 'w')]));
  expect(() => campaign.recovery(0)).toThrow(ContractViolation);
  const noop = { ...voteFor(1, OWN, 'v'), kind: BatchKind.noop };
  expect(() => campaignOf(3, answer([voteFor(1, OWN, 'v')]), answer([noop])).recovery(0)).toThrow(
    ContractViolation,
  );
});

test('it knows who has learned most', () => {
  const [less, more] = [3, 7].map((learnedThrough) => answer([], { learnedThrough }));
  expect(campaignOf(3, less, more).mostLearned()).toEqual({ from: 2, through: 7 });
  expect(campaignOf(3, more, less).mostLearned()).toEqual({ from: 1, through: 7 });
});

/** Votes that ballots 1 … 5 left behind on 3 or 5 acceptors, each ballot proposing what P2c allows it to. */
const histories = fc.record({
  members: fc.constantFrom(3, 5),
  ballots: fc.array(fc.record({ asked: fc.nat(), reached: fc.nat() }), { minLength: 1, maxLength: 5 }),
  asked: fc.nat(),
});

test('whatever a quorum has chosen, any quorum of answers finds (P2c, as a property)', () => {
  fc.assert(
    fc.property(histories, ({ members, ballots, asked }) => {
      const quorum = new Quorum(configurationOf(members));
      const held = new Map<number, Vote>();
      let chosen: string | undefined;
      const quorumFrom = (seed: number) =>
        Array.from({ length: quorum.size }, (_, at) => 1 + ((seed + at * (1 + (seed % 2))) % members));
      const find = (ids: readonly number[]) => {
        const campaign = new Campaign(OWN, 1, quorum, FETCH_TICKS);
        for (const id of ids) campaign.take(id, answer(held.has(id) ? [held.get(id)!] : []));
        return texts(campaign)?.[0];
      };
      ballots.forEach((ballot, at) => {
        const ids = [...new Set(quorumFrom(ballot.asked))];
        if (ids.length < quorum.size) return;
        const text = find(ids) ?? `batch ${at}`;
        const reached = Array.from({ length: members }, (_, id) => id + 1).filter(
          (id) => (ballot.reached >> id) & 1,
        );
        for (const id of reached) held.set(id, voteFor(1, ballotOf(at + 1, 1), text));
        if (chosen !== undefined) expect(text).toBe(chosen);
        if (reached.length >= quorum.size) chosen = text;
      });
      const ids = [...new Set(quorumFrom(asked))];
      if (chosen !== undefined && ids.length >= quorum.size) expect(find(ids)).toBe(chosen);
    }),
  );
});

describe('a campaign whose answers are on their way', () => {
  const arriving =
    (...ids: number[]) =>
    (from: number) =>
      ids.includes(from);
  const begun = () => campaignOf(3, answer([]));

  it('waits for them, not for answers that it has, and not for ever', () => {
    const campaign = begun();
    expect(campaign.tick(arriving(1)).awaits).toBe(false);
    let ticks = 0;
    while (ticks < 5000 && campaign.tick(arriving(2)).awaits) ticks++;
    expect(ticks).toBe(999);
  });

  it('waits on while one part after the other comes, however long that takes', () => {
    const campaign = begun();
    for (let slot = 1; slot <= 5000; slot++) {
      campaign.take(2, part(slot, slot));
      expect(campaign.tick(arriving()).awaits).toBe(true);
    }
    expect(campaign.tick(arriving()).awaits).toBe(false);
  });

  it('tells everybody meanwhile, and asks anew whoever is silent', () => {
    const campaign = begun();
    expect(campaign.tick(arriving(2)).ask).toEqual([1, 2, 3]);
    const asked = [1, 2, 3].map(() => campaign.tick(arriving()).ask);
    expect(asked).toEqual([[], [3], [2]]);
    expect([2, 3].map((id) => campaign.prepareFor(id).attempt)).toEqual([2, 2]);
  });
});
