/**
 * The bytes of votes inside `promised` and `chosen`, and of the fields that several messages share.
 *
 * A vote: u64 slot, u64 ballot, u64 digest, u8 kind, u8 1 if its bytes follow and 0 if the medium lost them,
 * u32 length, bytes.
 */
import {
  BALLOT_REPLICA_BITS,
  BALLOT_ROUND_HEARD_MAX,
  BATCH_BYTES_MAX,
  FRAME_BYTES_MAX,
  SLOT_HEARD_MAX,
} from '../limits.js';
import { decodeChange } from '../paxos/configuration-batch.js';
import { type Ballot, BatchKind, type Digest, type Slot, type Vote } from '../types.js';
import { NO_BYTES } from './frame.js';
import type { Reader } from './reader.js';
import { frameError } from './reader.js';
import type { Writer } from './writer.js';

const VOTE_BYTES_MIN = 30;
const BATCH_KIND_MAX = 2;
const DIGEST_MAX = 2 ** 52 - 1;
const BALLOT_HEARD_MAX: number = (BALLOT_ROUND_HEARD_MAX + 1) * 2 ** BALLOT_REPLICA_BITS - 1;

/** One of a round that leaves this replica as many above it. */
export function readBallot(reader: Reader): Ballot {
  return reader.within(reader.u64(), BALLOT_HEARD_MAX, 'a ballot') as Ballot;
}

export function readSlot(reader: Reader): Slot {
  return reader.within(reader.u64(), SLOT_HEARD_MAX, 'a slot');
}

export function readBatchKind(reader: Reader): BatchKind {
  return reader.within(reader.u8(), BATCH_KIND_MAX, 'a batch kind') as BatchKind;
}

/** `bytes` as those of a batch of that kind: a change of members that this program cannot read is none. */
export function batchBytes(kind: BatchKind, bytes: Uint8Array): Uint8Array {
  if (kind === BatchKind.configuration && decodeChange(bytes) === undefined)
    throw frameError('a change of members that this program cannot read');
  return bytes;
}

export function readDigest(reader: Reader): Digest {
  return reader.within(reader.u64(), DIGEST_MAX, 'a digest') as Digest;
}

export function writeVotes(writer: Writer, votes: readonly Vote[]): void {
  writer.u32(votes.length);
  for (const vote of votes) {
    writer.u64(vote.slot);
    writer.u64(vote.ballot);
    writer.u64(vote.digest);
    writer.u8(vote.kind);
    writer.u8(vote.bytes === undefined ? 0 : 1);
    const bytes = vote.bytes ?? NO_BYTES;
    writer.u32(bytes.length);
    writer.append(bytes);
  }
}

export function readVotes(reader: Reader): Vote[] {
  const count = reader.count(VOTE_BYTES_MIN, FRAME_BYTES_MAX / VOTE_BYTES_MIN, 'a number of votes');
  const votes: Vote[] = [];
  for (let i = 0; i < count; i++) {
    const slot = readSlot(reader);
    const ballot = readBallot(reader);
    const digest = readDigest(reader);
    const kind = readBatchKind(reader);
    const available = reader.within(reader.u8(), 1, 'whether a vote has bytes') === 1;
    const length = reader.count(1, BATCH_BYTES_MAX, 'the length of a vote');
    if (!available && length > 0) throw frameError('a vote without bytes has some');
    votes.push({
      slot,
      ballot,
      kind,
      digest,
      bytes: available ? batchBytes(kind, reader.view(length)) : undefined,
    });
  }
  return votes;
}
