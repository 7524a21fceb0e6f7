/** What the file backend says, and does, when durable bytes are no longer as they were written. */
import { describe, expect, it } from 'vitest';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { formatFile, identifyFile, openFile } from '../../lib/storage/file.js';
import type { StoreShape } from '../../lib/storage/shape.js';
import { ballotOf, batchOf, IDENTITY, settle, stage } from '../contract/storage.js';
import { seededRandom } from './file/random.js';

const DIRECTORY = '/d/store';
const FIRST = `${DIRECTORY}/segment-000000000001`;
const SHAPE: StoreShape = { identity: IDENTITY, logBytes: 256 << 10, recordBytesMax: 16 << 10 };
const GROUP = 4096;
/** Where the descriptor of such a group stands: behind the header sector and a payload of 1500 bytes. */
const DESCRIPTOR = 512 + 1504;
const withCode = (code: string): unknown => expect.objectContaining({ code });

/** A store with groups 1 … `groups`, group g holding the vote for slot g, closed. One page each. */
async function storeWith(groups: number): Promise<RecordingMedium> {
  const medium = new RecordingMedium();
  await formatFile(DIRECTORY, SHAPE, medium);
  const storage = await openFile(DIRECTORY, medium);
  for (let slot = 1; slot <= groups; slot++) {
    stage(storage, slot, ballotOf(slot), 1500);
    await settle(storage, slot);
  }
  await storage.close();
  return medium;
}

/** Flips bits of one byte. */
function rot(medium: RecordingMedium, path: string, at: number): void {
  medium.spoil(path, at, Uint8Array.of(medium.bytesOf(path)[at]! ^ 0x41));
}

/** Rots every sector of a page. */
function rotPage(medium: RecordingMedium, path: string, page: number): void {
  for (let at = page; at < page + GROUP; at += 512) rot(medium, path, at + 77);
}

describe('a damaged group', () => {
  it('that lost a payload keeps its vote, without the bytes', async () => {
    const medium = await storeWith(6);
    rot(medium, FIRST, GROUP * 3 + 1200);
    const storage = await openFile(DIRECTORY, medium);
    expect(storage.recovered).toMatchObject({ outcome: 'damaged', promised: ballotOf(6), uncertain: [] });
    expect(storage.recovered.votes.map((vote) => vote.available)).toEqual([
      true,
      true,
      false,
      true,
      true,
      true,
    ]);
    expect(storage.recovered.votes[2]).toMatchObject({ slot: 3, ballot: ballotOf(3) });
    expect(storage.readVote(3)).toBeUndefined();
    expect(storage.readVote(4)).toEqual(batchOf(4, ballotOf(4), 1500));
  });

  it('that lost its descriptor makes uncertain every slot no later group names', async () => {
    const medium = await storeWith(6);
    rot(medium, FIRST, GROUP * 3 + DESCRIPTOR + 3);
    const { recovered } = await openFile(DIRECTORY, medium);
    expect(recovered).toMatchObject({ outcome: 'damaged', promised: ballotOf(6), highestVoted: 6 });
    expect(recovered.uncertain).toEqual([{ from: 1, through: 3 }]);
  });

  it('that lost its header is missed by the next one', async () => {
    const medium = await storeWith(6);
    rot(medium, FIRST, GROUP * 3 + 5);
    const { recovered } = await openFile(DIRECTORY, medium);
    expect(recovered).toMatchObject({ outcome: 'damaged', promised: ballotOf(6) });
    expect(recovered.uncertain).toEqual([{ from: 1, through: 3 }]);
    expect(recovered.votes.map((vote) => vote.slot)).toEqual([1, 2, 4, 5, 6]);
  });

  it('is healed by trims and later votes, and says so at the next opening', async () => {
    const medium = await storeWith(6);
    rot(medium, FIRST, GROUP * 3 + DESCRIPTOR + 3);
    const storage = await openFile(DIRECTORY, medium);
    storage.trim(1, 1);
    for (const slot of [2, 3]) stage(storage, slot, ballotOf(9), 100);
    await settle(storage, 2);
    await storage.close();
    const { recovered } = await openFile(DIRECTORY, medium);
    expect(recovered).toMatchObject({ outcome: 'intact', reason: '', uncertain: [], trimThrough: 1 });
    expect(recovered.votes.map((vote) => vote.slot)).toEqual([2, 3, 4, 5, 6]);
  });

  it('at the very end is not taken for a torn one', async () => {
    const medium = await storeWith(6);
    rot(medium, FIRST, GROUP * 6 + 1200);
    const { recovered } = await openFile(DIRECTORY, medium);
    expect(recovered.outcome).toBe('damaged');
    expect(recovered.votes[5]).toMatchObject({ slot: 6, available: false });
  });
});

