/** Checkpoint files that are not as `write` leaves them, each with the sentence that says what is wrong. */
import { describe, expect, it } from 'vitest';
import { formatCheckpoints, openCheckpoints, readNewestMeta } from '../../lib/storage/checkpoint.js';
import { CheckpointFile } from '../../lib/storage/checkpoint-file.js';
import { encodeHeader } from '../../lib/storage/checkpoint-format.js';
import { digestOf } from '../../lib/storage/crc64.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { IDENTITY } from '../contract/storage.js';

const DIRECTORY = '/d/checkpoints';
const PATH = `${DIRECTORY}/spoilt`;
const CONFIGURATION = { number: 1, members: [{ id: 2, storeUuid: IDENTITY.storeUuid }] };
const META = {
  clusterId: IDENTITY.clusterId,
  checkpointId: 1,
  throughSlot: 10,
  configuration: CONFIGURATION,
  chainDigest: 70,
  timeMs: 1_700_000_000_000,
  stateDigest: 'state 10',
};
const HEADER_BYTES = encodeHeader(META).length;
const STATE = new Uint8Array(1000).fill(5);
const withCode = (code: string): unknown => expect.objectContaining({ code });

async function written(): Promise<{ medium: RecordingMedium; bytes: Uint8Array }> {
  const medium = new RecordingMedium();
  await formatCheckpoints(DIRECTORY, IDENTITY.clusterId, CONFIGURATION, medium);
  const store = await openCheckpoints(DIRECTORY, IDENTITY.clusterId, medium);
  await store.write(META, [STATE]);
  return { medium, bytes: store.newest.read(0, store.newest.lengthBytes)!.slice() };
}

async function put(medium: RecordingMedium, path: string, bytes: Uint8Array): Promise<void> {
  const file = await medium.open(path, 'create');
  await file.write(bytes, 0, 'checkpoint');
  await file.sync('checkpoint');
}

function headerDigest(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(HEADER_BYTES - 8, true));
}

/** Opens a good file's bytes after `change` had them. */
async function opened(change: (bytes: Uint8Array, view: DataView) => Uint8Array): Promise<CheckpointFile> {
  const { medium, bytes } = await written();
  await put(medium, PATH, change(bytes, new DataView(bytes.buffer)));
  return CheckpointFile.open(medium, PATH);
}

/** Writes one word of the file. */
function word(at: number, value: number): (bytes: Uint8Array, view: DataView) => Uint8Array {
  return (bytes, view) => {
    view.setUint32(at, value, true);
    return bytes;
  };
}

/** Puts the right digest on a header that was changed. */
function sealHeader(bytes: Uint8Array, view: DataView): Uint8Array {
  const digest = digestOf(bytes, 0, HEADER_BYTES - 8);
  view.setBigUint64(HEADER_BYTES - 8, BigInt(digest), true);
  return bytes;
}

