/**
 * A bad block under an open file store, met by `readVote`; and a machine that is short of memory, which is no
 * damage.
 */
import { expect, it } from 'vitest';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import { formatFile, openFile } from '../../../lib/storage/file.js';
import type { Storage } from '../../../lib/storage/storage.js';
import { ballotOf, batchOf, SHAPE, settle, stage } from '../../contract/storage.js';
import { scrubPass } from '../../contract/storage-scrub.js';

const DIRECTORY = '/d/store';
const FIRST = `${DIRECTORY}/segment-000000000001`;
const PAGE = 4096;

/** Votes 1 … 3, in groups of three pages: the second one of each holds bytes of the vote and nothing else. */
async function inUse(): Promise<{ medium: RecordingMedium; storage: Storage; failures: Error[] }> {
  const medium = new RecordingMedium();
  await formatFile(DIRECTORY, SHAPE, medium);
  const storage = await openFile(DIRECTORY, medium);
  const failures: Error[] = [];
  storage.onFailure = (error) => failures.push(error);
  for (let slot = 1; slot <= 3; slot++) {
    stage(storage, slot, ballotOf(1), 10_000);
    await settle(storage, slot);
  }
  return { medium, storage, failures };
}

it('a bad block met by readVote harms that vote alone, and the next scrub tells of it', async () => {
  const { medium, storage, failures } = await inUse();
  medium.failReads(FIRST, 5 * PAGE, 5 * PAGE + 512);
  expect(storage.readVote(2)).toBeUndefined();
  expect(storage.readVote(1)).toEqual(batchOf(1, ballotOf(1), 10_000));
  expect(storage.readVote(3)).toEqual(batchOf(3, ballotOf(1), 10_000));
  stage(storage, 4, ballotOf(1), 100);
  await settle(storage, 4);
  const told = (await scrubPass(storage, 8192)).flatMap(({ damage }) => damage?.votes ?? []);
  expect(told.map(({ slot }) => slot)).toContain(2);
  expect(failures).toEqual([]);
  stage(storage, 5, ballotOf(1), 100);
  await settle(storage, 5);
  await storage.close();
});

it('a read that is short of memory is an error of its own: nothing is lost, and the vote is there afterwards', async () => {
  const { medium, storage, failures } = await inUse();
  medium.failReads(FIRST, 0, 64 << 10, 'ENOMEM');
  expect(() => storage.readVote(2)).toThrow(expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_IO' }));
  medium.mendReads();
  expect(storage.readVote(2)).toEqual(batchOf(2, ballotOf(1), 10_000));
  expect(failures).toEqual([]);
  const killed = medium.killed();
  const before = killed.bytesOf(`${DIRECTORY}/root`).slice();
  killed.failReads(FIRST, 5 * PAGE, 6 * PAGE, 'ENOMEM');
  const opening = openFile(DIRECTORY, killed);
  await expect(opening).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STORE_IO' });
  expect(killed.bytesOf(`${DIRECTORY}/root`)).toEqual(before);
  killed.mendReads();
  expect((await openFile(DIRECTORY, killed)).recovered).toMatchObject({ outcome: 'intact', highestVoted: 3 });
});
