import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCheckpoints, openCheckpoints } from '../../lib/storage/checkpoint.js';
import type { CheckpointFile, FileName } from '../../lib/storage/checkpoint-file.js';
import type { CheckpointMeta } from '../../lib/storage/checkpoint-format.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { IDENTITY } from '../contract/storage.js';
import { seededRandom } from './file/random.js';

const DIRECTORY = '/d/checkpoints';
const CLUSTER = IDENTITY.clusterId;
const CONFIGURATION = { number: 1, members: [{ id: 2, storeUuid: IDENTITY.storeUuid }] };

function metaOf(checkpointId: number, throughSlot: number): CheckpointMeta {
  return {
    clusterId: CLUSTER,
    checkpointId,
    throughSlot,
    configuration: CONFIGURATION,
    chainDigest: throughSlot * 7,
    timeMs: 1_700_000_000_000 + throughSlot,
    stateDigest: `state ${throughSlot}`,
  };
}

function stateOf(seed: number, lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, at) => (at * 31 + seed * 17 + (at >> 8)) & 255);
}

/** In chunks of uneven sizes, empty ones among them. */
function* chunksOf(state: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0, size = 0; at < state.length; at += size, size = (size * 3 + 1) % 50_000) {
    yield state.subarray(at, at + size);
  }
}

async function formatted(): Promise<RecordingMedium> {
  const medium = new RecordingMedium();
  await formatCheckpoints(DIRECTORY, CLUSTER, CONFIGURATION, medium);
  return medium;
}

const nameOf = ({ meta, digest }: CheckpointFile): FileName => {
  const { checkpointId, throughSlot } = meta;
  return { checkpointId, throughSlot, digest };
};
const contentOf = (chunks: Iterable<Uint8Array>): Buffer => Buffer.concat([...chunks]);
const withCode = (code: string): unknown => expect.objectContaining({ code });