describe('a checkpoint file is refused', () => {
  it.each<[RegExp, (bytes: Uint8Array, view: DataView) => Uint8Array]>([
    [/not a checkpoint/, () => new Uint8Array(0)],
    [/not a checkpoint/, (bytes) => bytes.fill(7, 4, 8)],
    [/impossible length/, word(12, 40)],
    [/impossible length/, word(12, 0xffff_fff8)],
    [/impossible length/, word(12, HEADER_BYTES + 4)],
    [/does not have its digest/, (bytes) => bytes.subarray(0, HEADER_BYTES - 1)],
    [/contradicts itself/, (bytes, view) => sealHeader(word(16, HEADER_BYTES)(bytes, view), view)],
    [/ends where block 0 should be/, (bytes) => bytes.subarray(0, HEADER_BYTES + 7)],
    [/block 0 is not in its place/, word(HEADER_BYTES + 4, 1)],
    [/block 0 has an impossible length/, word(HEADER_BYTES, 0)],
    [/ends within block 0/, (bytes) => bytes.subarray(0, HEADER_BYTES + 100)],
    [/stands behind the footer/, (bytes) => Uint8Array.of(...bytes, 0)],
  ])('where %s is what it is', async (sentence, change) => {
    const refused = opened(change);
    await expect(refused).rejects.toThrow(sentence);
    await expect(refused).rejects.toThrow(withCode('ERR_INDELIBLE_CHECKPOINT_INVALID'));
  });

  it('of another format, which is said also where only its header is asked for', async () => {
    const newer = word(8, 4);
    await expect(opened(newer)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_VERSION'));
    const { medium, bytes } = await written();
    const [newest] = [...(await medium.list(DIRECTORY))].sort().reverse();
    await put(medium, `${DIRECTORY}/${newest}`, newer(bytes, new DataView(bytes.buffer)));
    await expect(readNewestMeta(DIRECTORY, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_VERSION'));
  });

  it('before it is written, with a description longer than any header may be', () => {
    expect(() => encodeHeader({ ...META, stateDigest: 'x'.repeat(1 << 21) })).toThrow(RangeError);
  });
});

describe('the newest header', () => {
  it('is the newest good one; with none it says what is wrong with each', async () => {
    const { medium } = await written();
    const names = [...(await medium.list(DIRECTORY))].sort().reverse();
    expect(await readNewestMeta(DIRECTORY, medium)).toEqual(META);
    await put(medium, `${DIRECTORY}/${names[0]}`, new Uint8Array(100));
    expect((await readNewestMeta(DIRECTORY, medium)).throughSlot).toBe(0);
    await put(medium, `${DIRECTORY}/${names[1]}`, new Uint8Array(100));
    await expect(readNewestMeta(DIRECTORY, medium)).rejects.toThrow(
      withCode('ERR_INDELIBLE_CHECKPOINT_INVALID'),
    );
  });

  it('is not there where the directory cannot be listed', async () => {
    const { medium } = await written();
    medium.list = () =>
      Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }));
    await expect(readNewestMeta(DIRECTORY, medium)).rejects.toThrow(withCode('ERR_INDELIBLE_STORE_IO'));
    await expect(openCheckpoints(DIRECTORY, IDENTITY.clusterId, medium)).rejects.toThrow(
      withCode('ERR_INDELIBLE_STORE_IO'),
    );
  });
});

describe('an open checkpoint', () => {
  it('that is cut off under its reader is not taken for shorter', async () => {
    for (const left of [HEADER_BYTES + 3, HEADER_BYTES + 100]) {
      const { medium, bytes } = await written();
      await put(medium, PATH, bytes);
      const below = await medium.open(PATH, 'read');
      const readSync = below.readSync.bind(below);
      medium.open = async () => below;
      const file = await CheckpointFile.open(medium, PATH);
      below.readSync = (into, at) => readSync(into.subarray(0, Math.max(0, left - at)), at);
      expect(() => [...file.chunks()]).toThrow(withCode('ERR_INDELIBLE_CHECKPOINT_INVALID'));
    }
  });

  it('gives nothing behind its end, and nothing once it is closed, which it may be twice', async () => {
    const file = await opened((bytes) => bytes);
    expect(file.read(file.lengthBytes, 100)).toEqual(new Uint8Array(0));
    expect(file.read(file.lengthBytes - 3, 100)?.length).toBe(3);
    await file.close();
    await file.close();
    expect(file.read(0, 100)).toBeUndefined();
  });
});

describe('a closed store of checkpoints', () => {
  it('has no newest one, and takes none', async () => {
    const { medium } = await written();
    const store = await openCheckpoints(DIRECTORY, IDENTITY.clusterId, medium);
    await store.close();
    expect(() => store.newest).toThrow(withCode('ERR_INDELIBLE_STORE_CLOSED'));
    await expect(store.write({ ...META, checkpointId: 2, throughSlot: 20 }, [STATE])).rejects.toThrow(
      withCode('ERR_INDELIBLE_STORE_CLOSED'),
    );
  });
});

describe('a transfer', () => {
  it('has a length, ends once, and may be given up', async () => {
    const { bytes } = await written();
    const empty = new RecordingMedium();
    await formatCheckpoints(DIRECTORY, IDENTITY.clusterId, CONFIGURATION, empty);
    const store = await openCheckpoints(DIRECTORY, IDENTITY.clusterId, empty);
    const name = { checkpointId: 1, throughSlot: 10, digest: headerDigest(bytes) };
    await expect(store.receive(name, -1)).rejects.toThrow(withCode('ERR_INDELIBLE_ARGUMENT'));
    const given = await store.receive(name, bytes.length);
    await given.append(0, bytes.subarray(0, 50));
    await given.leave();
    await given.leave();
    expect(await given.append(50, bytes.subarray(50))).toBe(false);
    const taken = await store.receive(name, bytes.length);
    await taken.append(0, bytes);
    await store.adopt(await taken.finish());
    await expect(taken.finish()).rejects.toThrow(withCode('ERR_INDELIBLE_CHECKPOINT_INVALID'));
    expect(store.newest.meta).toEqual(META);
  });
});