describe('a write the device lost', () => {
  it('is found when a later group was written', async () => {
    const medium = await storeWith(2);
    const before = medium.bytesOf(FIRST).slice(GROUP * 3, GROUP * 4);
    const storage = await openFile(DIRECTORY, medium);
    for (let slot = 3; slot <= 5; slot++) {
      stage(storage, slot, ballotOf(slot), 1500);
      await settle(storage, slot - 2);
    }
    await storage.close();
    medium.spoil(FIRST, GROUP * 3, before);
    const { recovered } = await openFile(DIRECTORY, medium);
    expect(recovered).toMatchObject({ outcome: 'damaged', promised: ballotOf(5) });
    expect(recovered.uncertain).toEqual([{ from: 1, through: 3 }]);
  });

  it('is found at the very end when the store was closed since', async () => {
    const medium = await storeWith(2);
    const before = medium.bytesOf(FIRST).slice(GROUP * 3, GROUP * 4);
    const storage = await openFile(DIRECTORY, medium);
    stage(storage, 3, ballotOf(3), 1500);
    await settle(storage, 1);
    await storage.close();
    medium.spoil(FIRST, GROUP * 3, before);
    const { recovered } = await openFile(DIRECTORY, medium);
    expect(recovered).toMatchObject({ outcome: 'lost', promised: ballotOf(3) });
    expect(recovered.reason).toMatch(/group 3/);
  });

  it('and zeros never pass for space that was not written', async () => {
    const medium = await storeWith(6);
    medium.spoil(FIRST, GROUP * 6, new Uint8Array(GROUP));
    expect((await openFile(DIRECTORY, medium)).recovered.outcome).toBe('lost');
  });
});

describe('a lost store', () => {
  it('takes nothing more, says why, and is not written to', async () => {
    const medium = await storeWith(6);
    rotPage(medium, FIRST, GROUP * 6);
    const before = medium.bytesOf(`${DIRECTORY}/root`).slice();
    const storage = await openFile(DIRECTORY, medium);
    expect(storage.recovered).toMatchObject({ outcome: 'lost', promised: ballotOf(6) });
    expect(storage.recovered.reason).toMatch(/tail/);
    expect(storage.recovered.votes.map((vote) => vote.slot)).toEqual([1, 2, 3, 4, 5]);
    const corrupt = withCode('ERR_INDELIBLE_STORE_CORRUPT');
    expect(() => stage(storage, 7, ballotOf(7), 10)).toThrow(corrupt);
    expect(() => storage.stagePromise(ballotOf(7))).toThrow(corrupt);
    expect(storage.readVote(5)).toEqual(batchOf(5, ballotOf(5), 1500));
    await storage.close();
    expect(medium.bytesOf(`${DIRECTORY}/root`)).toEqual(before);
    expect((await openFile(DIRECTORY, medium)).recovered.outcome).toBe('lost');
  });

  it('is one whose root pages are both bad; one bad page costs nothing', async () => {
    const medium = await storeWith(6);
    rot(medium, `${DIRECTORY}/root`, 60);
    const storage = await openFile(DIRECTORY, medium);
    expect(storage.recovered).toMatchObject({ outcome: 'intact', promised: ballotOf(6) });
    await storage.close();
    rot(medium, `${DIRECTORY}/root`, 60);
    rot(medium, `${DIRECTORY}/root`, 4096 + 60);
    const lost = await openFile(DIRECTORY, medium);
    expect(lost.recovered.outcome).toBe('lost');
    expect(lost.recovered.votes.length).toBe(6);
  });

  it('is one with a segment gone that the log may have ended in', async () => {
    const medium = await storeWith(6);
    await medium.remove(FIRST, 'root');
    expect((await openFile(DIRECTORY, medium)).recovered.outcome).toBe('lost');
  });
});

