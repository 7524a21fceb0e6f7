/**
 * The scrub of the storage contract: what is whole is gone through and found whole, at any time; what rots
 * under an open store is told of once, harms nothing else, and is healed by votes staged again.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../lib/storage/crc64.js';
import type { FoundDamage, ScrubProgress, Storage } from '../../lib/storage/storage.js';
import type { Ballot } from '../../lib/types.js';
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
  if (subject.rot !== undefined) rotContract(subject, subject.rot);
}

const LENGTH = 1500;
const SLOTS = 6;
/** Of different replicas: `batchOf` tells those apart. */
const FIRST = ballotOf(1, 1);
const SECOND = ballotOf(2, 2);

async function damagesOf(storage: Storage): Promise<FoundDamage[]> {
  const steps = await scrubPass(storage, 8192);
  return steps.flatMap(({ damage }) => (damage === undefined ? [] : [damage]));
}

/**
 * What `readVote` has where (slot, ballot) is the last vote: asked for the slot's last vote, and for this
 * one.
 */
function readings(storage: Storage, slot: number, ballot: Ballot): string[] {
  const right = batchOf(slot, ballot, LENGTH);
  return [storage.readVote(slot), storage.readVote(slot, digestOf(right, 0, LENGTH))].map((bytes) => {
    if (bytes === undefined) return 'nothing';
    return Buffer.compare(bytes, right) === 0 ? 'right' : 'other bytes';
  });
}

function rotContract<Place>(
  subject: StorageSubject<Place>,
  rot: NonNullable<StorageSubject<Place>['rot']>,
): void {
  describe('rot under an open store', () => {
    const bench = new Bench(subject);
    afterEach(() => bench.tidy());

    /** Slots 1 … 6 at one ballot, then at a higher one slot 3, then slot 7: each in a group of its own. */
    async function written(): Promise<{ place: Place; storage: Storage; failures: Error[] }> {
      const { place, storage } = await bench.fresh();
      const failures: Error[] = [];
      storage.onFailure = (error) => failures.push(error);
      let items = 0;
      for (let slot = 1; slot <= SLOTS; slot++) {
        stage(storage, slot, FIRST, LENGTH);
        await settle(storage, ++items);
      }
      stage(storage, 3, SECOND, LENGTH);
      await settle(storage, ++items);
      stage(storage, 7, SECOND, LENGTH);
      await settle(storage, ++items);
      return { place, storage, failures };
    }

    it('of bytes loses one vote its bytes, and only that', async () => {
      const { place, storage, failures } = await written();
      await rot(place, batchOf(5, FIRST, LENGTH), 'bytes');
      expect(readings(storage, 5, FIRST)).toEqual(['nothing', 'nothing']);
      const lost = { slot: 5, ballot: FIRST, available: false };
      expect(await damagesOf(storage)).toEqual([
        expect.objectContaining({ votes: [expect.objectContaining(lost)], uncertain: [] }),
      ]);
      expect(await damagesOf(storage)).toEqual([]);
      stage(storage, 5, FIRST, LENGTH);
      await settle(storage, 9);
      expect(readings(storage, 5, FIRST)).toEqual(['right', 'right']);
      expect(failures).toEqual([]);
      expect((await bench.reopen(storage, place)).recovered).toMatchObject({
        outcome: 'intact',
        promised: SECOND,
      });
    });

    it('of a header, met by a read first, stops nothing and passes no older vote for the last', async () => {
      const { place, storage, failures } = await written();
      await rot(place, batchOf(3, SECOND, LENGTH), 'header');
      expect(readings(storage, 3, SECOND)).not.toContain('other bytes');
      for (let slot = 1; slot <= SLOTS; slot++) {
        if (slot !== 3) expect(readings(storage, slot, FIRST)[1], `slot ${slot}`).toBe('right');
      }
      expect(readings(storage, 7, SECOND)).toEqual(['right', 'right']);
      const [found, ...more] = await damagesOf(storage);
      expect(more).toEqual([]);
      expect(found!.uncertain.some(({ from, through }) => from <= 3 && through >= 3)).toBe(true);
      // The votes at risk, staged again: slot 3 as a peer tells it, the others as they are read.
      for (let slot = 1; slot <= SLOTS; slot++) stage(storage, slot, slot === 3 ? SECOND : FIRST, LENGTH);
      await settle(storage, 8 + SLOTS);
      expect(readings(storage, 3, SECOND)).toEqual(['right', 'right']);
      expect(failures).toEqual([]);
      const { recovered } = await bench.reopen(storage, place);
      expect(recovered).toMatchObject({ promised: SECOND, highestVoted: 7, uncertain: [] });
      expect(recovered.votes.map(({ slot, available }) => (available ? slot : 0))).toEqual([
        1, 2, 3, 4, 5, 6, 7,
      ]);
    });

    it('of the newest header is not the end of the promise once a scrub has passed', async () => {
      const { place, storage, failures } = await written();
      await rot(place, batchOf(7, SECOND, LENGTH), 'header');
      expect(readings(storage, 6, FIRST)[1]).toBe('right');
      expect(await damagesOf(storage)).toHaveLength(1);
      await settle(storage, 8);
      expect(failures).toEqual([]);
      const { recovered } = await bench.reopen(storage, place);
      expect(recovered).toMatchObject({ outcome: 'damaged', promised: SECOND, highestVoted: 7 });
    });
  });
}
