/**
 * Messages between a replica and its clients as frames, and back. Field by field in docs/wire.md.
 *
 * 1. What is written is read back equal.
 * 2. The decoder throws ERR_INDELIBLE_FRAME, and nothing else, for any bytes that are no such message; a body
 *    that it lets through holds exactly the entries that its message counts.
 * 3. `body` of a decoded message is a view of the bytes given.
 */
import {
  COMMAND_BYTES_MAX,
  FRAME_BYTES_MAX,
  REPLICA_ID_MAX,
  SKIP_REASON_BYTES_MAX,
  SLOT_HEARD_MAX,
} from '../limits.js';
import { CHANGE_BYTES_MAX, decodeChange, encodeChange } from '../paxos/configuration-batch.js';
import { checkBody } from './body.js';
import type {
  BackupReply,
  BackupRequest,
  ClientMessage,
  LeaderIs,
  MembersReply,
  MembersRequest,
  Outcomes,
  Query,
  SessionTerms,
  SkipReply,
  SkipRequest,
  Submit,
} from './client-messages.js';
import { areTerms, BackupWhat, MembersOutcome, RequestOutcome, SkipOutcome } from './client-messages.js';
import { beginFrame, NO_BYTES, sealFrame } from './frame.js';
import { FrameKind, PROTOCOL_VERSION } from './protocol.js';
import { frameError, Reader } from './reader.js';
import type { Writer } from './writer.js';

/** What a replica says to a person, in bytes of UTF-8; what is longer is cut off. */
const SENTENCE_BYTES_MAX = 1024;

const UTF8 = new TextDecoder();

/**
 * Appends the frame of `message` to `writer`, but for its body.
 * @param version that of the connection
 * @returns the body, which is to be sent right behind; empty where there is none.
 * @throws RangeError when a field does not fit, or the frame would exceed FRAME_BYTES_MAX.
 */
export function encodeClientMessage(
  writer: Writer,
  message: ClientMessage,
  version: number = PROTOCOL_VERSION,
): Uint8Array {
  const start = beginFrame(writer, FrameKind[message.type], version);
  let tail = NO_BYTES;
  switch (message.type) {
    case 'submit':
    case 'query':
      writer.u64(message.first);
      writer.u32(message.count);
      writer.u64(message.lead);
      writer.u64(message.deadlineMs);
      if (message.type === 'submit') writeTerms(writer, message.terms);
      tail = message.body;
      break;
    case 'outcomes':
      writer.u64(message.first);
      writer.u32(message.count);
      writer.u8(message.outcome);
      tail = message.body;
      break;
    case 'leaderIs':
      writer.u16(message.leader);
      writer.u64(message.lead);
      writer.u64(message.clockMs);
      break;
    case 'statusRequest':
    case 'relay':
      break;
    case 'statusReply':
      tail = message.body;
      break;
    case 'skipRequest':
      writer.u64(message.slot);
      writer.u32(message.ordinal);
      tail = Buffer.from(message.reason);
      break;
    case 'skipReply':
      writer.u8(message.outcome);
      tail = Buffer.from(message.sentence).subarray(0, SENTENCE_BYTES_MAX);
      break;
    case 'backupRequest':
      writer.u8(message.what);
      writer.u64(message.at);
      break;
    case 'backupReply':
      writer.u8(message.isGiven ? 1 : 0);
      tail = message.isGiven ? message.body : message.body.subarray(0, SENTENCE_BYTES_MAX);
      break;
    case 'membersRequest':
      tail = encodeChange(message.change);
      break;
    case 'leadRequest':
      writer.u16(message.replica);
      break;
    case 'membersReply':
      writer.u8(message.outcome);
      tail = Buffer.from(message.sentence).subarray(0, SENTENCE_BYTES_MAX);
      break;
  }
  sealFrame(writer, start, tail);
  return tail;
}

/**
 * The message of a frame of `kind` whose body is bytes[start, end).
 * @throws ERR_INDELIBLE_FRAME when that is not a message between a replica and its clients.
 */
export function decodeClientMessage(
  kind: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): ClientMessage {
  const reader = new Reader(bytes, start, end);
  const message = readFields(kind, reader);
  reader.finish();
  return message;
}

function readFields(kind: number, reader: Reader): ClientMessage {
  switch (kind) {
    case FrameKind.submit:
      return readSubmit(reader);
    case FrameKind.query:
      return readQuery(reader);
    case FrameKind.outcomes:
      return readOutcomes(reader);
    case FrameKind.leaderIs:
      return readLeaderIs(reader);
    case FrameKind.statusRequest:
      return { type: 'statusRequest' };
    case FrameKind.relay:
      return { type: 'relay' };
    case FrameKind.statusReply:
      return { type: 'statusReply', body: reader.rest(FRAME_BYTES_MAX, 'the length of a status') };
    case FrameKind.skipRequest:
      return readSkipRequest(reader);
    case FrameKind.skipReply:
      return readSkipReply(reader);
    case FrameKind.backupRequest:
      return readBackupRequest(reader);
    case FrameKind.backupReply:
      return readBackupReply(reader);
    case FrameKind.membersRequest:
      return readMembersRequest(reader);
    case FrameKind.leadRequest:
      return {
        type: 'leadRequest',
        replica: reader.within(reader.u16(), REPLICA_ID_MAX, 'a replica id'),
      };
    case FrameKind.membersReply:
      return readMembersReply(reader);
    default:
      throw frameError(`no message of a client has kind ${kind}`);
  }
}

