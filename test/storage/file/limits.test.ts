/**
 * A file store near the ends of its own numbers: it refuses votes in time, and is opened, trimmed and closed
 * all the same.
 */
import { describe, expect, it } from 'vitest';
import { geometryOf } from '../../../lib/storage/file/geometry.js';
import { readIdentity } from '../../../lib/storage/file/identity-file.js';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';
import { type Root, RootFile } from '../../../lib/storage/file/root-file.js';
import { prefill, SEQUENCE_MAX, segmentName, sequenceOf } from '../../../lib/storage/file/segment.js';
import { SerialQueue } from '../../../lib/storage/file/write-queue.js';
import { formatFile, openFile } from '../../../lib/storage/file.js';
import { STORE_NUMBER_MAX } from '../../../lib/storage/numbers.js';
import { ballotOf, SHAPE, settle, stage, until } from '../../contract/storage.js';

const DIRECTORY = '/d/store';
const EXHAUSTED = expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_EXHAUSTED' });

/** An empty store, as one shows it that has come as far as `changed` says. */
async function storeAt(changed: Partial<Root>): Promise<RecordingMedium> {
  const medium = new RecordingMedium();
  await formatFile(DIRECTORY, SHAPE, medium);
  const { incarnation } = await readIdentity(medium, DIRECTORY);
  const file = (await RootFile.open(medium, DIRECTORY, incarnation))!;
  const root = { ...(await file.read())!, ...changed };
  await new Promise<void>((resolve, reject) => {
    file.write(root, new SerialQueue(), (error) => (error ? reject(error) : resolve()));
  });
  await file.close();
  return medium;
}

/**
 * An empty store whose log begins in a segment of this number, so that all others are spare and get new
 * numbers when it is opened.
 */
async function withHeadSegment(head: number): Promise<RecordingMedium> {
  const medium = new RecordingMedium();
  await formatFile(DIRECTORY, SHAPE, medium);
  const { incarnation } = await readIdentity(medium, DIRECTORY);
  const file = await medium.open(`${DIRECTORY}/${segmentName(head)}`, 'create');
  await prefill(file, incarnation, head, geometryOf(SHAPE).segmentBytes);
  await file.close();
  await medium.remove(`${DIRECTORY}/${segmentName(1)}`, 'identity');
  await medium.syncDirectory(DIRECTORY, 'identity');
  const rootFile = (await RootFile.open(medium, DIRECTORY, incarnation))!;
  const root = { ...(await rootFile.read())!, headSegment: head };
  await new Promise<void>((resolve) => rootFile.write(root, new SerialQueue(), () => resolve()));
  await rootFile.close();
  return medium;
}

describe('a file store near the end of', () => {
  it('group numbers refuses votes and still promises, trims and closes', async () => {
    const number = STORE_NUMBER_MAX - 1;
    const medium = await storeAt({ headGroup: number, nextGroup: number });
    const storage = await openFile(DIRECTORY, medium);
    expect(stage(storage, 1, ballotOf(1), 100)).toBe(true);
    await settle(storage, 1);
    expect(() => stage(storage, 2, ballotOf(1), 100)).toThrow(EXHAUSTED);
    storage.stagePromise(ballotOf(2));
    await settle(storage, 2);
    storage.trim(1, 1);
    await storage.close();
    const again = await openFile(DIRECTORY, medium);
    expect(again.recovered).toMatchObject({
      outcome: 'intact',
      promised: ballotOf(2),
      trimThrough: 1,
      clean: true,
    });
    await again.close();
  });

  it('generations refuses votes, and at the very end to be opened, with nothing written', async () => {
    const medium = await storeAt({ generation: STORE_NUMBER_MAX });
    const storage = await openFile(DIRECTORY, medium);
    expect(() => stage(storage, 1, ballotOf(1), 100)).toThrow(EXHAUSTED);
    storage.trim(1, 1);
    await storage.close();
    const last = await storeAt({ generation: Number.MAX_SAFE_INTEGER });
    const before = last.bytesOf(`${DIRECTORY}/root`).slice();
    await expect(openFile(DIRECTORY, last)).rejects.toEqual(EXHAUSTED);
    expect(last.bytesOf(`${DIRECTORY}/root`)).toEqual(before);
  });

  it('what a segment can be called refuses votes, and names none that recovery would not know', async () => {
    const medium = await withHeadSegment(SEQUENCE_MAX - 2 ** 20 - 2);
    const storage = await openFile(DIRECTORY, medium);
    expect(storage.recovered.outcome).toBe('intact');
    await until(() => medium.bytesOf(`${DIRECTORY}/root`).length > 0 && storage.usedBytes < 64 << 10);
    expect(() => stage(storage, 1, ballotOf(1), 100)).toThrow(EXHAUSTED);
    storage.stagePromise(ballotOf(2));
    await settle(storage, 1);
    await storage.close();
    expect((await openFile(DIRECTORY, medium)).recovered).toMatchObject({
      outcome: 'intact',
      promised: ballotOf(2),
    });
  });

  it('all that a segment can be called refuses everything, and is opened and closed as it was', async () => {
    const medium = await withHeadSegment(SEQUENCE_MAX - 1);
    for (let times = 0; times < 2; times++) {
      const storage = await openFile(DIRECTORY, medium);
      expect(storage.recovered).toMatchObject({ outcome: 'intact', highestVoted: 0 });
      expect(() => stage(storage, 1, ballotOf(1), 100)).toThrow(EXHAUSTED);
      expect(() => storage.stagePromise(ballotOf(2))).toThrow(EXHAUSTED);
      expect(() => storage.trim(1, 1)).toThrow(EXHAUSTED);
      await storage.close();
      const sequences = (await medium.list(DIRECTORY)).map(sequenceOf).filter((one) => one !== undefined);
      expect(Math.max(...sequences)).toBe(SEQUENCE_MAX);
    }
  });
});
