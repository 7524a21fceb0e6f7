/**
 * The bytes of a back-up; docs/format-backup.md has the tables.
 *
 *   header | parts of the log | parts of the checkpoint | footer
 *
 * 1. Everything is covered by a digest: the header by its own, each part by one over its number, its kind,
 *    its length and its bytes, and all of them together, in order, by the footer's chain.
 * 2. A header names a random salt, which begins the chain: no part of another back-up passes.
 * 3. Every length read is bounded before it is used.
 */
import { randomBytes } from 'node:crypto';
import { ErrorCode, IndelibleError } from '../errors.js';
import { FRAME_BYTES_MAX, SLOT_HEARD_MAX } from '../limits.js';
import type { BackupOffer } from '../replica/backup-source.js';
import { PartChain } from '../storage/checkpoint-format.js';
import { digestOf } from '../storage/crc64.js';
import { getU64, putU64, viewOf } from '../storage/file/words.js';

/** What a back-up says of itself: what was offered. Replica 0: it was made of stores that were stopped. */
export type BackupDescription = BackupOffer;

export const PartKind = { log: 1, checkpoint: 2 } as const;
export type PartKind = (typeof PartKind)[keyof typeof PartKind];

/** Most bytes in one part: what one message carries. */
export const PART_BYTES_MAX: number = FRAME_BYTES_MAX;
export const HEADER_BYTES_MAX = 4096;
export const HEADER_FIXED_BYTES = 40;
export const PART_HEAD_BYTES = 16;
/** Bytes a part takes beside what it carries. */
export const PART_FRAME_BYTES: number = PART_HEAD_BYTES + 8;
export const FOOTER_BYTES = 40;

/** "IDLBCKUP" as a little-endian pair of words. */
const MAGIC_LOW = 0x424c_4449;
const MAGIC_HIGH = 0x5055_4b43;
const VERSION = 1;
/** A length no part has: it announces the footer. */
const FOOTER_MARK = 0xffff_ffff;
const CHAIN_MAX = 2 ** 52;

export function invalidBackup(path: string, what: string): IndelibleError {
  return new IndelibleError(ErrorCode.backupInvalid, `${path}: ${what}`, { path });
}

export function encodeHeader(description: BackupDescription): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(description));
  const total = HEADER_FIXED_BYTES + Math.ceil(json.length / 8) * 8 + 8;
  const bytes = new Uint8Array(total);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC_LOW, true);
  view.setUint32(4, MAGIC_HIGH, true);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, total, true);
  view.setUint32(16, json.length, true);
  bytes.set(randomBytes(16), 24);
  bytes.set(json, HEADER_FIXED_BYTES);
  putU64(view, total - 8, digestOf(bytes, 0, total - 8));
  return bytes;
}

/** Length of the header that starts with these bytes. @throws ERR_INDELIBLE_BACKUP_INVALID, _STORE_VERSION */
export function headerLength(bytes: Uint8Array, path: string): number {
  const view = viewOf(bytes);
  if (bytes.length < 16 || view.getUint32(0, true) !== MAGIC_LOW || view.getUint32(4, true) !== MAGIC_HIGH)
    throw invalidBackup(path, 'this is not a back-up');
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    throw new IndelibleError(ErrorCode.storeVersion, `${path}: back-up format ${version}`, { path });
  const total = view.getUint32(12, true);
  if (total < HEADER_FIXED_BYTES + 8 || total > HEADER_BYTES_MAX || total % 8 !== 0)
    throw invalidBackup(path, 'the header has an impossible length');
  return total;
}

/** `bytes` is exactly the header. @throws as {@link headerLength} */
export function decodeHeader(
  bytes: Uint8Array,
  path: string,
): { readonly description: BackupDescription; readonly digest: number } {
  const total = headerLength(bytes, path);
  const view = viewOf(bytes);
  if (bytes.length !== total || getU64(view, total - 8) !== digestOf(bytes, 0, total - 8))
    throw invalidBackup(path, 'the header does not have its digest');
  const jsonBytes = view.getUint32(16, true);
  if (jsonBytes > total - 8 - HEADER_FIXED_BYTES) throw invalidBackup(path, 'the header contradicts itself');
  const json = bytes.subarray(HEADER_FIXED_BYTES, HEADER_FIXED_BYTES + jsonBytes);
  return { description: parseDescription(json, path), digest: getU64(view, total - 8) };
}

