/**
 * The bytes of what candidates and acceptors say before anything is proposed: canvass, canvassed, prepare,
 * promised, rejected, handOver. Field by field in docs/wire.md.
 */
import { FRAME_BYTES_MAX } from '../limits.js';
import type { Canvass, Canvassed, HandOver, Prepare, Promised, Rejected } from '../paxos/messages.js';
import type { Slot, SlotRange } from '../types.js';
import type { Reader } from './reader.js';
import { frameError } from './reader.js';
import { readBallot, readSlot, readVotes, writeVotes } from './votes-codec.js';
import type { Writer } from './writer.js';

const RANGE_BYTES = 16;

export function writeCanvass(writer: Writer, message: Canvass): void {
  writer.u64(message.ballot);
  writer.u64(message.learnedThrough);
  writer.u32(message.configuration);
}

export function readCanvass(reader: Reader): Canvass {
  const ballot = readBallot(reader);
  const learnedThrough = readSlot(reader);
  return { type: 'canvass', ballot, learnedThrough, configuration: reader.u32() };
}

export function writeCanvassed(writer: Writer, message: Canvassed): void {
  writer.u64(message.ballot);
}

export function readCanvassed(reader: Reader): Canvassed {
  return { type: 'canvassed', ballot: readBallot(reader) };
}

export function writePrepare(writer: Writer, message: Prepare): void {
  writer.u64(message.ballot);
  writer.u32(message.attempt);
  writer.u64(message.fromSlot);
  writer.u32(message.configuration);
}

export function readPrepare(reader: Reader): Prepare {
  const ballot = readBallot(reader);
  const attempt = reader.u32();
  const fromSlot = readSlot(reader);
  return { type: 'prepare', ballot, attempt, fromSlot, configuration: reader.u32() };
}

export function writePromised(writer: Writer, message: Promised): void {
  writer.u64(message.ballot);
  writer.u32(message.attempt);
  writer.u64(message.fromSlot);
  writer.u64(message.throughSlot);
  writer.u8(message.isLast ? 1 : 0);
  writer.u64(message.trimThrough);
  writer.u64(message.learnedThrough);
  writer.u32(message.configuration);
  writer.u32(message.uncertain.length);
  for (const range of message.uncertain) {
    writer.u64(range.from);
    writer.u64(range.through);
  }
  writeVotes(writer, message.votes);
}

export function readPromised(reader: Reader): Promised {
  const ballot = readBallot(reader);
  const attempt = reader.u32();
  const fromSlot = readSlot(reader);
  const throughSlot = readSlot(reader);
  const isLast = reader.within(reader.u8(), 1, 'whether a part is the last') === 1;
  const trimThrough = readSlot(reader);
  const learnedThrough = readSlot(reader);
  const configuration = reader.u32();
  const uncertain = readRanges(reader);
  const votes = readVotes(reader);
  if (fromSlot > throughSlot) throw frameError(`slots ${fromSlot} … ${throughSlot} are no part of an answer`);
  const isWithin = (from: Slot, through: Slot) => fromSlot <= from && through <= throughSlot;
  if (!votes.every(({ slot }) => isWithin(slot, slot))) throw frameError('a vote of another part');
  if (!uncertain.every(({ from, through }) => isWithin(from, through)))
    throw frameError('uncertain slots of another part');
  const head = { type: 'promised', ballot, attempt, fromSlot, throughSlot, isLast } as const;
  return { ...head, trimThrough, learnedThrough, configuration, votes, uncertain };
}

function readRanges(reader: Reader): SlotRange[] {
  const count = reader.count(RANGE_BYTES, FRAME_BYTES_MAX / RANGE_BYTES, 'a number of slot ranges');
  const ranges: SlotRange[] = [];
  for (let i = 0; i < count; i++) {
    const from = readSlot(reader);
    const through = readSlot(reader);
    if (from > through) throw frameError(`slots ${from} … ${through} are no range`);
    ranges.push({ from, through });
  }
  return ranges;
}

export function writeRejected(writer: Writer, message: Rejected): void {
  writer.u64(message.ballot);
  writer.u64(message.promised);
}

export function readRejected(reader: Reader): Rejected {
  return { type: 'rejected', ballot: readBallot(reader), promised: readBallot(reader) };
}

export function writeHandOver(writer: Writer, message: HandOver): void {
  writer.u64(message.ballot);
}

export function readHandOver(reader: Reader): HandOver {
  return { type: 'handOver', ballot: readBallot(reader) };
}