describe('checkpoints', () => {
  it('begin with the one format writes: slot 0, the configuration, no state', async () => {
    const store = await openCheckpoints(DIRECTORY, CLUSTER, await formatted());
    expect(store.newest.meta).toMatchObject({
      checkpointId: 0,
      throughSlot: 0,
      configuration: CONFIGURATION,
    });
    expect(contentOf(store.newest.chunks()).length).toBe(0);
  });

  it('are refused where some are already, or where none are', async () => {
    const medium = await formatted();
    await expect(formatCheckpoints(DIRECTORY, CLUSTER, CONFIGURATION, medium)).rejects.toThrow(
      withCode('ERR_INDELIBLE_STORE_EXISTS'),
    );
    await expect(openCheckpoints('/nowhere', CLUSTER, medium)).rejects.toThrow(
      withCode('ERR_INDELIBLE_STORE_MISSING'),
    );
    await expect(openCheckpoints(DIRECTORY, IDENTITY.storeUuid, medium)).rejects.toThrow(
      withCode('ERR_INDELIBLE_STORE_FOREIGN'),
    );
  });

  it('give back what was written, after a reopen too', async () => {
    const medium = await formatted();
    const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    for (const [id, length] of [0, 1, 65_536, 65_537, 700_001].entries()) {
      const state = stateOf(id, length);
      const written = await store.write(metaOf(id + 1, 10 * (id + 1)), chunksOf(state));
      expect(written.stateBytes).toBe(length);
      expect(contentOf(written.chunks()).equals(state)).toBe(true);
    }
    await store.close();
    const again = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    expect(again.newest.meta).toEqual(metaOf(5, 50));
    expect(contentOf(again.newest.chunks()).equals(stateOf(4, 700_001))).toBe(true);
  });

  it('are kept two at a time', async () => {
    const medium = await formatted();
    const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    for (let id = 1; id <= 4; id++) await store.write(metaOf(id, id * 10), [stateOf(id, 100)]);
    expect((await medium.list(DIRECTORY)).length).toBe(2);
  });

  it('are found by name and digest, after a reopen too', async () => {
    const medium = await formatted();
    const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    const files = [];
    for (let id = 1; id <= 3; id++) files.push(await store.write(metaOf(id, id * 10), [stateOf(id, 100)]));
    const [first, second] = files.map((file) => nameOf(file));
    expect((await store.find(second!))?.read(0, 8)?.length).toBe(8);
    expect(await store.find(first!)).toBeUndefined();
    expect(await store.find({ ...second!, digest: 1 })).toBeUndefined();
    await store.close();
    const again = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    expect(again.findOpen(second!)).toBeUndefined();
    expect((await again.find(second!))?.meta.checkpointId).toBe(2);
    expect(again.findOpen(second!)?.meta.checkpointId).toBe(2);
  });

  it('are kept longer while they are held, and no more than two so', async () => {
    const medium = await formatted();
    const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    const releases = [];
    const names = [];
    for (let id = 1; id <= 6; id++) {
      const file = await store.write(metaOf(id, id * 10), [stateOf(id, 100)]);
      names.push(nameOf(file));
      if (id <= 3) releases.push(store.hold(file));
    }
    expect((await medium.list(DIRECTORY)).length).toBe(4);
    expect(await store.find(names[0]!)).toBeUndefined();
    expect((await store.find(names[1]!))?.meta.checkpointId).toBe(2);
    for (const release of releases) release();
    await store.write(metaOf(7, 70), [stateOf(7, 100)]);
    expect((await medium.list(DIRECTORY)).length).toBe(2);
  });

  it('survive a failed write, a full disk and a state machine that throws', async () => {
    const medium = await formatted();
    const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    await store.write(metaOf(1, 10), [stateOf(1, 100)]);
    for (const code of ['ENOSPC', 'EIO']) {
      medium.failNext(code, 'checkpoint');
      await expect(store.write(metaOf(2, 20), [stateOf(2, 100)])).rejects.toThrow(
        withCode('ERR_INDELIBLE_STORE_IO'),
      );
    }
    const throwing = function* (): Iterable<Uint8Array> {
      yield stateOf(2, 100);
      throw new Error('not today');
    };
    await expect(store.write(metaOf(2, 20), throwing())).rejects.toThrow('not today');
    expect(store.newest.meta.checkpointId).toBe(1);
    await store.write(metaOf(2, 20), [stateOf(2, 100)]);
    expect(store.newest.meta.checkpointId).toBe(2);
  });

  it('fall back to the older one when the newer has rotted, wherever it rotted', async () => {
    const medium = await formatted();
    const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    await store.write(metaOf(1, 10), [stateOf(1, 1000)]);
    await store.write(metaOf(2, 20), [stateOf(2, 70_000)]);
    const path = store.newest.path;
    await store.close();
    const length = medium.bytesOf(path).length;
    for (let at = 0; at < length; at += 37) {
      const byte = medium.bytesOf(path)[at]!;
      medium.spoil(path, at, Uint8Array.of(byte ^ 4));
      // The padding of the header is covered as well: there is no byte that does not count.
      const again = await openCheckpoints(DIRECTORY, CLUSTER, medium);
      expect(again.newest.meta.checkpointId, `byte ${at}`).toBe(1);
      expect(again.problems.length).toBe(1);
      medium.spoil(path, at, Uint8Array.of(byte));
    }
  });

  it('are old or new, and whole, at every point of a write at which the power is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 0, max: 150_000 }), async (seed, length) => {
        const random = seededRandom(seed);
        const medium = await formatted();
        const store = await openCheckpoints(DIRECTORY, CLUSTER, medium);
        await store.write(metaOf(1, 10), [stateOf(1, 5000)]);
        const images: { readonly least: number; readonly image: RecordingMedium }[] = [];
        let announced = 1;
        medium.onEvent = () => images.push({ least: announced, image: medium.powerCut(random) });
        for (let id = 2; id <= 4; id++) {
          await store.write(metaOf(id, id * 10), chunksOf(stateOf(id, length)));
          announced = id;
        }
        for (const { least, image } of images) {
          const after = await openCheckpoints(DIRECTORY, CLUSTER, image);
          const id = after.newest.meta.checkpointId;
          expect(id).toBeGreaterThanOrEqual(least);
          expect(id).toBeLessThanOrEqual(least + 1);
          const expected = id === 1 ? stateOf(1, 5000) : stateOf(id, length);
          expect(contentOf(after.newest.chunks()).equals(expected)).toBe(true);
          await after.write(metaOf(9, 90), [stateOf(9, 10)]);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('a state transfer', () => {
  /** A store at slot 10 and one at slot 30 with a state of `length` bytes. */
  async function pair(length = 300_000) {
    const from = await openCheckpoints(DIRECTORY, CLUSTER, await formatted());
    await from.write(metaOf(3, 30), chunksOf(stateOf(3, length)));
    const medium = await formatted();
    const to = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    await to.write(metaOf(1, 10), [stateOf(1, 10)]);
    return { from: from.newest, to, medium };
  }

  it('arrives chunk by chunk, repeated and stray ones ignored, and is installed when it verifies', async () => {
    const { from, to, medium } = await pair();
    const receiver = await to.receive(nameOf(from), from.lengthBytes);
    while (!receiver.complete) {
      const chunk = from.read(receiver.offset, 40_000)!;
      expect(await receiver.append(receiver.offset + 1, chunk)).toBe(false);
      const at = receiver.offset;
      expect(await receiver.append(at, chunk)).toBe(true);
      expect(await receiver.append(at, chunk)).toBe(false);
    }
    const file = await receiver.finish();
    expect(to.newest.meta.checkpointId).toBe(1);
    await to.adopt(file);
    expect(to.newest.meta).toEqual(from.meta);
    await to.close();
    const again = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    expect(contentOf(again.newest.chunks()).equals(stateOf(3, 300_000))).toBe(true);
  });

  it('is refused whole when one bit is wrong, and the old checkpoint stays', async () => {
    const { from, to } = await pair(5000);
    const whole = Buffer.from(from.read(0, from.lengthBytes)!);
    for (let at = 0; at < whole.length; at += 211) {
      whole[at]! ^= 1;
      const receiver = await to.receive(nameOf(from), whole.length);
      await receiver.append(0, whole);
      await expect(receiver.finish(), `byte ${at}`).rejects.toThrow(
        /ERR|checkpoint|digest|block|footer|header/,
      );
      expect(to.newest.meta.checkpointId).toBe(1);
      whole[at]! ^= 1;
    }
  });

  it('is refused when it is older, of another cluster, not the one announced, short or too long', async () => {
    const { from, to } = await pair(5000);
    const invalid = withCode('ERR_INDELIBLE_CHECKPOINT_INVALID');
    await expect(to.receive({ checkpointId: 1, throughSlot: 10, digest: 5 }, 500)).rejects.toThrow(invalid);
    const other = await to.receive({ ...nameOf(from), checkpointId: 4 }, from.lengthBytes);
    await other.append(0, from.read(0, from.lengthBytes)!);
    await expect(other.finish()).rejects.toThrow(invalid);
    const short = await to.receive(nameOf(from), from.lengthBytes);
    await expect(short.finish()).rejects.toThrow(invalid);
    await expect(short.append(0, new Uint8Array(from.lengthBytes + 1))).rejects.toThrow(invalid);
    const stranger = new RecordingMedium();
    await formatCheckpoints(DIRECTORY, IDENTITY.storeUuid, CONFIGURATION, stranger);
    const foreign = await openCheckpoints(DIRECTORY, IDENTITY.storeUuid, stranger);
    await foreign.write({ ...metaOf(3, 30), clusterId: IDENTITY.storeUuid }, []);
    const receiver = await to.receive(nameOf(foreign.newest), foreign.newest.lengthBytes);
    await receiver.append(0, foreign.newest.read(0, foreign.newest.lengthBytes)!);
    await expect(receiver.finish()).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_FOREIGN'));
    expect(to.newest.meta.checkpointId).toBe(1);
  });

  it('is refused by its first bytes when its configuration is another one', async () => {
    const { to } = await pair();
    const other = new RecordingMedium();
    const members = [...CONFIGURATION.members, { id: 3, storeUuid: 'a'.repeat(32) }];
    await formatCheckpoints(DIRECTORY, CLUSTER, { number: 1, members }, other);
    const from = await openCheckpoints(DIRECTORY, CLUSTER, other);
    const configuration = { number: 1, members };
    const file = await from.write({ ...metaOf(3, 30), configuration }, [stateOf(3, 200_000)]);
    const receiver = await to.receive(nameOf(file), file.lengthBytes);
    await expect(receiver.append(0, file.read(0, 100_000)!)).rejects.toThrow(/configuration 1/);
    const small = await from.write({ ...metaOf(4, 40), configuration }, []);
    const last = await to.receive(nameOf(small), small.lengthBytes);
    await last.append(0, small.read(0, small.lengthBytes)!);
    await expect(last.finish()).rejects.toThrow(withCode('ERR_INDELIBLE_CHECKPOINT_INVALID'));
    expect(to.newest.meta.checkpointId).toBe(1);
  });

  it('goes on after any power cut where what arrived is as it was sent, and is then whole', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 400_000 }), async (seed, length) => {
        const random = seededRandom(seed);
        const { from, to, medium } = await pair(length);
        const receiver = await to.receive(nameOf(from), from.lengthBytes);
        const stop = random() * from.lengthBytes;
        const images: RecordingMedium[] = [];
        medium.onEvent = () => images.push(medium.powerCut(random));
        while (receiver.offset < stop) {
          const at = receiver.offset;
          await receiver.append(at, from.read(at, 1 + Math.floor(random() * 90_000))!);
        }
        for (const image of images.slice(-12)) {
          const after = await openCheckpoints(DIRECTORY, CLUSTER, image);
          const rest = (await after.partial()) ?? (await after.receive(nameOf(from), from.lengthBytes));
          expect(rest.isOf(nameOf(from))).toBe(true);
          rest.announced(from.lengthBytes);
          while (!rest.complete) await rest.append(rest.offset, from.read(rest.offset, 100_000)!);
          await after.adopt(await rest.finish());
          expect(contentOf(after.newest.chunks()).equals(stateOf(3, length))).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('that has begun is removed where nothing of it can be used', async () => {
    const { to, medium, from } = await pair(100);
    expect(await to.partial()).toBeUndefined();
    const receiver = await to.receive(nameOf(from), from.lengthBytes);
    await receiver.append(0, from.read(0, 30)!);
    await receiver.leave();
    expect(await to.partial()).toBeUndefined();
    expect(await medium.list(DIRECTORY)).not.toContain('receiving');
  });
});
