/** The scrub of the storage contract: what is whole is gone through and found whole, at any time. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ScrubProgress, Storage } from '../../lib/storage/storage.js';
import { Bench, ballotOf, batchOf, type StorageSubject, settle, stage, turn } from './storage.js';

export function scrubStep(storage: Storage, budgetBytes: number): Promise<ScrubProgress> {
  return new Promise((resolve) => storage.scrub(budgetBytes, resolve));
}

/** Calls until a pass has begun and ended. */
export async function scrubPass(storage: Storage, budgetBytes: number): Promise<readonly ScrubProgress[]> {
  const steps = [await scrubStep(storage, budgetBytes)];
  const passes = steps[0]!.passes;
  while (steps.at(-1)!.passes < passes + 1 || steps.length < 2)
    steps.push(await scrubStep(storage, budgetBytes));
  return steps;
}

export function scrubContract<Place>(subject: StorageSubject<Place>): void {
  describe('scrub', () => {
    const bench = new Bench(subject);
    afterEach(() => bench.tidy());

    it('goes through a whole log in steps of its budget and finds nothing', async () => {
      const { place, storage } = await bench.fresh();
      for (let slot = 1; slot <= 60; slot++) {
        stage(storage, slot, ballotOf(slot % 7), slot * 20);
        if (slot % 3 === 0) storage.commit(0);
      }
      await settle(storage, 60);
      const steps = await scrubPass(storage, 4096);
      expect(steps.map(({ damage }) => damage).filter(Boolean)).toEqual([]);
      expect(steps.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(30_000);
      const again = await bench.reopen(storage, place);
      expect(again.recovered).toMatchObject({ outcome: 'intact', highestVoted: 60 });
    });

    it('stays out of the way of votes, trims and laps', async () => {
      const { place, storage } = await bench.fresh();
      let items = 0;
      for (let slot = 1; slot <= 900; slot++) {
        while (!stage(storage, slot, ballotOf(2), 1500)) {
          await settle(storage, items);
          await turn();
        }
        items++;
        if (slot % 8 === 0) storage.commit(0);
        if (slot % 20 === 0) storage.trim(slot - 10, slot);
        if (slot % 5 === 0) expect((await scrubStep(storage, 20_000)).damage).toBeUndefined();
      }
      await settle(storage, items);
      const again = await bench.reopen(storage, place);
      expect(again.recovered).toMatchObject({ outcome: 'intact', highestVoted: 900 });
      expect(again.readVote(900)).toEqual(batchOf(900, ballotOf(2), 1500));
    });

    it('is refused by a store that is closed', async () => {
      const { storage } = await bench.fresh();
      await storage.close();
      const closed = expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_CLOSED' });
      expect(() => storage.scrub(4096, () => {})).toThrow(closed);
    });
  });
}
