/** Open, close, lock, crash and failure of the storage contract (storage.ts, 3 and 4; contract 23). */
import { afterEach, describe, expect, it } from 'vitest';
import { Bench, ballotOf, batchOf, SHAPE, type StorageSubject, settle, stage, until } from './storage.js';

const withCode = (code: string): unknown => expect.objectContaining({ code });

function openings<Place>(bench: Bench<Place>, subject: StorageSubject<Place>): void {
  it('refuses to open what is not there, and makes nothing', async () => {
    const nowhere = await subject.nowhere();
    await expect(subject.open(nowhere)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_MISSING'));
    await expect(subject.open(nowhere)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_MISSING'));
  });

  it('refuses to format over a store, which stays as it was', async () => {
    const { place, storage } = await bench.fresh();
    stage(storage, 1, ballotOf(1), 100);
    await settle(storage, 1);
    await storage.close();
    await expect(subject.formatAgain(place, SHAPE)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_EXISTS'));
    const again = await bench.open(place);
    expect(again.readVote(1)).toEqual(batchOf(1, ballotOf(1), 100));
  });

  it('is open once at a time', async () => {
    const { place, storage } = await bench.fresh();
    await expect(subject.open(place)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_LOCKED'));
    stage(storage, 1, ballotOf(1), 100);
    await settle(storage, 1);
    expect((await bench.reopen(storage, place)).recovered.votes.length).toBe(1);
  });
}

function closings<Place>(bench: Bench<Place>): void {
  it('makes committed items durable on close, and says that it was clean', async () => {
    const { place, storage } = await bench.fresh();
    for (let slot = 1; slot <= 20; slot++) {
      stage(storage, slot, ballotOf(1), 100);
      storage.commit(0);
    }
    const again = await bench.reopen(storage, place);
    expect(again.recovered).toMatchObject({ outcome: 'intact', highestVoted: 20, clean: true });
    expect(again.recovered.votes.length).toBe(20);
  });

  it('closes twice without harm, and takes nothing afterwards', async () => {
    const { storage } = await bench.fresh();
    await Promise.all([storage.close(), storage.close()]);
    await storage.close();
    const closed = withCode('ERR_INDELIBLE_STORE_CLOSED');
    expect(() => stage(storage, 1, ballotOf(1), 10)).toThrow(closed);
    expect(() => storage.stagePromise(ballotOf(1))).toThrow(closed);
    expect(() => storage.commit(0)).toThrow(closed);
    expect(() => storage.trim(1, 1)).toThrow(closed);
    expect(() => storage.readVote(1)).toThrow(closed);
  });
}

function crashes<Place>(bench: Bench<Place>): void {
  it('has after a crash everything it called durable', async () => {
    const { place, storage } = await bench.fresh();
    storage.stagePromise(ballotOf(2));
    for (let slot = 1; slot <= 10; slot++) {
      stage(storage, slot, ballotOf(2), slot * 90);
      if (slot % 3 === 0) storage.commit(slot - 3);
    }
    storage.commit(8);
    storage.drain();
    await until(() => storage.durableThrough >= 7);
    const durable = storage.durableThrough - 1;
    const after = (await bench.crash(storage, place)).storage;
    expect(after.recovered).toMatchObject({ outcome: 'intact', promised: ballotOf(2), clean: false });
    for (let slot = 1; slot <= durable; slot++) {
      expect(after.readVote(slot)).toEqual(batchOf(slot, ballotOf(2), slot * 90));
    }
    stage(after, 11, ballotOf(2), 70);
    await settle(after, 1);
  });

  it('can crash right after opening, again and again', async () => {
    let { place, storage } = await bench.fresh();
    stage(storage, 1, ballotOf(1), 700);
    await settle(storage, 1);
    for (let round = 0; round < 4; round++) {
      ({ place, storage } = await bench.crash(storage, place));
      expect(storage.recovered).toMatchObject({ outcome: 'intact', highestVoted: 1 });
    }
    expect(storage.readVote(1)).toEqual(batchOf(1, ballotOf(1), 700));
  });
}

function failures<Place>(bench: Bench<Place>, subject: StorageSubject<Place>): void {
  it('is poisoned by one failure, tells once, and retries nothing', async () => {
    const { place, storage } = await bench.fresh();
    const failures: Error[] = [];
    storage.onFailure = (error) => failures.push(error);
    stage(storage, 1, ballotOf(1), 100);
    await settle(storage, 1);
    subject.failNext!(storage, place);
    stage(storage, 2, ballotOf(1), 100);
    try {
      storage.commit(0);
      storage.drain();
    } catch {
      // A store that writes inside commit may throw there; one that writes later cannot.
    }
    await until(() => failures.length > 0);
    const poisoned = withCode('ERR_INDELIBLE_STORE_POISONED');
    expect(() => stage(storage, 3, ballotOf(1), 100)).toThrow(poisoned);
    expect(() => storage.stagePromise(ballotOf(9))).toThrow(poisoned);
    expect(() => storage.commit(0)).toThrow(poisoned);
    expect(() => storage.trim(1, 1)).toThrow(poisoned);
    expect(storage.durableThrough).toBe(1);
    await storage.close();
    expect(failures.length).toBe(1);
    expect(failures[0]).toMatchObject({ code: 'ERR_INDELIBLE_STORE_IO' });
  });
}

export function lifeContract<Place>(subject: StorageSubject<Place>): void {
  describe('life', () => {
    const bench = new Bench(subject);
    afterEach(() => bench.tidy());
    openings(bench, subject);
    closings(bench);
    if (subject.crash) crashes(bench);
    if (subject.failNext) failures(bench, subject);
  });
}
