/**
 * The bytes of a checkpoint file; docs/format-file.md has the tables.
 *
 *   header | block 0 | block 1 | … | footer
 *
 * 1. Everything is covered by a digest: the header by its own, each block by one over its number, its length
 *    and its bytes, and all of them together, in order, by the footer's chain. So a block that is missing,
 *    doubled, out of place or out of another checkpoint's file is found.
 * 2. A header names a random `salt`: two files of one checkpoint never pass for each other's parts.
 * 3. Every length read from a file is bounded before it is used.
 */
import { randomBytes } from 'node:crypto';
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Ballot, Configuration, Member, Slot } from '../types.js';
import { digestOf } from './crc64.js';
import { getU64, putU64, viewOf } from './file/words.js';

/** What a checkpoint says about itself. */
export interface CheckpointMeta {
  /** 32 lower-case hex digits. */
  readonly clusterId: string;
  /** Rises with every checkpoint of this replica. */
  readonly checkpointId: number;
  /** The state is that after applying every slot through this one. */
  readonly throughSlot: Slot;
  /** Of slot `throughSlot` + 1. */
  readonly configuration: Configuration;
  /** The ballot above which its ballots are; absent: it is the first configuration. */
  readonly configurationAbove?: Ballot;
  /** The hash chain over the digests of slots 1 … throughSlot (contract 15). */
  readonly chainDigest: number;
  /** The leader's time at `throughSlot`, in milliseconds since 1970. */
  readonly timeMs: number;
  /** The highest ballot at which a batch through `throughSlot` was first proposed; absent: before any. */
  readonly ballot?: Ballot;
  /** The state machine's own digest of its state, where it gives one, and that of the sessions behind it. */
  readonly stateDigest?: string;
  /**
   * So many bytes of the state, its first ones, are the table of sessions, which is no state of the state
   * machine; absent: no session was ever opened.
   */
  readonly sessionBytes?: number;
}

/** Most bytes of state in one block. */
export const BLOCK_BYTES_MAX: number = 64 << 10;

/** Header, with everything in it. */
export const HEADER_BYTES_MAX: number = 64 << 10;

/** Bytes a block takes beside its state: number and length before, digest behind. */
export const BLOCK_FRAME_BYTES = 16;
export const FOOTER_BYTES = 40;

/** "IDLCHKPT" as a little-endian pair of words. */
const MAGIC_LOW = 0x434c_4449;
const MAGIC_HIGH = 0x5450_4b48;
/**
 * The first form, that of a configuration that programs which know only the first would misread, and that
 * with sessions. Each is written only where the one before cannot say what there is to be said.
 */
const FIRST_VERSION = 1;
const CONFIGURED_VERSION = 2;
const SESSIONS_VERSION = 3;
const FIXED_BYTES = 40;
/** A length no block has: it announces the footer. */
const FOOTER_MARK = 0xffff_ffff;

export interface DecodedHeader {
  readonly meta: CheckpointMeta;
  readonly headerBytes: number;
  readonly digest: number;
}

export function invalidCheckpoint(path: string, what: string): IndelibleError {
  return new IndelibleError(ErrorCode.checkpointInvalid, `${path}: ${what}`, { path });
}

export function encodeHeader(meta: CheckpointMeta): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(meta));
  const total = FIXED_BYTES + Math.ceil(json.length / 8) * 8 + 8;
  if (total > HEADER_BYTES_MAX) throw new RangeError('the description of a checkpoint is too long');
  const bytes = new Uint8Array(total);
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC_LOW, true);
  view.setUint32(4, MAGIC_HIGH, true);
  view.setUint32(8, versionOf(meta), true);
  view.setUint32(12, total, true);
  view.setUint32(16, json.length, true);
  bytes.set(randomBytes(16), 24);
  bytes.set(json, FIXED_BYTES);
  putU64(view, total - 8, digestOf(bytes, 0, total - 8));
  return bytes;
}

/**
 * Length of the header that starts with these bytes (at least 16 of them). @throws checkpointInvalid,
 * storeVersion
 */
export function headerLength(bytes: Uint8Array, path: string): number {
  const view = viewOf(bytes);
  if (bytes.length < 16 || view.getUint32(0, true) !== MAGIC_LOW || view.getUint32(4, true) !== MAGIC_HIGH) {
    throw invalidCheckpoint(path, 'this is not a checkpoint');
  }
  const version = view.getUint32(8, true);
  if (version < FIRST_VERSION || version > SESSIONS_VERSION) {
    throw new IndelibleError(ErrorCode.storeVersion, `${path}: checkpoint format ${version}`, { path });
  }
  const total = view.getUint32(12, true);
  if (total < FIXED_BYTES + 8 || total > HEADER_BYTES_MAX || total % 8 !== 0) {
    throw invalidCheckpoint(path, 'the header has an impossible length');
  }
  return total;
}

/** `bytes` is exactly the header. */
export function decodeHeader(bytes: Uint8Array, path: string): DecodedHeader {
  const total = headerLength(bytes, path);
  const view = viewOf(bytes);
  if (bytes.length !== total || getU64(view, total - 8) !== digestOf(bytes, 0, total - 8)) {
    throw invalidCheckpoint(path, 'the header does not have its digest');
  }
  const jsonBytes = view.getUint32(16, true);
  if (jsonBytes > total - 8 - FIXED_BYTES) throw invalidCheckpoint(path, 'the header contradicts itself');
  const text = new TextDecoder().decode(bytes.subarray(FIXED_BYTES, FIXED_BYTES + jsonBytes));
  return { meta: parseMeta(text, path), headerBytes: total, digest: getU64(view, total - 8) };
}

