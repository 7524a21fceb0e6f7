/**
 * The bytes of a commands batch: what a slot carries, what travels in an accept, and what the log keeps.
 * Those of version 2 hold no commands but the record of a skip (skip-record.ts), behind the same stamp; those
 * of version 3 say behind the commands whose they are (sessions/session-runs.ts).
 *
 * ```
 * +0   u32  version (1 or 3)     +4   u32  number of commands, no more than the bytes can hold
 * +8   f64  time, ms since 1970 (0 … 2⁴³)  +16  f64  ballot it was first proposed at
 * +24  f64  sequence number within that ballot
 * +32  per command: u32 length, then that many bytes
 * ```
 * All little-endian. (ballot, sequence) makes every batch unlike every other, so that equal digests mean the
 * same proposal, whoever proposed it again.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { TIME_MS_MAX } from '../limits.js';
import type { Ballot } from '../types.js';

export const BATCH_VERSION = 1;
export const SESSIONS_VERSION = 3;
export const BATCH_HEADER_BYTES = 32;
export const COMMAND_HEADER_BYTES = 4;

/** When a batch was proposed, and which one it is. */
export interface BatchStamp {
  readonly timeMs: number;
  readonly ballot: Ballot;
  readonly sequence: number;
}

export interface BatchHeader extends BatchStamp {
  readonly count: number;
}

export function writeBatchHeader(batch: Buffer, header: BatchHeader, version: number = BATCH_VERSION): void {
  batch.writeUInt32LE(version, 0);
  batch.writeUInt32LE(header.count, 4);
  writeStamp(batch, header);
}

/** Whether it says of its commands whose they are. */
export function isOfSessions(bytes: Uint8Array): boolean {
  return bytes.length >= BATCH_HEADER_BYTES && readWord(bytes, 0) === SESSIONS_VERSION;
}

/** @throws ERR_INDELIBLE_STORE_CORRUPT for bytes that no replica of this version proposes. */
export function readBatchHeader(bytes: Uint8Array): BatchHeader {
  const stamp = readStamp(bytes, isOfSessions(bytes) ? SESSIONS_VERSION : BATCH_VERSION);
  const count = readWord(bytes, 4);
  if (count > (bytes.length - BATCH_HEADER_BYTES) / COMMAND_HEADER_BYTES) {
    throw malformed(`a batch of ${bytes.length} bytes cannot hold ${count} commands`);
  }
  return { count, ...stamp };
}

export function writeStamp(batch: Buffer, { timeMs, ballot, sequence }: BatchStamp): void {
  batch.writeDoubleLE(timeMs, 8);
  batch.writeDoubleLE(ballot, 16);
  batch.writeDoubleLE(sequence, 24);
}

/** @throws ERR_INDELIBLE_STORE_CORRUPT for a batch of another version, or one without a sound stamp. */
export function readStamp(bytes: Uint8Array, version: number): BatchStamp {
  if (bytes.length < BATCH_HEADER_BYTES) throw malformed(`a batch of ${bytes.length} bytes has no header`);
  const found = readWord(bytes, 0);
  if (found !== version) throw malformed(`batch version ${found} is not known to this program`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const timeMs = view.getFloat64(8, true);
  const ballot = view.getFloat64(16, true);
  const sequence = view.getFloat64(24, true);
  if (!(timeMs >= 0 && timeMs <= TIME_MS_MAX))
    throw malformed(`a batch is stamped ${timeMs}, which is no time`);
  if (!isCount(ballot) || !isCount(sequence)) {
    throw malformed(`a batch is numbered ${sequence} at ballot ${ballot}, which is no number`);
  }
  return { timeMs, ballot: ballot as Ballot, sequence };
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** The length of the command that starts (with its length) at `at`, bounded by `end`. */
export function commandLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + COMMAND_HEADER_BYTES > end) throw malformed('a batch ends inside a command’s length');
  const length = readWord(bytes, at);
  if (length > end - at - COMMAND_HEADER_BYTES) throw malformed('a batch ends inside a command');
  return length;
}

export function readWord(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function malformed(sentence: string): IndelibleError {
  return new IndelibleError(ErrorCode.storeCorrupt, sentence);
}