/** What another process says of a back-up has the right shape, or is refused. */
export function parseDescription(json: Uint8Array, path: string): BackupDescription {
  let said: Partial<BackupDescription> | null;
  try {
    said = JSON.parse(new TextDecoder().decode(json)) as Partial<BackupDescription> | null;
  } catch {
    throw invalidBackup(path, 'its description is not JSON');
  }
  const isWithin = (value: unknown, max: number): boolean =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
  const good =
    /^[0-9a-f]{32}$/.test(String(said?.clusterId)) &&
    isWithin(said?.replicaId, 0xffff) &&
    isWithin(said?.throughSlot, SLOT_HEARD_MAX) &&
    isWithin(said?.checkpointThrough, said?.throughSlot ?? 0) &&
    isWithin(said?.checkpointChain, CHAIN_MAX) &&
    isWithin(said?.chain, CHAIN_MAX) &&
    isWithin(said?.checkpointBytes, Number.MAX_SAFE_INTEGER) &&
    isWithin(said?.takenMs, Number.MAX_SAFE_INTEGER);
  if (!good) throw invalidBackup(path, 'its description is none of a back-up');
  return said as BackupDescription;
}

/** One part as it lies in the file. */
export function encodePart(kind: PartKind, number: number, bytes: Uint8Array): Uint8Array {
  const part = new Uint8Array(bytes.length + PART_FRAME_BYTES);
  const view = viewOf(part);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, number, true);
  view.setUint32(8, kind, true);
  part.set(bytes, PART_HEAD_BYTES);
  putU64(view, part.length - 8, digestOf(part, 0, part.length - 8));
  return part;
}

export type PartHead = { readonly footer: true } | { readonly footer: false; readonly lengthBytes: number };

/** What starts with these bytes, at the place of part `number`. @throws ERR_INDELIBLE_BACKUP_INVALID */
export function partHead(bytes: Uint8Array, number: number, path: string): PartHead {
  const view = viewOf(bytes);
  if (bytes.length < PART_HEAD_BYTES) throw invalidBackup(path, `it ends where part ${number} should be`);
  const lengthBytes = view.getUint32(0, true);
  if (view.getUint32(4, true) !== number) throw invalidBackup(path, `part ${number} is not in its place`);
  if (lengthBytes === FOOTER_MARK) return { footer: true };
  if (lengthBytes === 0 || lengthBytes > PART_BYTES_MAX)
    throw invalidBackup(path, `part ${number} has an impossible length`);
  return { footer: false, lengthBytes };
}

/** A whole part, checked. @throws ERR_INDELIBLE_BACKUP_INVALID */
export function decodePart(
  part: Uint8Array,
  number: number,
  path: string,
): { readonly kind: PartKind; readonly bytes: Uint8Array; readonly digest: number } {
  const view = viewOf(part);
  const digest = getU64(view, part.length - 8);
  if (digest !== digestOf(part, 0, part.length - 8))
    throw invalidBackup(path, `part ${number} does not have its digest`);
  const kind = view.getUint32(8, true);
  if (kind !== PartKind.log && kind !== PartKind.checkpoint)
    throw invalidBackup(path, `part ${number} is of a kind that this program does not know`);
  return { kind, bytes: part.subarray(PART_HEAD_BYTES, part.length - 8), digest };
}

/** The digest at the end of a header or part. */
export function digestAtEnd(bytes: Uint8Array): number {
  return getU64(viewOf(bytes), bytes.length - 8);
}

export function newChain(headerDigest: number): PartChain {
  const chain = new PartChain();
  chain.add(headerDigest);
  return chain;
}

/** @param lengthBytes of everything before the footer */
export function encodeFooter(parts: number, lengthBytes: number, chain: number): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, FOOTER_MARK, true);
  view.setUint32(4, parts, true);
  putU64(view, 8, lengthBytes);
  putU64(view, 16, chain);
  putU64(view, FOOTER_BYTES - 8, digestOf(bytes, 0, FOOTER_BYTES - 8));
  return bytes;
}

export function checkFooter(bytes: Uint8Array, lengthBytes: number, chain: number, path: string): void {
  const view = viewOf(bytes);
  const good =
    bytes.length === FOOTER_BYTES &&
    getU64(view, FOOTER_BYTES - 8) === digestOf(bytes, 0, FOOTER_BYTES - 8) &&
    getU64(view, 8) === lengthBytes &&
    getU64(view, 16) === chain;
  if (!good) throw invalidBackup(path, 'the footer does not close what stands before it');
}
