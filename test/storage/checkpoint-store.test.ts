/** What a store of checkpoints keeps, gives up and refuses beside a write or a transfer under way. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CheckpointStore, formatCheckpoints, openCheckpoints } from '../../lib/storage/checkpoint.js';
import type { CheckpointFile, FileName } from '../../lib/storage/checkpoint-file.js';
import type { CheckpointMeta } from '../../lib/storage/checkpoint-format.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import type { Configuration } from '../../lib/types.js';
import { ballotOf, IDENTITY } from '../contract/storage.js';

const DIRECTORY = '/d/checkpoints';
const CLUSTER = IDENTITY.clusterId;
const VOTER = { id: 2, storeUuid: IDENTITY.storeUuid };
const CONFIGURATION: Configuration = { number: 1, members: [VOTER] };
const INVALID = expect.objectContaining({ code: 'ERR_INDELIBLE_CHECKPOINT_INVALID' });
const STOPPED = expect.objectContaining({ code: 'ERR_INDELIBLE_STOPPED' });

function metaOf(number: number, configuration = CONFIGURATION): CheckpointMeta {
  return {
    clusterId: CLUSTER,
    checkpointId: number,
    throughSlot: 10 * number,
    configuration,
    chainDigest: 7,
    timeMs: 1_700_000_000_000,
  };
}

const nameOf = ({ meta: { checkpointId, throughSlot }, digest }: CheckpointFile): FileName => ({
  checkpointId,
  throughSlot,
  digest,
});

async function opened(configuration = CONFIGURATION): Promise<{
  medium: RecordingMedium;
  store: CheckpointStore;
}> {
  const medium = new RecordingMedium();
  await formatCheckpoints(DIRECTORY, CLUSTER, configuration, medium);
  return { medium, store: await openCheckpoints(DIRECTORY, CLUSTER, medium) };
}

/** The bytes of a checkpoint of somebody else's, and its name. */
async function sent(meta: CheckpointMeta, state: Uint8Array): Promise<{ name: FileName; bytes: Uint8Array }> {
  const { store } = await opened(meta.configuration);
  const file = await store.write(meta, [state]);
  return { name: nameOf(file), bytes: file.read(0, file.lengthBytes)!.slice() };
}

describe('a checkpoint that is held', () => {
  it('is kept for each of its holders until that one lets go, which it may do twice', async () => {
    const { medium, store } = await opened();
    const first = await store.write(metaOf(1), []);
    const [one, other] = [store.hold(first), store.hold(first)];
    for (const number of [2, 3]) await store.write(metaOf(number), []);
    one();
    one();
    await store.write(metaOf(4), []);
    expect(await store.find(nameOf(first))).toBe(first);
    other();
    await store.write(metaOf(5), []);
    expect(await store.find(nameOf(first))).toBeUndefined();
    expect((await medium.list(DIRECTORY)).length).toBe(2);
  });

  it('is not kept when it was gone before', async () => {
    const { medium, store } = await opened();
    const first = await store.write(metaOf(1), []);
    for (const number of [2, 3]) await store.write(metaOf(number), []);
    store.hold(first)();
    await store.write(metaOf(4), []);
    expect((await medium.list(DIRECTORY)).length).toBe(2);
  });

  it('is read once, however many ask for it at once', async () => {
    const { medium, store } = await opened();
    const name = nameOf(await store.write(metaOf(1), []));
    await store.write(metaOf(2), []);
    await store.close();
    const again = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    const [one, other] = await Promise.all([again.find(name), again.find(name)]);
    expect(one?.meta).toEqual(metaOf(1));
    expect(other).toBe(one);
  });
});

describe('a store of checkpoints that is stopped', () => {
  it('gives up what is being written before its next block, and keeps what it had', async () => {
    const { medium, store } = await opened();
    await store.write(metaOf(1), []);
    let taken = 0;
    const chunks = function* (): Iterable<Uint8Array> {
      for (; taken < 100; taken++) {
        if (taken === 3) store.stop();
        yield new Uint8Array(64 << 10);
      }
    };
    await expect(store.write(metaOf(2), chunks())).rejects.toThrow(STOPPED);
    expect(taken).toBe(3);
    await store.close();
    const again = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    expect(again.newest.meta).toEqual(metaOf(1));
    expect(await medium.list(DIRECTORY)).not.toContain('writing');
  });

  it('tells nothing of its file system any more', async () => {
    const { medium, store } = await opened();
    expect(await store.space()).toBeUndefined();
    const space = { bytes: 1000, freeBytes: 10 };
    Object.assign(medium, { space: async () => space });
    expect(await store.space()).toEqual(space);
    store.stop();
    expect(await store.space()).toBeUndefined();
  });
});

