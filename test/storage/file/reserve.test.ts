/** A file store whose reserve is used up: votes are refused, nothing is lost, and a trim makes room again. */
import { expect, it } from 'vitest';
import { digestOf } from '../../../lib/storage/crc64.js';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import { formatFile, openFile } from '../../../lib/storage/file.js';
import type { Storage } from '../../../lib/storage/storage.js';
import { ballotOf, batchOf, SHAPE, settle, stage, turn } from '../../contract/storage.js';

const DIRECTORY = '/d/store';

/** Stages a vote for slot 1, for which the rest of the log may be used. */
function stageFirst(storage: Storage, round: number, lengthBytes: number): boolean {
  const bytes = batchOf(1, ballotOf(round), lengthBytes);
  const digest = digestOf(bytes, 0, lengthBytes);
  return storage.stageVote(1, ballotOf(round), 1, digest, bytes, 0, lengthBytes, true);
}

it('a reserve that is used up refuses votes, keeps those it took, still promises, and is there after a trim', async () => {
  const medium = new RecordingMedium();
  await formatFile(DIRECTORY, SHAPE, medium);
  const storage = await openFile(DIRECTORY, medium);
  let items = 0;
  let last = 1;
  for (; stage(storage, last + 1, ballotOf(1), 4000); last++) await settle(storage, ++items);
  let round = 2;
  for (; stageFirst(storage, round, storage.batchBytesMax); round++) await settle(storage, ++items);
  expect(round).toBeGreaterThan(3);
  // Smaller ones fill what is left.
  for (; stageFirst(storage, round, 100); round++) await settle(storage, ++items);
  expect(stage(storage, last + 1, ballotOf(round), 0)).toBe(false);
  expect(storage.stagePromise(ballotOf(round + 1))).toBe(true);
  await settle(storage, ++items);
  await storage.close();
  const again = await openFile(DIRECTORY, medium);
  expect(again.recovered).toMatchObject({ outcome: 'intact', promised: ballotOf(round + 1) });
  expect(again.recovered.votes.length).toBe(last);
  expect(again.recovered.votes[0]?.ballot).toBe(ballotOf(round - 1));
  again.trim(last, 1);
  while (!stage(again, last + 1, ballotOf(round + 2), 4000)) await turn();
  await settle(again, 1);
  await again.close();
});
