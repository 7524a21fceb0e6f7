/**
 * The bytes of a skip: a batch of version 2, which says that one command of an earlier slot, at which the
 * state machine throws, is passed over on every replica.
 *
 * ```
 * +0   u32  version (2)          +4   u32  place of the command within its batch, from 0
 * +8   time, ballot, sequence, as in batch.ts
 * +32  f64  slot of the command, 1 … 2⁵³ − 1
 * +40  why, in UTF-8: 1 … 512 bytes, to the end
 * ```
 * All little-endian.
 */
import { argumentError, argumentTypeError } from '../errors.js';
import { SKIP_REASON_BYTES_MAX } from '../limits.js';
import { type Batch, BatchKind, type Slot } from '../types.js';
import { type BatchStamp, malformed, readStamp, readWord, writeStamp } from './batch.js';

const SKIP_VERSION = 2;
const SKIP_HEADER_BYTES = 40;

/** Places within a batch are numbers of 32 bits. */
const ORDINAL_MAX: number = 2 ** 32 - 1;

/** Which command is skipped, and why, in the words of whoever decided it. */
export interface Skip {
  readonly slot: Slot;
  readonly ordinal: number;
  readonly reason: string;
}

export interface SkipRecord extends Skip, BatchStamp {}

/** @throws TypeError, RangeError with ERR_INDELIBLE_ARGUMENT */
export function checkSkip({ slot, ordinal, reason }: Skip): void {
  if (!Number.isSafeInteger(slot) || slot < 1) throw argumentError(`a slot is 1 or more, not ${slot}`);
  if (!Number.isSafeInteger(ordinal) || ordinal < 0 || ordinal > ORDINAL_MAX) {
    throw argumentError(`a command's place in its slot is 0 or more, not ${ordinal}`);
  }
  if (typeof reason !== 'string') throw argumentTypeError('the reason for a skip is a string');
  const lengthBytes = Buffer.byteLength(reason);
  if (reason.trim() === '') throw argumentError('a skip needs a reason: it stays in the log');
  if (lengthBytes <= SKIP_REASON_BYTES_MAX) return;
  throw argumentError(`a reason of ${lengthBytes} bytes; the limit is ${SKIP_REASON_BYTES_MAX}`);
}

export function isSkipRecord({ kind, bytes }: Pick<Batch, 'kind' | 'bytes'>): boolean {
  return kind === BatchKind.commands && bytes.length >= 4 && readWord(bytes, 0) === SKIP_VERSION;
}

export function writeSkipRecord(record: SkipRecord): Buffer {
  const reason = Buffer.from(record.reason);
  const bytes = Buffer.concat([Buffer.alloc(SKIP_HEADER_BYTES), reason]);
  bytes.writeUInt32LE(SKIP_VERSION, 0);
  bytes.writeUInt32LE(record.ordinal, 4);
  writeStamp(bytes, record);
  bytes.writeDoubleLE(record.slot, 32);
  return bytes;
}

/** @throws ERR_INDELIBLE_STORE_CORRUPT for bytes that no replica of this version proposes. */
export function readSkipRecord(bytes: Uint8Array): SkipRecord {
  const stamp = readStamp(bytes, SKIP_VERSION);
  const reasonBytes = bytes.length - SKIP_HEADER_BYTES;
  if (!(reasonBytes >= 1 && reasonBytes <= SKIP_REASON_BYTES_MAX)) {
    throw malformed(`the record of a skip has ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const slot = view.getFloat64(32, true);
  if (!Number.isSafeInteger(slot) || slot < 1) throw malformed(`slot ${slot} is skipped, which is none`);
  const reason = new TextDecoder().decode(bytes.subarray(SKIP_HEADER_BYTES));
  return { slot, ordinal: readWord(bytes, 4), reason, ...stamp };
}
