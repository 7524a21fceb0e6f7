import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCheckpoints, openCheckpoints } from '../../lib/storage/checkpoint.js';
import { CheckpointStream } from '../../lib/storage/checkpoint-stream.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import { IDENTITY } from '../contract/storage.js';

const DIRECTORY = '/d/checkpoints';
const CONFIGURATION = { number: 1, members: [{ id: 2, storeUuid: IDENTITY.storeUuid }] };
const META = {
  clusterId: IDENTITY.clusterId,
  checkpointId: 1,
  throughSlot: 10,
  configuration: CONFIGURATION,
  chainDigest: 70,
  timeMs: 1_700_000_000_000,
};
/** Two blocks and a half. */
const STATE = Uint8Array.from({ length: 160_000 }, (_, at) => (at * 31 + (at >> 8)) & 255);
const INVALID = expect.objectContaining({ code: 'ERR_INDELIBLE_CHECKPOINT_INVALID' });

async function fileOf(state: Uint8Array): Promise<Uint8Array> {
  const medium = new RecordingMedium();
  await formatCheckpoints(DIRECTORY, IDENTITY.clusterId, CONFIGURATION, medium);
  const store = await openCheckpoints(DIRECTORY, IDENTITY.clusterId, medium);
  const { path } = await store.write(META, [state]);
  return medium.bytesOf(path).slice();
}

/** What comes out of the stream while the bytes go in, cut at these places. */
function through(bytes: Uint8Array, cuts: readonly number[]): { stream: CheckpointStream; state: Buffer } {
  const stream = new CheckpointStream('backup');
  const state: Uint8Array[] = [];
  let from = 0;
  for (const cut of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
    const piece = bytes.slice(from, cut);
    state.push(...stream.take(piece));
    piece.fill(255);
    from = cut;
  }
  return { stream, state: Buffer.concat(state) };
}

describe('a checkpoint that comes in pieces', () => {
  it('gives the state that was written, however it is cut', async () => {
    const bytes = await fileOf(STATE);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 }), (cuts) => {
        const { stream, state } = through(bytes, cuts);
        expect(state.equals(STATE)).toBe(true);
        expect(stream.end()).toEqual(META);
      }),
      { numRuns: 40 },
    );
    expect(through(bytes.slice(0, 700), []).stream.meta).toEqual(META);
    const small = await fileOf(STATE.subarray(0, 20));
    const single = through(small, [...small.keys()]);
    expect([single.stream.end(), [...single.state]]).toEqual([META, [...STATE.subarray(0, 20)]]);
  });

  it('gives no byte of a block that is not as it was written', async () => {
    const bytes = await fileOf(STATE);
    const blockBytes = 65_536 + 16;
    const second = bytes.length - 40 - (STATE.length - 2 * 65_536 + 16) - blockBytes;
    bytes[second + 5000]! ^= 1;
    const stream = new CheckpointStream('backup');
    const first = Buffer.concat(stream.take(bytes.subarray(0, second)));
    expect(first.equals(STATE.subarray(0, 65_536))).toBe(true);
    expect(stream.take(bytes.subarray(second, second + blockBytes - 1))).toEqual([]);
    expect(() => stream.take(bytes.subarray(second + blockBytes - 1))).toThrow(INVALID);
  });

  it('is refused where it ends early, wherever that is, and where something follows', async () => {
    const bytes = await fileOf(STATE.subarray(0, 100));
    for (let length = 0; length < bytes.length; length++) {
      const { stream } = through(bytes.slice(0, length), []);
      expect(() => stream.end(), `${length} bytes`).toThrow(INVALID);
    }
    const { stream } = through(bytes, []);
    expect(() => through(Uint8Array.of(...bytes, 0), [])).toThrow(/behind the footer/);
    expect(() => stream.take(Uint8Array.of(0))).toThrow(/behind the footer/);
    expect(stream.take(new Uint8Array(0))).toEqual([]);
  });
});
