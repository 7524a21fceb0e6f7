/**
 * The bytes of what a leader and its acceptors say all the time: accept, accepted, heartbeat, heartbeaten.
 * Field by field in docs/wire.md.
 *
 * 1. The batch is the end of an accept, so that it can be sent from where it lies.
 */
import { BATCH_BYTES_MAX } from '../limits.js';
import type { Accept, Accepted, Heartbeat, Heartbeaten } from '../paxos/messages.js';
import type { Reader } from './reader.js';
import { batchBytes, readBallot, readBatchKind, readDigest, readSlot } from './votes-codec.js';
import type { Writer } from './writer.js';

/** All of an accept but its batch. */
export function writeAccept(writer: Writer, message: Accept): void {
  writer.u64(message.ballot);
  writer.u64(message.slot);
  writer.u64(message.digest);
  writer.u64(message.learnedThrough);
  writer.u8(message.kind);
}

export function readAccept(reader: Reader): Accept {
  const ballot = readBallot(reader);
  const slot = readSlot(reader);
  const digest = readDigest(reader);
  const learnedThrough = readSlot(reader);
  const kind = readBatchKind(reader);
  const bytes = batchBytes(kind, reader.rest(BATCH_BYTES_MAX, 'the length of a batch'));
  return { type: 'accept', ballot, slot, kind, digest, bytes, learnedThrough };
}

export function writeAccepted(writer: Writer, message: Accepted): void {
  writer.u64(message.ballot);
  writer.u64(message.fromSlot);
  writer.u64(message.throughSlot);
}

export function readAccepted(reader: Reader): Accepted {
  return {
    type: 'accepted',
    ballot: readBallot(reader),
    fromSlot: readSlot(reader),
    throughSlot: readSlot(reader),
  };
}

export function writeHeartbeat(writer: Writer, message: Heartbeat): void {
  writer.u64(message.ballot);
  writer.u64(message.round);
  writer.u64(message.learnedThrough);
  writer.u64(message.chainSlot);
  writer.u64(message.chain);
  writer.u64(message.lastSlot);
}

export function readHeartbeat(reader: Reader): Heartbeat {
  return {
    type: 'heartbeat',
    ballot: readBallot(reader),
    round: reader.u64(),
    learnedThrough: readSlot(reader),
    chainSlot: readSlot(reader),
    chain: readDigest(reader),
    lastSlot: readSlot(reader),
  };
}

export function writeHeartbeaten(writer: Writer, message: Heartbeaten): void {
  writer.u64(message.ballot);
  writer.u64(message.round);
  writer.u64(message.coveredThrough);
  writer.u64(message.learnedThrough);
  writer.u64(message.appliedThrough);
  writer.u64(message.trimThrough);
  writer.u8(message.isShort ? 1 : 0);
}

export function readHeartbeaten(reader: Reader): Heartbeaten {
  return {
    type: 'heartbeaten',
    ballot: readBallot(reader),
    round: reader.u64(),
    coveredThrough: readSlot(reader),
    learnedThrough: readSlot(reader),
    appliedThrough: readSlot(reader),
    trimThrough: readSlot(reader),
    isShort: reader.within(reader.u8(), 1, 'whether a disk is short') === 1,
  };
}
