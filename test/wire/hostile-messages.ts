/**
 * Messages that no honest replica sends, of every kind, as a frame with a good CRC would bring them: numbers
 * near the ends of what fields hold, and near the small ones that a young cluster has.
 */
import fc from 'fast-check';
import { BALLOT_REPLICA_BITS } from '../../lib/limits.js';
import type { Message } from '../../lib/paxos/messages.js';
import type { Ballot, BatchKind, Digest, SlotRange, Vote } from '../../lib/types.js';
import { decodeMessage, encodeMessage } from '../../lib/wire/codec.js';
import { FRAME_HEADER_BYTES } from '../../lib/wire/frame.js';
import { FrameKind } from '../../lib/wire/protocol.js';
import { Writer } from '../../lib/wire/writer.js';

const EDGES = [0, 2 ** 31, 2 ** 32, 2 ** 36, 2 ** 37, 2 ** 40, 2 ** 48, 2 ** 50, 2 ** 52, 2 ** 53];

/** What a u64 field may hold, as far as it can be written as a number. */
export const hostileNumber: fc.Arbitrary<number> = fc.oneof(
  fc.nat(12),
  fc
    .tuple(fc.constantFrom(...EDGES), fc.integer({ min: -2, max: 2 }))
    .map(([edge, off]) => Math.min(Math.max(0, edge + off), Number.MAX_SAFE_INTEGER)),
);
const round = fc.oneof(
  fc.nat(4),
  hostileNumber.map((value) => value % 2 ** 37),
);
/** @param from whom it comes from: half of the ballots are its own */
const ballotOf = (from: number): fc.Arbitrary<Ballot> =>
  fc
    .tuple(round, fc.oneof(fc.constant(from), fc.nat(4)))
    .map(([high, low]) => (high * 2 ** BALLOT_REPLICA_BITS + low) as Ballot);
const digest = fc.oneof(fc.constant(0), hostileNumber).map((value) => (value % 2 ** 52) as Digest);
/** Changes of members are refused where they are decoded, unless they are some. */
const kind = fc.constantFrom<BatchKind>(0, 1);
const bytes = fc.uint8Array({ maxLength: 8 });
const range: fc.Arbitrary<SlotRange> = fc
  .tuple(hostileNumber, hostileNumber)
  .map(([a, b]) => ({ from: Math.min(a, b), through: Math.max(a, b) }));

const type = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);
const slot = hostileNumber;
const configuration = fc.constantFrom(0, 1, 1, 1, 2, 2 ** 32 - 1);

export function hostileMessage(from: number): fc.Arbitrary<Message> {
  const ballot = ballotOf(from);
  const vote: fc.Arbitrary<Vote> = fc.record({
    slot,
    ballot,
    digest,
    kind,
    bytes: fc.option(bytes, { nil: undefined }),
  });
  const votes = fc.array(vote, { maxLength: 3 });
  const file = { checkpointId: hostileNumber, throughSlot: slot, digest };
  const attempt = fc.oneof(fc.nat(2), fc.constantFrom(2 ** 31, 2 ** 32 - 1));
  return fc.oneof<fc.Arbitrary<Message>[]>(
    fc.record({ type: type('canvass'), ballot, learnedThrough: slot, configuration }),
    fc.record({ type: type('canvassed'), ballot }),
    fc.record({ type: type('prepare'), ballot, attempt, fromSlot: slot, configuration }),
    fc
      .record({
        type: type('promised'),
        ballot,
        attempt,
        slots: range,
        isLast: fc.boolean(),
        trimThrough: slot,
        learnedThrough: slot,
        configuration,
        votes,
        uncertain: fc.array(range, { maxLength: 3 }),
      })
      .map(({ slots, ...fields }) => ({ ...fields, fromSlot: slots.from, throughSlot: slots.through })),
    fc.record({ type: type('rejected'), ballot, promised: ballot }),
    fc.record({ type: type('accept'), ballot, slot, kind, digest, bytes, learnedThrough: slot }),
    fc.record({ type: type('accepted'), ballot, fromSlot: slot, throughSlot: slot }),
    fc.record({
      type: type('heartbeat'),
      ballot,
      round: hostileNumber,
      learnedThrough: slot,
      chainSlot: slot,
      chain: digest,
      lastSlot: slot,
    }),
    fc.record({
      type: type('heartbeaten'),
      ballot,
      round: hostileNumber,
      coveredThrough: slot,
      learnedThrough: slot,
      appliedThrough: slot,
      trimThrough: slot,
      isShort: fc.boolean(),
    }),
    fc.record({ type: type('fetch'), fromSlot: slot, throughSlot: slot }),
    fc.record({ type: type('chosen'), fromSlot: slot, votes, learnedThrough: slot }),
    fc.record({ type: type('checkpointOffer'), ...file, lengthBytes: hostileNumber }),
    fc.record({ type: type('checkpointFetch'), ...file, offset: hostileNumber, bytesMax: hostileNumber }),
    fc.record({
      type: type('checkpointChunk'),
      ...file,
      offset: hostileNumber,
      lengthBytes: hostileNumber,
      bytes,
    }),
    fc.record({ type: type('handOver'), ballot }),
    fc.record({ type: type('index'), ballot, life: hostileNumber, readId: hostileNumber }),
    fc.record({ type: type('indexed'), life: hostileNumber, readId: hostileNumber, slot }),
    fc.record({ type: type('clock'), sentMs: hostileNumber, timeMs: hostileNumber }),
    fc.record({ type: type('clocked'), sentMs: hostileNumber, wallMs: hostileNumber, timeMs: hostileNumber }),
  );
}

/** The frame's bytes; undefined for what cannot even be written. */
export function frameOf(message: Message): Uint8Array | undefined {
  const writer = new Writer();
  try {
    const tail = encodeMessage(writer, message);
    return Buffer.concat([writer.bytes.subarray(0, writer.length), tail]);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What arrives of it: undefined where the decoder refuses it. */
export function arriving(message: Message): Message | undefined {
  const frame = frameOf(message);
  if (frame === undefined) return undefined;
  try {
    return decodeMessage(FrameKind[message.type], frame, FRAME_HEADER_BYTES, frame.length);
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_INDELIBLE_FRAME') return undefined;
    throw error;
  }
}
