/**
 * Messages between replicas as frames, and back. The bytes of each family of messages are in the *-codec.ts
 * files next to this one; docs/wire.md has the whole table.
 *
 * 1. What is written is read back equal.
 * 2. A decoder throws ERR_INDELIBLE_FRAME, and nothing else, for any bytes that are no message: every number
 *    is checked before it is used, and nothing may follow the last field.
 * 3. `bytes` of a decoded message are views of the bytes given.
 */
import type { Message } from '../paxos/messages.js';
import * as catchUp from './catch-up-codec.js';
import { readClock, readClocked, writeClock, writeClocked } from './clock-codec.js';
import * as election from './election-codec.js';
import { beginFrame, NO_BYTES, sealFrame } from './frame.js';
import { FrameKind, PROTOCOL_VERSION } from './protocol.js';
import * as read from './read-codec.js';
import { frameError, Reader } from './reader.js';
import * as voting from './voting-codec.js';
import type { Writer } from './writer.js';

/**
 * Appends the frame of `message` to `writer`, but for its last field where that is bytes.
 * @param version that of the connection
 * @returns those bytes, which are to be sent right behind; empty for most messages.
 * @throws RangeError when a field does not fit, or the frame would exceed FRAME_BYTES_MAX.
 */
export function encodeMessage(
  writer: Writer,
  message: Message,
  version: number = PROTOCOL_VERSION,
): Uint8Array {
  const start = beginFrame(writer, FrameKind[message.type], version);
  writeFields(writer, message);
  const tail = message.type === 'accept' || message.type === 'checkpointChunk' ? message.bytes : NO_BYTES;
  sealFrame(writer, start, tail);
  return tail;
}

/**
 * The message of a frame of `kind` whose body is bytes[start, end).
 * @throws ERR_INDELIBLE_FRAME when that is not a message between replicas.
 */
export function decodeMessage(kind: number, bytes: Uint8Array, start: number, end: number): Message {
  const reader = new Reader(bytes, start, end);
  const message = readFields(kind, reader);
  reader.finish();
  return message;
}

function writeFields(writer: Writer, message: Message): void {
  switch (message.type) {
    case 'canvass':
      election.writeCanvass(writer, message);
      break;
    case 'canvassed':
      election.writeCanvassed(writer, message);
      break;
    case 'prepare':
      election.writePrepare(writer, message);
      break;
    case 'promised':
      election.writePromised(writer, message);
      break;
    case 'rejected':
      election.writeRejected(writer, message);
      break;
    case 'handOver':
      election.writeHandOver(writer, message);
      break;
    case 'accept':
      voting.writeAccept(writer, message);
      break;
    case 'accepted':
      voting.writeAccepted(writer, message);
      break;
    case 'heartbeat':
      voting.writeHeartbeat(writer, message);
      break;
    case 'heartbeaten':
      voting.writeHeartbeaten(writer, message);
      break;
    case 'index':
      read.writeIndex(writer, message);
      break;
    case 'indexed':
      read.writeIndexed(writer, message);
      break;
    case 'fetch':
      catchUp.writeFetch(writer, message);
      break;
    case 'chosen':
      catchUp.writeChosen(writer, message);
      break;
    case 'checkpointOffer':
      catchUp.writeCheckpointOffer(writer, message);
      break;
    case 'checkpointFetch':
      catchUp.writeCheckpointFetch(writer, message);
      break;
    case 'checkpointChunk':
      catchUp.writeCheckpointChunk(writer, message);
      break;
    case 'clock':
      writeClock(writer, message);
      break;
    case 'clocked':
      writeClocked(writer, message);
      break;
  }
}

function readFields(kind: number, reader: Reader): Message {
  switch (kind) {
    case FrameKind.canvass:
      return election.readCanvass(reader);
    case FrameKind.canvassed:
      return election.readCanvassed(reader);
    case FrameKind.prepare:
      return election.readPrepare(reader);
    case FrameKind.promised:
      return election.readPromised(reader);
    case FrameKind.rejected:
      return election.readRejected(reader);
    case FrameKind.handOver:
      return election.readHandOver(reader);
    case FrameKind.accept:
      return voting.readAccept(reader);
    case FrameKind.accepted:
      return voting.readAccepted(reader);
    case FrameKind.heartbeat:
      return voting.readHeartbeat(reader);
    case FrameKind.heartbeaten:
      return voting.readHeartbeaten(reader);
    case FrameKind.index:
      return read.readIndex(reader);
    case FrameKind.indexed:
      return read.readIndexed(reader);
    case FrameKind.fetch:
      return catchUp.readFetch(reader);
    case FrameKind.chosen:
      return catchUp.readChosen(reader);
    case FrameKind.checkpointOffer:
      return catchUp.readCheckpointOffer(reader);
    case FrameKind.checkpointFetch:
      return catchUp.readCheckpointFetch(reader);
    case FrameKind.checkpointChunk:
      return catchUp.readCheckpointChunk(reader);
    case FrameKind.clock:
      return readClock(reader);
    case FrameKind.clocked:
      return readClocked(reader);
    default:
      throw frameError(`no message between replicas has kind ${kind}`);
  }
}
