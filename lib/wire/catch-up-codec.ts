/**
 * The bytes of what a replica that lags and one that is ahead say: fetch, chosen, checkpointOffer,
 * checkpointFetch, checkpointChunk. Field by field in docs/wire.md.
 *
 * 1. A checkpoint's bytes are the end of their message, so that they can be sent from where they lie.
 */
import { CHECKPOINT_CHUNK_BYTES_MAX } from '../limits.js';
import type { CheckpointChunk, CheckpointFetch, CheckpointOffer, Chosen, Fetch } from '../paxos/messages.js';
import type { Reader } from './reader.js';
import { frameError } from './reader.js';
import { readDigest, readSlot, readVotes, writeVotes } from './votes-codec.js';
import type { Writer } from './writer.js';

export function writeFetch(writer: Writer, message: Fetch): void {
  writer.u64(message.fromSlot);
  writer.u64(message.throughSlot);
}

export function readFetch(reader: Reader): Fetch {
  return { type: 'fetch', fromSlot: readSlot(reader), throughSlot: readSlot(reader) };
}

export function writeChosen(writer: Writer, message: Chosen): void {
  writer.u64(message.fromSlot);
  writer.u64(message.learnedThrough);
  writeVotes(writer, message.votes);
}

export function readChosen(reader: Reader): Chosen {
  const fromSlot = readSlot(reader);
  const learnedThrough = readSlot(reader);
  return { type: 'chosen', fromSlot, votes: readVotes(reader), learnedThrough };
}

export function writeCheckpointOffer(writer: Writer, message: CheckpointOffer): void {
  writeName(writer, message);
  writer.u64(message.lengthBytes);
}

export function readCheckpointOffer(reader: Reader): CheckpointOffer {
  const name = readName(reader);
  const lengthBytes = reader.u64();
  if (lengthBytes === 0) throw frameError('a checkpoint of no bytes');
  return { type: 'checkpointOffer', ...name, lengthBytes };
}

export function writeCheckpointFetch(writer: Writer, message: CheckpointFetch): void {
  writeName(writer, message);
  writer.u64(message.offset);
  writer.u32(message.bytesMax);
}

export function readCheckpointFetch(reader: Reader): CheckpointFetch {
  const name = readName(reader);
  const offset = reader.u64();
  const bytesMax = reader.u32();
  if (bytesMax < 1 || bytesMax > CHECKPOINT_CHUNK_BYTES_MAX) {
    throw frameError(`${bytesMax} bytes of a checkpoint are asked for at once`);
  }
  return { type: 'checkpointFetch', ...name, offset, bytesMax };
}

/** All of a chunk but the checkpoint's bytes. */
export function writeCheckpointChunk(writer: Writer, message: CheckpointChunk): void {
  writeName(writer, message);
  writer.u64(message.offset);
  writer.u64(message.lengthBytes);
}

export function readCheckpointChunk(reader: Reader): CheckpointChunk {
  const name = readName(reader);
  const offset = reader.u64();
  const lengthBytes = reader.u64();
  const bytes = reader.rest(CHECKPOINT_CHUNK_BYTES_MAX, 'the length of a chunk');
  if (offset + bytes.length > lengthBytes && bytes.length > 0) {
    throw frameError(`${bytes.length} bytes at ${offset} of a checkpoint of ${lengthBytes}`);
  }
  return { type: 'checkpointChunk', ...name, offset, lengthBytes, bytes };
}

type Name = Pick<CheckpointOffer, 'checkpointId' | 'throughSlot' | 'digest'>;

/** Which file of which checkpoint. */
function writeName(writer: Writer, { checkpointId, throughSlot, digest }: Name): void {
  writer.u64(checkpointId);
  writer.u64(throughSlot);
  writer.u64(digest);
}

function readName(reader: Reader): Name {
  return { checkpointId: reader.u64(), throughSlot: readSlot(reader), digest: readDigest(reader) };
}
