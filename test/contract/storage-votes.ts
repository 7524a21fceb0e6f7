/** Items, votes, promises and reads of the storage contract (storage.ts, 1–3 and 5). */
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../lib/storage/crc64.js';
import type { Ballot, Digest } from '../../lib/types.js';
import { Bench, ballotOf, batchOf, IDENTITY, type StorageSubject, settle, stage } from './storage.js';

function items<Place>(bench: Bench<Place>): void {
  it('opens a new store intact and empty, under the identity it was formatted with', async () => {
    const { storage } = await bench.fresh();
    expect(storage.identity).toEqual(IDENTITY);
    expect(storage.recovered).toMatchObject({
      outcome: 'intact',
      reason: '',
      promised: 0,
      trimThrough: 0,
      checkpointId: 0,
      learnedThrough: 0,
      highestVoted: 0,
      votes: [],
      uncertain: [],
    });
    expect(storage.durableThrough).toBe(0);
  });

  it('numbers votes and promises together from 1 and reports them durable in order', async () => {
    const { storage } = await bench.fresh();
    const reported: number[] = [];
    storage.onDurable = (through) => reported.push(through);
    expect(storage.stagePromise(ballotOf(1))).toBe(true);
    expect(stage(storage, 1, ballotOf(1), 64)).toBe(true);
    storage.commit(0);
    expect(stage(storage, 2, ballotOf(1), 64)).toBe(true);
    await settle(storage, 3);
    expect(reported.at(-1)).toBe(3);
    expect(reported).toEqual([...reported].sort((a, b) => a - b));
    expect(new Set(reported).size).toBe(reported.length);
    expect(storage.counters.items).toBe(3);
  });

  it('does nothing for a commit with nothing staged', async () => {
    const { storage } = await bench.fresh();
    const before = storage.counters;
    storage.commit(0);
    storage.drain();
    expect(storage.durableThrough).toBe(0);
    expect(storage.counters.groups).toBe(before.groups);
  });

  it('makes large groups durable, and reads them back', async () => {
    const { place, storage } = await bench.fresh({
      identity: IDENTITY,
      logBytes: 4 << 20,
      recordBytesMax: 512 << 10,
    });
    const lengths = [50_000, 51_200, 115_000, 400_000];
    for (const [index, length] of lengths.entries()) {
      expect(stage(storage, index + 1, ballotOf(1), length)).toBe(true);
      await settle(storage, index + 1);
    }
    const again = await bench.reopen(storage, place);
    expect(again.recovered.outcome).toBe('intact');
    for (const [index, length] of lengths.entries()) {
      const bytes = again.readVote(index + 1) ?? new Uint8Array(0);
      expect(Buffer.compare(bytes, batchOf(index + 1, ballotOf(1), length))).toBe(0);
    }
  });

  it('makes a group of more votes than one record holds durable as well', async () => {
    const { place, storage } = await bench.fresh({
      identity: IDENTITY,
      logBytes: 1 << 20,
      recordBytesMax: 16 << 10,
    });
    for (let slot = 1; slot <= 1500; slot++) expect(stage(storage, slot, ballotOf(1), 24)).toBe(true);
    await settle(storage, 1500);
    const again = await bench.reopen(storage, place);
    expect(again.recovered.votes.length).toBe(1500);
    expect(again.readVote(1500)).toEqual(batchOf(1500, ballotOf(1), 24));
  });
}

function votes<Place>(bench: Bench<Place>): void {
  it('gives every vote back after a close, with its bytes', async () => {
    const { place, storage } = await bench.fresh();
    for (let slot = 1; slot <= 5; slot++) stage(storage, slot, ballotOf(3, 2), slot * 100 - 100);
    await settle(storage, 5, 2);
    const again = await bench.reopen(storage, place);
    expect(again.recovered).toMatchObject({ outcome: 'intact', learnedThrough: 2, highestVoted: 5 });
    for (let slot = 1; slot <= 5; slot++) {
      const bytes = batchOf(slot, ballotOf(3, 2), slot * 100 - 100);
      expect(again.recovered.votes[slot - 1]).toEqual({
        slot,
        ballot: ballotOf(3, 2),
        kind: slot === 1 ? 0 : 1,
        digest: digestOf(bytes, 0, bytes.length),
        lengthBytes: bytes.length,
        available: true,
      });
      expect(again.readVote(slot)).toEqual(bytes);
    }
  });

  it('keeps the later vote for a slot', async () => {
    const { place, storage } = await bench.fresh();
    stage(storage, 1, ballotOf(1), 10);
    stage(storage, 2, ballotOf(1), 20);
    storage.commit(0);
    stage(storage, 1, ballotOf(2), 30);
    await settle(storage, 3);
    expect(storage.readVote(1)).toEqual(batchOf(1, ballotOf(2), 30));
    const again = await bench.reopen(storage, place);
    expect(again.recovered.votes.map((vote) => [vote.slot, vote.ballot])).toEqual([
      [1, ballotOf(2)],
      [2, ballotOf(1)],
    ]);
    expect(again.readVote(1)).toEqual(batchOf(1, ballotOf(2), 30));
  });

  it('remembers the highest promise, and counts a vote as a promise of its ballot', async () => {
    const { place, storage } = await bench.fresh();
    storage.stagePromise(ballotOf(4));
    await settle(storage, 1);
    const second = await bench.reopen(storage, place);
    expect(second.recovered.promised).toBe(ballotOf(4));
    stage(second, 1, ballotOf(6, 3), 8);
    await settle(second, 1);
    const third = await bench.reopen(second, place);
    expect(third.recovered.promised).toBe(ballotOf(6, 3));
  });

  it('keeps the highest learnedThrough', async () => {
    const { place, storage } = await bench.fresh();
    for (let slot = 1; slot <= 3; slot++) {
      stage(storage, slot, ballotOf(1), 8);
      await settle(storage, slot, slot - 1);
    }
    expect((await bench.reopen(storage, place)).recovered.learnedThrough).toBe(2);
  });
}

