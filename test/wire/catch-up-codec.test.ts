import { expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import { CHECKPOINT_CHUNK_BYTES_MAX } from '../../lib/limits.js';
import type { CheckpointChunk, CheckpointFetch, CheckpointOffer } from '../../lib/paxos/messages.js';
import type { Digest } from '../../lib/types.js';
import { decodeMessage, encodeMessage } from '../../lib/wire/codec.js';
import { FRAME_HEADER_BYTES } from '../../lib/wire/frame.js';
import { FrameKind } from '../../lib/wire/protocol.js';
import { frameOf } from './frames.js';

const NAME = { checkpointId: 3, throughSlot: 9, digest: 5 as Digest };
const REFUSED = expect.objectContaining({ code: ErrorCode.frame });

function decode(message: CheckpointOffer | CheckpointFetch | CheckpointChunk): unknown {
  const frame = frameOf(encodeMessage, message);
  return decodeMessage(FrameKind[message.type], frame, FRAME_HEADER_BYTES, frame.length);
}

it('no more of a checkpoint is asked for at once than a chunk holds, and no less than a byte', () => {
  const fetch = (bytesMax: number): CheckpointFetch => ({
    type: 'checkpointFetch',
    ...NAME,
    offset: 7,
    bytesMax,
  });
  for (const bytesMax of [1, CHECKPOINT_CHUNK_BYTES_MAX])
    expect(decode(fetch(bytesMax))).toEqual(fetch(bytesMax));
  for (const bytesMax of [0, CHECKPOINT_CHUNK_BYTES_MAX + 1, 0xffffffff])
    expect(() => decode(fetch(bytesMax))).toThrow(REFUSED);
});

it('a chunk lies within its checkpoint; an empty one says only how long that is', () => {
  const chunk = (offset: number, bytes: number, lengthBytes: number): CheckpointChunk => ({
    type: 'checkpointChunk',
    ...NAME,
    offset,
    lengthBytes,
    bytes: new Uint8Array(bytes),
  });
  for (const fits of [chunk(0, 10, 10), chunk(6, 4, 10), chunk(99, 0, 10)])
    expect(decode(fits)).toMatchObject({ offset: fits.offset, lengthBytes: 10 });
  for (const outside of [chunk(0, 11, 10), chunk(7, 4, 10), chunk(10, 1, 10)])
    expect(() => decode(outside)).toThrow(REFUSED);
});

it('a checkpoint that is offered has bytes', () => {
  const offer = { type: 'checkpointOffer', ...NAME } as const;
  expect(decode({ ...offer, lengthBytes: 1 })).toEqual({ ...offer, lengthBytes: 1 });
  expect(() => decode({ ...offer, lengthBytes: 0 })).toThrow(REFUSED);
});
