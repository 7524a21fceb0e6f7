/** Trim, a full log and endless laps of the storage contract (storage.ts, 6; contract 24). */
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../lib/storage/crc64.js';
import type { Storage } from '../../lib/storage/storage.js';
import type { Slot } from '../../lib/types.js';
import { Bench, ballotOf, batchOf, type StorageSubject, settle, stage, turn } from './storage.js';

/** Promises that must still fit when there is no room for a vote. */
const PROMISES_AGAINST_FULL = 16;

/** Commits votes one by one from slot `from` until the log refuses one; returns the last slot taken. */
async function fill(storage: Storage, from: Slot, item: number): Promise<Slot> {
  let slot = from;
  while (stage(storage, slot, ballotOf(1), 1000)) {
    await settle(storage, item + slot - from + 1);
    slot++;
  }
  return slot - 1;
}

function trims<Place>(bench: Bench<Place>): void {
  it('forgets votes at or below the trim point, for good', async () => {
    const { place, storage } = await bench.fresh();
    for (let slot = 1; slot <= 6; slot++) stage(storage, slot, ballotOf(1), 50);
    await settle(storage, 6);
    storage.trim(4, 9);
    expect(storage.readVote(4)).toBeUndefined();
    expect(storage.readVote(5)).toEqual(batchOf(5, ballotOf(1), 50));
    const again = await bench.reopen(storage, place);
    expect(again.recovered).toMatchObject({ outcome: 'intact', trimThrough: 4, checkpointId: 9 });
    expect(again.recovered.promised).toBe(ballotOf(1));
    expect(again.recovered.votes.map((vote) => vote.slot)).toEqual([5, 6]);
  });

  it('never trims backwards', async () => {
    const { place, storage } = await bench.fresh();
    for (let slot = 1; slot <= 6; slot++) stage(storage, slot, ballotOf(1), 50);
    await settle(storage, 6);
    storage.trim(5, 3);
    storage.trim(2, 1);
    storage.trim(5, 3);
    const again = await bench.reopen(storage, place);
    expect(again.recovered).toMatchObject({ trimThrough: 5, checkpointId: 3 });
  });

  it('takes trims one behind the other, while the one before is under way', async () => {
    const { place, storage } = await bench.fresh();
    for (let slot = 1; slot <= 6; slot++) stage(storage, slot, ballotOf(1), 50);
    await settle(storage, 6);
    for (let slot = 1; slot <= 5; slot++) storage.trim(slot, slot + 10);
    const again = await bench.reopen(storage, place);
    expect(again.recovered).toMatchObject({ outcome: 'intact', trimThrough: 5, checkpointId: 15 });
    expect(again.recovered.votes.map((vote) => vote.slot)).toEqual([6]);
  });

  it('trims beyond the last vote, as after a state transfer', async () => {
    const { place, storage } = await bench.fresh();
    storage.stagePromise(ballotOf(5));
    stage(storage, 1, ballotOf(5), 50);
    await settle(storage, 2);
    storage.trim(1000, 4);
    const again = await bench.reopen(storage, place);
    expect(again.recovered).toMatchObject({ trimThrough: 1000, votes: [], promised: ballotOf(5) });
    stage(again, 1001, ballotOf(5), 50);
    await settle(again, 1);
    const third = await bench.reopen(again, place);
    expect(third.recovered.votes.map((vote) => vote.slot)).toEqual([1001]);
  });
}

function fullness<Place>(bench: Bench<Place>): void {
  it('refuses votes when full, still promises, loses nothing, and goes on after a trim', async () => {
    const { place, storage } = await bench.fresh();
    const last = await fill(storage, 1, 0);
    expect(last).toBeGreaterThan(20);
    expect(storage.usedBytes).toBeLessThanOrEqual(storage.capacityBytes);
    for (let round = 2; round < 2 + PROMISES_AGAINST_FULL; round++) {
      expect(storage.stagePromise(ballotOf(round))).toBe(true);
      await settle(storage, last + round - 1);
    }
    const again = await bench.reopen(storage, place);
    expect(again.recovered).toMatchObject({
      outcome: 'intact',
      promised: ballotOf(1 + PROMISES_AGAINST_FULL),
    });
    expect(again.recovered.votes.length).toBe(last);
    again.trim(last, 1);
    // Space comes back piece by piece where it is made ready for use first.
    for (let through = last; through <= last + 20; await turn()) {
      through = await fill(again, through + 1, through - last);
    }
  });

  it('promises without end against a full log that is opened again and again', async () => {
    const { place, storage } = await bench.fresh();
    await fill(storage, 1, 0);
    let open = storage;
    for (let round = 2; round < 8; round++) {
      open = await bench.reopen(open, place);
      expect(open.stagePromise(ballotOf(round))).toBe(true);
      await settle(open, 1);
    }
    expect((await bench.reopen(open, place)).recovered.promised).toBe(ballotOf(7));
  });
}