function writeTerms(writer: Writer, terms: SessionTerms | undefined): void {
  writer.u64(terms?.session ?? 0);
  writer.u64(terms?.sequence ?? 0);
  writer.u64(terms?.answeredThrough ?? 0);
}

function readSubmit(reader: Reader): Submit {
  const { first, count } = readRun(reader);
  const lead = reader.u64();
  const deadlineMs = reader.u64();
  const terms = { session: reader.u64(), sequence: reader.u64(), answeredThrough: reader.u64() };
  if (!areTerms(terms, count)) throw frameError('terms that no run of a session has');
  const body = readRequests(reader, count);
  const all = { type: 'submit', first, count, lead, deadlineMs, body } as const;
  return terms.session === 0 ? all : { ...all, terms };
}

function readQuery(reader: Reader): Query {
  const { first, count } = readRun(reader);
  const lead = reader.u64();
  const deadlineMs = reader.u64();
  return { type: 'query', first, count, lead, deadlineMs, body: readRequests(reader, count) };
}

function readRequests(reader: Reader, count: number): Uint8Array {
  checkBody(reader.bytes, reader.at, reader.end, count, COMMAND_BYTES_MAX);
  return reader.rest(FRAME_BYTES_MAX, 'the length of a body');
}

function readLeaderIs(reader: Reader): LeaderIs {
  const leader = reader.within(reader.u16(), REPLICA_ID_MAX, 'a replica id');
  return { type: 'leaderIs', leader, lead: reader.u64(), clockMs: reader.u64() };
}

function readOutcomes(reader: Reader): Outcomes {
  const { first, count } = readRun(reader);
  const outcome = reader.within(reader.u8(), RequestOutcome.answeredBefore, 'an outcome') as RequestOutcome;
  const entries = outcome === RequestOutcome.done ? count : 0;
  checkBody(reader.bytes, reader.at, reader.end, entries, FRAME_BYTES_MAX);
  const body = reader.rest(FRAME_BYTES_MAX, 'the length of results');
  return { type: 'outcomes', first, count, outcome, body };
}

function readSkipRequest(reader: Reader): SkipRequest {
  const slot = reader.within(reader.u64(), SLOT_HEARD_MAX, 'a slot');
  const ordinal = reader.u32();
  const reason = UTF8.decode(reader.rest(SKIP_REASON_BYTES_MAX, 'the length of a reason'));
  return { type: 'skipRequest', slot, ordinal, reason };
}

function readSkipReply(reader: Reader): SkipReply {
  const outcome = reader.within(reader.u8(), SkipOutcome.unknown, 'the outcome of a skip') as SkipOutcome;
  const sentence = UTF8.decode(reader.rest(SENTENCE_BYTES_MAX, 'the length of a sentence'));
  return { type: 'skipReply', outcome, sentence };
}

function readBackupRequest(reader: Reader): BackupRequest {
  const what = reader.within(reader.u8(), BackupWhat.checkpoint, 'a part of a back-up') as BackupWhat;
  return { type: 'backupRequest', what, at: reader.u64() };
}

function readBackupReply(reader: Reader): BackupReply {
  const isGiven = reader.within(reader.u8(), 1, 'whether a part is given') === 1;
  const bytesMax = isGiven ? FRAME_BYTES_MAX : SENTENCE_BYTES_MAX;
  return { type: 'backupReply', isGiven, body: reader.rest(bytesMax, 'the length of a part') };
}

function readMembersRequest(reader: Reader): MembersRequest {
  const change = decodeChange(reader.rest(CHANGE_BYTES_MAX, 'the length of a configuration'));
  if (change === undefined) throw frameError('no configuration that this program can read');
  return { type: 'membersRequest', change };
}

function readMembersReply(reader: Reader): MembersReply {
  const outcome = reader.within(reader.u8(), MembersOutcome.unknown, 'an outcome') as MembersOutcome;
  const sentence = UTF8.decode(reader.rest(SENTENCE_BYTES_MAX, 'the length of a sentence'));
  return { type: 'membersReply', outcome, sentence };
}

/** A run of at least one request, whose numbers are all safe integers. */
function readRun(reader: Reader): { first: number; count: number } {
  const first = reader.u64();
  const count = reader.u32();
  if (count === 0) throw frameError('a run of no requests');
  if (!Number.isSafeInteger(first + count)) throw frameError('a request number is above 2^53 - 1');
  return { first, count };
}