function reads<Place>(bench: Bench<Place>): void {
  it('reads a vote as soon as it is committed, and never a vote that is not there', async () => {
    const { storage } = await bench.fresh();
    stage(storage, 7, ballotOf(1), 500);
    storage.commit(0);
    expect(storage.readVote(7)).toEqual(batchOf(7, ballotOf(1), 500));
    expect(storage.readVote(6)).toBeUndefined();
    await settle(storage, 1);
  });

  it('keeps no view of the bytes it was given, and gives copies', async () => {
    const { storage } = await bench.fresh();
    const around = new Uint8Array(300).fill(9);
    const bytes = batchOf(1, ballotOf(1), 100);
    around.set(bytes, 50);
    storage.stageVote(1, ballotOf(1), 1, digestOf(around, 50, 150), around, 50, 150);
    storage.commit(0);
    around.fill(0);
    storage.readVote(1)!.fill(0);
    await settle(storage, 1);
    expect(storage.readVote(1)).toEqual(bytes);
  });

  it('refuses bytes that do not have the digest they are said to have', async () => {
    const { storage } = await bench.fresh();
    const bytes = batchOf(1, ballotOf(1), 100);
    const wrong = ((digestOf(bytes, 0, 100) + 1) % 2 ** 52) as Digest;
    expect(() => {
      storage.stageVote(1, ballotOf(1), 1, wrong, bytes, 0, 100);
      storage.commit(0);
      storage.drain();
    }).toThrow(expect.objectContaining({ code: 'ERR_INDELIBLE_DIGEST_MISMATCH' }));
  });

  it('holds a largest batch and refuses a larger one', async () => {
    const { place, storage } = await bench.fresh();
    const largest = storage.batchBytesMax;
    expect(() => stage(storage, 1, ballotOf(1), largest + 1)).toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' }),
    );
    expect(stage(storage, 1, ballotOf(1), largest)).toBe(true);
    await settle(storage, 1);
    const again = await bench.reopen(storage, place);
    expect(again.readVote(1)).toEqual(batchOf(1, ballotOf(1), largest));
  });
}

function bounds<Place>(bench: Bench<Place>): void {
  it('refuses numbers that would come back as others, and takes the highest that do not', async () => {
    const { place, storage } = await bench.fresh();
    const argument = expect.objectContaining({ code: 'ERR_INDELIBLE_ARGUMENT' });
    const highest = Number.MAX_SAFE_INTEGER;
    for (const number of [highest + 1, 2 ** 60, 1.5, -1, Number.NaN]) {
      expect(() => stage(storage, number, ballotOf(1), 10)).toThrow(argument);
      expect(() => stage(storage, 1, number as Ballot, 10)).toThrow(argument);
      expect(() => storage.stagePromise(number as Ballot)).toThrow(argument);
      expect(() => storage.commit(number)).toThrow(argument);
      expect(() => storage.trim(number, 1)).toThrow(argument);
      expect(() => storage.trim(1, number)).toThrow(argument);
    }
    // Nothing has come of that.
    storage.trim(highest - 2, highest);
    expect(stage(storage, highest - 1, (highest - 1) as Ballot, 10)).toBe(true);
    expect(storage.stagePromise(highest as Ballot)).toBe(true);
    await settle(storage, 2, highest);
    const again = await bench.reopen(storage, place);
    expect(again.recovered).toMatchObject({
      outcome: 'intact',
      promised: highest,
      trimThrough: highest - 2,
      checkpointId: highest,
      learnedThrough: highest,
      highestVoted: highest - 1,
    });
    expect(again.readVote(highest - 1)).toEqual(batchOf(highest - 1, (highest - 1) as Ballot, 10));
  });
}

export function votesContract<Place>(subject: StorageSubject<Place>): void {
  describe('votes and promises', () => {
    const bench = new Bench(subject);
    afterEach(() => bench.tidy());
    items(bench);
    votes(bench);
    reads(bench);
    bounds(bench);
  });
}
