/**
 * What stores of stopped replicas hold together: all that was chosen, and no more than a new leader would
 * find.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { Replay } from '../../lib/backup/replay.js';
import { StoppedStores } from '../../lib/backup/stopped-stores.js';
import { type HistoryRule, StoreHistory } from '../../lib/backup/store-history.js';
import { lossLines, type Survivors, survivorsOf } from '../../lib/backup/survivors.js';
import { ballotOf } from '../../lib/paxos/ballot.js';
import { encodeChange } from '../../lib/paxos/configuration-batch.js';
import { digestOf } from '../../lib/storage/crc64.js';
import { type Ballot, BatchKind, type Vote } from '../../lib/types.js';
import { commandsVote } from './sample.js';
import { StoppedReplicas, uuidOf, type Wanted } from './stopped-replicas.js';

type Full = Vote & { bytes: Uint8Array };

let replicas: StoppedReplicas | undefined;
let stores: StoppedStores | undefined;
afterEach(async () => {
  await stores?.close();
  stores = undefined;
  replicas?.remove();
  replicas = undefined;
});

const add = (slot: number, amount: number, ballot: Ballot = ballotOf(2, 1)): Full => ({
  ...commandsVote(slot, `add ${amount}`),
  ballot,
});

function stopSign(slot: number, ballot: Ballot, ids: readonly number[], number = 2): Full {
  const members = ids.map((id) => ({ id, storeUuid: uuidOf(id) }));
  const bytes = encodeChange({ number, members, cookie: '' });
  return { slot, ballot, kind: BatchKind.configuration, digest: digestOf(bytes, 0, bytes.length), bytes };
}

async function opened(
  voters: readonly number[],
  wanted: Readonly<Record<number, Wanted>>,
  learners: readonly number[] = [],
): Promise<StoppedStores> {
  replicas = new StoppedReplicas(voters, learners);
  const directories: string[] = [];
  for (const [id, each] of Object.entries(wanted)) directories.push(await replicas.write(Number(id), each));
  stores = await StoppedStores.open(directories);
  return stores;
}

function executed(all: StoppedStores, rule: HistoryRule): { through: number; value: string | undefined } {
  const history = new StoreHistory(all, rule);
  const replay = new Replay(history, new Counter());
  replay.run(history.throughSlot);
  expect(replay.chain).toBe(history.chain());
  return { through: history.throughSlot, value: replay.stateDigest };
}

describe('one store', () => {
  it('alone tells what it knows to be chosen, and nothing that it voted for besides', async () => {
    const all = await opened([1, 2, 3], {
      1: { votes: [add(1, 1), add(2, 2), add(3, 4)], learnedThrough: 2 },
    });
    expect(all.hasQuorum).toBe(false);
    expect(executed(all, 'learned')).toEqual({ through: 2, value: '3' });
  });

  it('of a cluster of one is a quorum', async () => {
    const all = await opened([1], { 1: { votes: [add(1, 1), add(2, 2)], learnedThrough: 1 } });
    expect(all.hasQuorum).toBe(true);
    expect(executed(all, 'quorum')).toEqual({ through: 2, value: '3' });
  });

  it('is not opened twice, nor beside one of another cluster', async () => {
    replicas = new StoppedReplicas([1, 2, 3]);
    const one = await replicas.write(1, { votes: [], learnedThrough: 0 });
    await expect(StoppedStores.open([one, one])).rejects.toMatchObject({
      code: 'ERR_INDELIBLE_STORE_LOCKED',
    });
    await expect(StoppedStores.open([])).rejects.toThrow(/at least one store/);
    await expect(StoppedStores.open([replicas.directory])).rejects.toMatchObject({
      code: 'ERR_INDELIBLE_STORE_MISSING',
    });
  });
});

describe('a quorum of stores', () => {
  it('has of each slot what was voted for at the highest ballot', async () => {
    const newer = ballotOf(3, 2);
    const all = await opened([1, 2, 3], {
      1: { votes: [add(1, 1), add(2, 2), add(3, 4)], learnedThrough: 1 },
      2: { votes: [add(1, 1), add(2, 20, newer), add(3, 40, newer)], learnedThrough: 1 },
    });
    expect(all.hasQuorum).toBe(true);
    expect(executed(all, 'quorum')).toEqual({ through: 3, value: '61' });
  });

  it('passes over a slot in which nothing can have been chosen', async () => {
    const all = await opened([1, 2, 3], {
      1: { votes: [add(1, 1), add(3, 4)], learnedThrough: 1 },
      2: { votes: [add(1, 1)], learnedThrough: 1 },
    });
    expect(executed(all, 'quorum')).toEqual({ through: 3, value: '5' });
  });

  it('ends at a stop-sign that it does not know to be chosen: another quorum decides what is behind', async () => {
    const sign = stopSign(2, ballotOf(2, 1), [1, 2, 4]);
    const votes = [add(1, 1), sign, add(3, 4, ballotOf(4, 4))];
    const all = await opened([1, 2, 3], {
      1: { votes, learnedThrough: 1 },
      2: { votes: [add(1, 1)], learnedThrough: 1 },
    });
    expect(all.configuration.number).toBe(1);
    expect(all.next?.number).toBe(2);
    expect(all.hasQuorum).toBe(true);
    expect(executed(all, 'quorum').through).toBe(2);
  });

  it('is counted against the configuration in force, and the one that may be', async () => {
    const sign = stopSign(2, ballotOf(2, 1), [1, 4, 5]);
    const known = await opened([1, 2, 3], {
      1: { votes: [add(1, 1), sign], learnedThrough: 2 },
      2: { votes: [add(1, 1), sign], learnedThrough: 1 },
    });
    expect([known.configuration.number, known.hasQuorum]).toEqual([2, false]);
    await known.close();
    replicas!.remove();
    const maybe = await opened([1, 2, 3], {
      1: { votes: [add(1, 1), sign], learnedThrough: 1 },
      2: { votes: [add(1, 1)], learnedThrough: 1 },
    });
    expect([maybe.configuration.number, maybe.hasQuorum]).toEqual([1, false]);
  });

  it('counts no learner', async () => {
    const votes = [add(1, 1)];
    const all = await opened(
      [1, 2, 3],
      { 1: { votes, learnedThrough: 1 }, 4: { votes, learnedThrough: 1 } },
      [4],
    );
    expect(all.hasQuorum).toBe(false);
  });
});

describe('what is left after a majority was lost', () => {
  const survey = (all: StoppedStores): Survivors => survivorsOf(all, new StoreHistory(all, 'survivors'));

  it('keeps what one store voted for, and says what it does not know', async () => {
    const all = await opened([1, 2, 3], {
      3: { votes: [add(1, 1), add(2, 2), add(4, 8)], learnedThrough: 1 },
    });
    expect(executed(all, 'survivors')).toEqual({ through: 4, value: '11' });
    const found = survey(all);
    expect(found).toMatchObject({
      voters: [1, 2, 3],
      here: [3],
      missing: [1, 2],
      learnedThrough: 1,
      throughSlot: 4,
      gaps: [{ from: 3, through: 3 }],
    });
    const words = lossLines(found, Date.UTC(2026, 10, 28)).join('\n');
    expect(words).toMatch(/missing: 1, 2/);
    expect(words).toMatch(/slots 2 … 4, which they voted for/);
    expect(words).toMatch(/lost +slots 3: no store here knows/);
    expect(words).toMatch(/last command that is kept is of 2026-11-28T00:00:00.000Z/);
  });

  it('goes on behind a stop-sign only with ballots above its own', async () => {
    const sign = stopSign(2, ballotOf(5, 1), [3, 4, 5]);
    const all = await opened([1, 2, 3], {
      3: { votes: [sign, add(3, 4, ballotOf(4, 1)), add(4, 8, ballotOf(6, 4))], learnedThrough: 0 },
    });
    // Slot 3 was proposed before the members changed: that was outdone.
    expect(executed(all, 'survivors')).toEqual({ through: 4, value: '8' });
  });

  it('is nothing to be forced while a majority is there', async () => {
    const votes = [add(1, 1)];
    const all = await opened([1, 2, 3], { 1: { votes, learnedThrough: 1 }, 2: { votes, learnedThrough: 0 } });
    expect(() => survey(all)).toThrow(/are a majority of 1, 2, 3: start them/);
    expect(() => survey(all)).toThrow(expect.objectContaining({ code: 'ERR_INDELIBLE_QUORUM_LEFT' }));
  });
});