function reserve<Place>(bench: Bench<Place>): void {
  it('has room in a full log for the vote that everything waits for, and for one in its place', async () => {
    const { place, storage } = await bench.fresh();
    const last = await fill(storage, 2, 0);
    const { batchBytesMax } = storage;
    expect(stageFirst(storage, 2, batchBytesMax)).toBe(true);
    await settle(storage, last);
    const again = await bench.reopen(storage, place);
    expect(stageFirst(again, 3, batchBytesMax)).toBe(true);
    await settle(again, 1);
    expect(stage(again, last + 1, ballotOf(3), 1000), 'other votes leave it').toBe(false);
    const third = await bench.reopen(again, place);
    expect(third.recovered.votes.map((vote) => vote.slot)).toEqual(
      Array.from({ length: last }, (_, at) => at + 1),
    );
    expect(third.readVote(1)).toEqual(batchOf(1, ballotOf(3), batchBytesMax));
  });
}

function oneMorePhase<Place>(bench: Bench<Place>): void {
  it('has room in a full log for that vote at one more ballot, and again while it can copy', async () => {
    const { place, storage } = await bench.fresh();
    const last = await fill(storage, 2, 0);
    const { batchBytesMax } = storage;
    let open = storage;
    let items = last - 1;
    let round = 2;
    // In memory that is copied forward there is no end to it.
    const rounds = storage.mode === 'file' ? 2 : 24;
    for (; round < 2 + rounds; round++) {
      expect(open.stagePromise(ballotOf(round))).toBe(true);
      await settle(open, ++items);
      expect(stageFirst(open, round, batchBytesMax), `ballot ${round}`).toBe(true);
      await settle(open, ++items);
      if (round % 8 !== 0) continue;
      open = await bench.reopen(open, place);
      items = 0;
    }
    const again = await bench.reopen(open, place);
    expect(again.recovered.votes.length).toBe(last);
    expect(again.readVote(1)).toEqual(batchOf(1, ballotOf(round - 1), batchBytesMax));
  });
}

/** Stages a vote for slot 1, the first one that nobody has learned. */
function stageFirst(storage: Storage, round: number, lengthBytes: number): boolean {
  const ballot = ballotOf(round);
  const bytes = batchOf(1, ballot, lengthBytes);
  return storage.stageVote(1, ballot, 1, digestOf(bytes, 0, lengthBytes), bytes, 0, lengthBytes, true);
}

function laps<Place>(bench: Bench<Place>): void {
  it('goes around its area twenty times with trims behind, and is intact at any point', async () => {
    const { place, storage } = await bench.fresh();
    let open = storage;
    let item = 0;
    let slot = 0;
    let trimmed = 0;
    let laps = 0;
    let sinceOpen = 0;
    while (laps + open.counters.laps < 20) {
      while (!stage(open, slot + 1, ballotOf(1), 900 + ((slot * 97) % 3000))) {
        expect(trimmed, 'there is something to trim').toBeLessThan(slot);
        trimmed = Math.max(trimmed, slot - 12);
        open.trim(trimmed, trimmed);
        await turn();
      }
      slot++;
      item++;
      sinceOpen++;
      await settle(open, item, slot - 1);
      if (sinceOpen < 150) continue;
      laps += open.counters.laps;
      open = await bench.reopen(open, place);
      expect(open.recovered).toMatchObject({
        outcome: 'intact',
        highestVoted: slot,
        learnedThrough: slot - 1,
      });
      expect(open.readVote(slot)).toEqual(batchOf(slot, ballotOf(1), 900 + (((slot - 1) * 97) % 3000)));
      item = 0;
      sinceOpen = 0;
    }
    const last = await bench.reopen(open, place);
    expect(last.recovered.outcome).toBe('intact');
    expect(last.recovered.votes.map((vote) => vote.slot)).toEqual(
      Array.from({ length: slot - trimmed }, (_, at) => trimmed + 1 + at),
    );
  });
}

export function spaceContract<Place>(subject: StorageSubject<Place>): void {
  describe('space', () => {
    const bench = new Bench(subject);
    afterEach(() => bench.tidy());
    trims(bench);
    fullness(bench);
    reserve(bench);
    oneMorePhase(bench);
    laps(bench);
  });
}