describe("a peer's checkpoint", () => {
  it('is taken where it is of a later configuration, and refused where roles differ in the same one', async () => {
    const { store } = await opened();
    const learner = { ...VOTER, role: 'learner' } as const;
    const same = await sent(metaOf(3, { number: 1, members: [learner] }), new Uint8Array(10));
    const refused = await store.receive(same.name, same.bytes.length);
    await refused.append(0, same.bytes);
    await expect(refused.finish()).rejects.toThrow(`${VOTER.id}=${VOTER.storeUuid} learner, not`);
    const later = metaOf(3, { number: 2, members: [VOTER, { id: 3, storeUuid: 'b'.repeat(32) }] });
    const { name, bytes } = await sent({ ...later, configurationAbove: ballotOf(1) }, new Uint8Array(10));
    const receiver = await store.receive(name, bytes.length);
    await receiver.append(0, bytes);
    const { governing } = await store.adopt(await receiver.finish());
    expect(governing).toEqual({ configuration: later.configuration, from: 31, above: ballotOf(1) });
    const first = await opened();
    expect(first.store.newest.governing).toEqual({ configuration: CONFIGURATION, from: 1, above: 0 });
  });

  it('is not installed over a newer one that came meanwhile', async () => {
    const { medium, store } = await opened();
    const { name, bytes } = await sent(metaOf(3), new Uint8Array(10));
    const receiver = await store.receive(name, bytes.length);
    await receiver.append(0, bytes);
    const received = await receiver.finish();
    await store.write(metaOf(4), []);
    await expect(store.adopt(received)).rejects.toThrow(INVALID);
    expect(store.newest.meta).toEqual(metaOf(4));
    expect(await medium.list(DIRECTORY)).not.toContain('receiving');
  });

  it('that had arrived whole before the restart lacks nothing but its word that it is whole', async () => {
    const { medium, store } = await opened();
    const { name, bytes } = await sent(metaOf(3), new Uint8Array(100_000).fill(9));
    const receiver = await store.receive(name, bytes.length);
    await receiver.append(0, bytes);
    await receiver.leave();
    await store.close();
    const again = await openCheckpoints(DIRECTORY, CLUSTER, medium);
    const rest = (await again.partial())!;
    expect([rest.complete, rest.offset, rest.isOf(name)]).toEqual([true, bytes.length, true]);
    expect(() => rest.announced(bytes.length + 1)).toThrow(INVALID);
    rest.announced(bytes.length);
    await again.adopt(await rest.finish());
    expect(Buffer.concat([...again.newest.chunks()]).equals(new Uint8Array(100_000).fill(9))).toBe(true);
  });

  it('may be left while a chunk of it is written, and goes on from there', async () => {
    const { store } = await opened();
    const { name, bytes } = await sent(metaOf(3), new Uint8Array(200_000).fill(9));
    const receiver = await store.receive(name, bytes.length);
    const appended = receiver.append(0, bytes.subarray(0, 150_000));
    await receiver.leave();
    expect(await appended).toBe(true);
    const rest = (await store.partial())!;
    expect(rest.offset).toBeGreaterThan(65_536);
    rest.announced(bytes.length);
    await rest.append(rest.offset, bytes.subarray(rest.offset));
    expect((await store.adopt(await rest.finish())).meta).toEqual(metaOf(3));
  });

  it('of which the disk gives less back than it took is refused', async () => {
    for (const given of [0, 100, 70_000]) {
      const { medium, store } = await opened();
      const { name, bytes } = await sent(metaOf(3), new Uint8Array(200_000).fill(9));
      const open = medium.open.bind(medium);
      medium.open = async (path, access) => {
        const file = await open(path, access);
        const read = file.read.bind(file);
        file.read = (into, at) => read(into.subarray(0, Math.max(0, given - at)), at);
        return file;
      };
      const receiver = await store.receive(name, bytes.length);
      const whole = receiver.append(0, bytes).then(() => receiver.finish());
      await expect(whole, `${given} bytes`).rejects.toThrow(INVALID);
      expect(store.newest.meta.throughSlot).toBe(0);
    }
  });

  it('larger than what is synced and checked at a time arrives whole, and is whole when opened again', async () => {
    const state = new Uint8Array(26 << 20);
    for (let at = 0; at < state.length; at += 4096) state[at] = (at >> 12) & 255;
    const at = await mkdtemp(join(tmpdir(), 'indelible-checkpoint-'));
    const [from, to] = [join(at, 'from'), join(at, 'to')];
    for (const directory of [from, to]) await formatCheckpoints(directory, CLUSTER, CONFIGURATION);
    const source = await openCheckpoints(from, CLUSTER);
    const file = await source.write(metaOf(3), [state]);
    const bytes = await readFile(file.path);
    const store = await openCheckpoints(to, CLUSTER);
    const receiver = await store.receive(nameOf(file), bytes.length);
    for (let offset = 0; offset < bytes.length; offset += 1 << 20)
      expect(await receiver.append(offset, bytes.subarray(offset, offset + (1 << 20)))).toBe(true);
    await store.adopt(await receiver.finish());
    await store.close();
    const again = await openCheckpoints(to, CLUSTER);
    expect(Buffer.concat([...again.newest.chunks()]).equals(state)).toBe(true);
    await Promise.all([source.close(), again.close()]);
    await rm(at, { recursive: true });
  });
});