describe('rot where nothing is written', () => {
  it('costs nothing: one bad sector of free space is pre-filled again', async () => {
    const medium = await storeWith(6);
    rot(medium, FIRST, GROUP * 7 + 9);
    const storage = await openFile(DIRECTORY, medium);
    expect(storage.recovered.outcome).toBe('intact');
    stage(storage, 7, ballotOf(7), 1500);
    await settle(storage, 1);
    await storage.close();
    const { recovered } = await openFile(DIRECTORY, medium);
    expect(recovered).toMatchObject({ outcome: 'intact', highestVoted: 7 });
  });

  it('in one copy of a segment header or of the identity is survived', async () => {
    const medium = await storeWith(6);
    rot(medium, FIRST, 30);
    rot(medium, `${DIRECTORY}/identity`, 30);
    const storage = await openFile(DIRECTORY, medium);
    expect(storage.recovered.outcome).toBe('intact');
    await storage.close();
    rot(medium, `${DIRECTORY}/identity`, 4096 + 30);
    const again = await openFile(DIRECTORY, medium);
    expect(again.identity).toEqual(IDENTITY);
    await again.close();
  });
});

describe('a page that cannot be read', () => {
  it.each(['identity', 'root'])('of the two of %s leaves the other to be believed', async (name) => {
    for (const page of [0, GROUP]) {
      const medium = await storeWith(6);
      medium.failReads(`${DIRECTORY}/${name}`, page, page + GROUP);
      const storage = await openFile(DIRECTORY, medium);
      expect(storage.recovered).toMatchObject({ outcome: 'intact', promised: ballotOf(6), highestVoted: 6 });
      await storage.close();
    }
  });

  it('and another that is no good are an error of the disk, not a stranger', async () => {
    const medium = await storeWith(1);
    medium.failReads(`${DIRECTORY}/identity`, 0, 2 * GROUP);
    await expect(openFile(DIRECTORY, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_IO'));
  });
});

describe('an identity', () => {
  it('that is lost, foreign or of another version is refused, each with its code', async () => {
    const path = `${DIRECTORY}/identity`;
    const lost = await storeWith(1);
    for (const copy of [0, 4096]) rot(lost, path, copy + 30);
    await expect(openFile(DIRECTORY, lost)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_CORRUPT'));
    const foreign = await storeWith(1);
    foreign.spoil(path, 0, new Uint8Array(8192).fill(0x23));
    await expect(openFile(DIRECTORY, foreign)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_FOREIGN'));
    await expect(formatFile(DIRECTORY, SHAPE, foreign)).rejects.toThrow(
      withCode('ERR_INDELIBLE_STORE_EXISTS'),
    );
  });
});

describe('the death of a process', () => {
  it('leaves bytes that are seen and not durable: what recovery reports survives a power cut', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = seededRandom(seed);
      const medium = await storeWith(2);
      const storage = await openFile(DIRECTORY, medium);
      stage(storage, 3, ballotOf(3), 12_000);
      storage.commit(0);
      // The write is seen, its sync has not happened.
      const killed = medium.killed();
      await storage.abandon();
      const seen = await openFile(DIRECTORY, killed);
      expect(seen.recovered.votes.length).toBe(3);
      const cut = killed.powerCut(random);
      await seen.abandon();
      const after = await openFile(DIRECTORY, cut);
      expect(after.readVote(3)).toEqual(batchOf(3, ballotOf(3), 12_000));
    }
  });
});

describe('a failing device', () => {
  it('fails format with a code, and leaves no store', async () => {
    for (const site of ['segment.prefill', 'root', 'identity'] as const) {
      const medium = new RecordingMedium();
      medium.failNext('ENOSPC', site);
      await expect(formatFile(DIRECTORY, SHAPE, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_IO'));
      await expect(openFile(DIRECTORY, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_MISSING'));
      await formatFile(DIRECTORY, SHAPE, medium);
      await (await openFile(DIRECTORY, medium)).close();
    }
  });

  it('leaves a power cut during format nothing that stops the next one', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = seededRandom(seed);
      const medium = new RecordingMedium();
      const images: RecordingMedium[] = [];
      medium.onEvent = () => images.push(medium.powerCut(random));
      await formatFile(DIRECTORY, SHAPE, medium);
      for (const image of images) {
        const open = () => openFile(DIRECTORY, image);
        const storage = await open().catch(async (error) => {
          expect(error).toEqual(withCode('ERR_INDELIBLE_STORE_MISSING'));
          await formatFile(DIRECTORY, { ...SHAPE, logBytes: 512 << 10 }, image);
          return open();
        });
        expect(storage.recovered).toMatchObject({ outcome: 'intact', votes: [] });
        await storage.close();
      }
    }
  });

  it('and a store that has lost its identity file is not formatted over', async () => {
    const medium = await storeWith(3);
    await medium.remove(`${DIRECTORY}/identity`, 'identity');
    await expect(formatFile(DIRECTORY, SHAPE, medium)).rejects.toThrow(
      withCode('ERR_INDELIBLE_STORE_EXISTS'),
    );
  });

  it('poisons the store from any site, also in the background', async () => {
    for (const site of ['group', 'root', 'segment.prefill', 'segment.rename'] as const) {
      const medium = await storeWith(1);
      const storage = await openFile(DIRECTORY, medium);
      const failures: Error[] = [];
      storage.onFailure = (error) => failures.push(error);
      medium.failNext('EIO', site);
      let slot = 2;
      while (failures.length === 0) {
        if (stage(storage, slot, ballotOf(2), 3000)) slot++;
        storage.commit(0);
        if (slot % 10 === 0) storage.trim(slot - 5, slot);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(failures).toEqual([withCode('ERR_INDELIBLE_STORE_IO')]);
      expect(() => stage(storage, slot, ballotOf(2), 10)).toThrow(withCode('ERR_INDELIBLE_STORE_POISONED'));
      await storage.close();
      expect(failures.length).toBe(1);
      const again = await openFile(DIRECTORY, medium);
      expect(again.recovered.outcome).toBe('intact');
      await again.close();
    }
  });
});

describe('a store that cannot be written to', () => {
  it('counts nothing, is full, scrubs nothing and tells nobody', async () => {
    const medium = await storeWith(6);
    rotPage(medium, FIRST, GROUP * 6);
    const storage = await openFile(DIRECTORY, medium);
    storage.onDurable = () => expect.unreachable('nothing becomes durable here');
    storage.onFailure = () => expect.unreachable('nothing is tried here');
    expect(() => storage.onDurable(1)).not.toThrow();
    expect(() => storage.onFailure(new Error('of somebody else'))).not.toThrow();
    expect(storage.durableThrough).toBe(0);
    expect(storage.usedBytes).toBe(storage.capacityBytes);
    expect(storage.counters).toEqual({
      items: 0,
      groups: 0,
      bytesWritten: 0,
      barriers: 0,
      trims: 0,
      laps: 0,
    });
    const progress: unknown[] = [];
    storage.scrub(1 << 20, (each) => progress.push(each));
    expect(progress).toEqual([{ bytes: 0, passes: 0, damage: undefined }]);
    await storage.close();
    expect(() => storage.scrub(1, () => {})).toThrow(withCode('ERR_INDELIBLE_STORE_CLOSED'));
  });

  it('is one of a format that is not known', async () => {
    const medium = await storeWith(1);
    const path = `${DIRECTORY}/identity`;
    const page = medium.bytesOf(path).slice(0, 4096);
    const view = new DataView(page.buffer);
    view.setUint32(8, 9, true);
    for (const at of [0, 4096]) medium.spoil(path, at, page);
    // A page without its digest is a bad copy, whatever format it says.
    await expect(openFile(DIRECTORY, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_CORRUPT'));
  });

  it('is one whose root, identity or directory cannot be opened, which is said as it is', async () => {
    const refused = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }));
    for (const name of ['root', 'identity']) {
      const medium = await storeWith(1);
      const open = medium.open.bind(medium);
      medium.open = (path, access) => (path.endsWith(name) ? refused() : open(path, access));
      await expect(openFile(DIRECTORY, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_IO'));
    }
    const medium = await storeWith(1);
    medium.list = refused;
    await expect(openFile(DIRECTORY, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_IO'));
    await expect(identifyFile('/nowhere', medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_MISSING'));
  });

  it('is one whose identity is not the expected one, and it is not opened', async () => {
    const medium = await storeWith(1);
    await expect(openFile(DIRECTORY, medium, { replicaId: IDENTITY.replicaId + 1 })).rejects.toThrow(
      withCode('ERR_INDELIBLE_STORE_FOREIGN'),
    );
    const storage = await openFile(DIRECTORY, medium, IDENTITY);
    expect(storage.identity).toEqual(IDENTITY);
  });

  it('is one whose root cannot be written at open: it opens when it can be', async () => {
    const medium = await storeWith(2);
    medium.failNext('EIO', 'root');
    await expect(openFile(DIRECTORY, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_IO'));
    const storage = await openFile(DIRECTORY, medium);
    expect(storage.recovered.votes.length).toBe(2);
    medium.failNext('EIO', 'root');
    const failed = new Promise<Error>((resolve) => {
      storage.onFailure = resolve;
    });
    storage.trim(1, 1);
    expect(await failed).toMatchObject({ code: 'ERR_INDELIBLE_STORE_IO' });
  });
});
