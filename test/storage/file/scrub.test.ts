/**
 * What a scrub of the file backend finds in a log that is in use, and what the next open makes of the same.
 */
import { describe, expect, it } from 'vitest';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import { formatFile, openFile } from '../../../lib/storage/file.js';
import type { Storage } from '../../../lib/storage/storage.js';
import { ballotOf, batchOf, SHAPE, settle, stage, until } from '../../contract/storage.js';
import { scrubPass } from '../../contract/storage-scrub.js';

const DIRECTORY = '/d/store';
const FIRST = `${DIRECTORY}/segment-000000000001`;
const GROUP = 4096;
const DESCRIPTOR = 512 + 1504;
const GROUPS = 6;

/** Groups 1 … 6 of one page, group g holding the vote for slot g, in use. */
async function inUse(): Promise<{ medium: RecordingMedium; storage: Storage }> {
  const medium = new RecordingMedium();
  await formatFile(DIRECTORY, SHAPE, medium);
  const storage = await openFile(DIRECTORY, medium);
  for (let slot = 1; slot <= GROUPS; slot++) {
    stage(storage, slot, ballotOf(slot), 1500);
    await settle(storage, slot);
  }
  return { medium, storage };
}

function rot(medium: RecordingMedium, path: string, at: number): void {
  medium.spoil(path, at, Uint8Array.of(medium.bytesOf(path)[at]! ^ 0x41));
}

async function damagesOf(storage: Storage): Promise<unknown[]> {
  const steps = await scrubPass(storage, 8192);
  return steps.flatMap(({ damage }) => (damage === undefined ? [] : [damage]));
}

/** What another process would recover now. */
async function recoveredOf(medium: RecordingMedium): Promise<Storage['recovered']> {
  const storage = await openFile(DIRECTORY, medium.killed());
  return storage.recovered;
}

describe('a scrub', () => {
  it('tells once of a vote that lost its bytes; the same vote staged again heals it', async () => {
    const { medium, storage } = await inUse();
    rot(medium, FIRST, GROUP * 3 + 1200);
    const lost = { slot: 3, ballot: ballotOf(3), lengthBytes: 1500, available: false };
    expect(await damagesOf(storage)).toEqual([
      expect.objectContaining({ uncertain: [], votes: [expect.objectContaining(lost)] }),
    ]);
    expect(await damagesOf(storage)).toEqual([]);
    expect(storage.readVote(3)).toBeUndefined();
    const bytes = batchOf(3, ballotOf(3), 1500);
    stage(storage, 3, ballotOf(3), 1500);
    await settle(storage, GROUPS + 1);
    expect(storage.readVote(3)).toEqual(bytes);
    expect(await recoveredOf(medium)).toMatchObject({ outcome: 'intact', highestVoted: GROUPS });
  });

  it.each([
    ['descriptor', DESCRIPTOR + 3],
    ['header', 5],
  ])('tells which slots a lost %s makes uncertain; votes staged again are certain', async (_what, at) => {
    const { medium, storage } = await inUse();
    rot(medium, FIRST, GROUP * 3 + at);
    expect(await damagesOf(storage)).toEqual([
      expect.objectContaining({ votes: [], uncertain: [{ from: 1, through: 3 }] }),
    ]);
    expect((await recoveredOf(medium)).uncertain).toEqual([{ from: 1, through: 3 }]);
    for (const slot of [1, 2, 3]) {
      const bytes = storage.readVote(slot)!;
      expect(bytes).toEqual(batchOf(slot, ballotOf(slot), 1500));
      stage(storage, slot, ballotOf(slot), 1500);
    }
    await settle(storage, GROUPS + 3);
    expect(await recoveredOf(medium)).toMatchObject({ outcome: 'intact', uncertain: [] });
  });

  it('repeats the promise behind a newest group that cannot be read any more', async () => {
    const { medium, storage } = await inUse();
    for (let at = 0; at < GROUP; at += 512) rot(medium, FIRST, GROUP * GROUPS + at + 7);
    expect((await recoveredOf(medium)).outcome).toBe('lost');
    expect(await damagesOf(storage)).toHaveLength(1);
    expect(await damagesOf(storage)).toEqual([]);
    expect(await recoveredOf(medium)).toMatchObject({ outcome: 'damaged', promised: ballotOf(GROUPS) });
    await storage.close();
  });

  it('mends the root and the headers of segments', async () => {
    for (const copy of [0, 1]) {
      const { medium, storage } = await inUse();
      rot(medium, `${DIRECTORY}/root`, GROUP * copy + 60);
      rot(medium, FIRST, (GROUP / 2) * copy + 20);
      const { barriers } = storage.counters;
      expect(await damagesOf(storage)).toEqual([]);
      await until(() => storage.counters.barriers === barriers + 2);
      rot(medium, `${DIRECTORY}/root`, GROUP * (1 - copy) + 60);
      rot(medium, FIRST, (GROUP / 2) * (1 - copy) + 20);
      expect(await recoveredOf(medium)).toMatchObject({ outcome: 'intact', highestVoted: GROUPS });
    }
  });

  it('is over before the store lets go of its files', async () => {
    const { storage } = await inUse();
    let told = false;
    storage.scrub(1 << 20, () => {
      told = true;
    });
    await storage.close();
    expect(told).toBe(false);
  });
});

describe('a group that may have held votes nobody can read', () => {
  it('is kept until its slots are forgotten, so that the next open knows of it as well', async () => {
    const { medium, storage } = await inUse();
    await storage.close();
    rot(medium, FIRST, GROUP * 3 + DESCRIPTOR + 3);
    const damaged = await openFile(DIRECTORY, medium);
    expect(damaged.recovered.uncertain).toEqual([{ from: 1, through: 3 }]);
    // Everything readable in that segment is superseded or forgotten, and the log goes on into others.
    damaged.trim(2, 1);
    let items = 0;
    for (let slot = 4; slot <= 60; slot++) {
      if (stage(damaged, slot, ballotOf(9), 1500)) items++;
      await settle(damaged, items);
    }
    await damaged.close();
    const { recovered } = await openFile(DIRECTORY, medium.killed());
    expect(recovered.uncertain).toEqual([{ from: 3, through: 3 }]);
    const healed = await openFile(DIRECTORY, medium);
    healed.trim(6, 2);
    await healed.close();
    expect((await openFile(DIRECTORY, medium)).recovered).toMatchObject({ uncertain: [], trimThrough: 6 });
  });
});