/** What older programs can read is written as it always was. */
function versionOf({ configuration, configurationAbove, sessionBytes }: CheckpointMeta): number {
  if (sessionBytes !== undefined) return SESSIONS_VERSION;
  const isAsFormatted =
    configurationAbove === undefined && configuration.members.every(({ role }) => role === undefined);
  return isAsFormatted ? FIRST_VERSION : CONFIGURED_VERSION;
}

function isMember(member: Member | undefined): boolean {
  return (
    Number.isSafeInteger(member?.id) &&
    typeof member?.storeUuid === 'string' &&
    (member.role === undefined || member.role === 'learner') &&
    (member.address === undefined || typeof member.address === 'string')
  );
}

/** A header may come from another process: what it says has the right shape, or is refused. */
function parseMeta(text: string, path: string): CheckpointMeta {
  let meta: CheckpointMeta;
  try {
    meta = JSON.parse(text) as CheckpointMeta;
  } catch {
    throw invalidCheckpoint(path, 'its description is not JSON');
  }
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  const good =
    typeof meta === 'object' &&
    meta !== null &&
    typeof meta.clusterId === 'string' &&
    [meta.checkpointId, meta.throughSlot, meta.chainDigest, meta.configuration?.number].every(isCount) &&
    Number.isFinite(meta.timeMs) &&
    (meta.ballot === undefined || isCount(meta.ballot)) &&
    (meta.configurationAbove === undefined || isCount(meta.configurationAbove)) &&
    Array.isArray(meta.configuration.members) &&
    meta.configuration.members.every(isMember) &&
    (meta.configuration.highestId === undefined || isCount(meta.configuration.highestId)) &&
    (meta.stateDigest === undefined || typeof meta.stateDigest === 'string') &&
    (meta.sessionBytes === undefined || isCount(meta.sessionBytes));
  if (!good) throw invalidCheckpoint(path, 'its description is none of a checkpoint');
  return meta;
}

/** Closes the block whose `lengthBytes` of state start at block[8]; returns its bytes on the medium. */
export function sealBlock(block: Uint8Array, number: number, lengthBytes: number): Uint8Array {
  const view = viewOf(block);
  view.setUint32(0, lengthBytes, true);
  view.setUint32(4, number, true);
  putU64(view, 8 + lengthBytes, digestOf(block, 0, 8 + lengthBytes));
  return block.subarray(0, lengthBytes + BLOCK_FRAME_BYTES);
}

export type BlockHead = { readonly footer: true } | { readonly footer: false; readonly lengthBytes: number };

/** What starts with these 8 bytes, at the place of block `number`. */
export function blockHead(bytes: Uint8Array, number: number, path: string): BlockHead {
  const view = viewOf(bytes);
  if (bytes.length < 8) throw invalidCheckpoint(path, `it ends where block ${number} should be`);
  const lengthBytes = view.getUint32(0, true);
  if (view.getUint32(4, true) !== number)
    throw invalidCheckpoint(path, `block ${number} is not in its place`);
  if (lengthBytes === FOOTER_MARK) return { footer: true };
  if (lengthBytes === 0 || lengthBytes > BLOCK_BYTES_MAX) {
    throw invalidCheckpoint(path, `block ${number} has an impossible length`);
  }
  return { footer: false, lengthBytes };
}

/** Checks a whole block and returns its digest. */
export function checkBlock(bytes: Uint8Array, number: number, path: string): number {
  const end = bytes.length - 8;
  const digest = getU64(viewOf(bytes), end);
  if (digest !== digestOf(bytes, 0, end)) {
    throw invalidCheckpoint(path, `block ${number} does not have its digest`);
  }
  return digest;
}

/** Folds the digest of one more part into the chain the footer closes. */
export class PartChain {
  readonly #pair = new Uint8Array(16);
  readonly #view: DataView = viewOf(this.#pair);
  #value = 0;

  get value(): number {
    return this.#value;
  }

  add(digest: number): void {
    putU64(this.#view, 0, this.#value);
    putU64(this.#view, 8, digest);
    this.#value = digestOf(this.#pair, 0, 16);
  }
}

export function encodeFooter(blocks: number, stateBytes: number, chain: number): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, FOOTER_MARK, true);
  view.setUint32(4, blocks, true);
  putU64(view, 8, stateBytes);
  putU64(view, 16, chain);
  putU64(view, FOOTER_BYTES - 8, digestOf(bytes, 0, FOOTER_BYTES - 8));
  return bytes;
}

export function checkFooter(bytes: Uint8Array, stateBytes: number, chain: number, path: string): void {
  const view = viewOf(bytes);
  const good =
    bytes.length === FOOTER_BYTES &&
    getU64(view, FOOTER_BYTES - 8) === digestOf(bytes, 0, FOOTER_BYTES - 8) &&
    getU64(view, 8) === stateBytes &&
    getU64(view, 16) === chain;
  if (!good) throw invalidCheckpoint(path, 'the footer does not close what stands before it');
}
