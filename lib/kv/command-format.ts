/**
 * A command of the key-value service as it goes into the log, little-endian:
 *
 *   u8 opcode   u8 flags   [u32 memory limit in KiB, if flags has `limited`]
 *   [u8[16] a key for the hashes of the state, if flags has `keyed`]
 *   then each argument: u32 length, bytes
 *
 * 1. The arguments are those of the request behind its name. An EXEC carries instead: u32 number of watched
 *    keys, each as u32 length, bytes, f64 version; then each queued command: u32 length, bytes in this form.
 * 2. The memory limit travels with the command: replicas whose ports are configured differently still agree.
 * 3. The key counts if the state has none, or is emptied while it has but a seed (store/hash-key.ts).
 * 4. Opcodes and flags are never given another meaning: they lie in logs.
 */
import type { Output } from './resp/output.js';
import { copyBytes } from './resp/reply.js';
import { HASH_KEY_BYTES } from './store/hash-key.js';

export const FLAGS = { resp3: 1, limited: 2, keyed: 4 } as const;
const FLAGS_KNOWN = 7;
const LIMIT_BYTES = 4;

export function readUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Bytes of the head of a command with these flags. */
export function headBytes(flags: number): number {
  const limit = (flags & FLAGS.limited) === 0 ? 0 : LIMIT_BYTES;
  return 2 + limit + ((flags & FLAGS.keyed) === 0 ? 0 : HASH_KEY_BYTES);
}

/** Begins a command; returns where its own length is to be put by {@link endCommand}. */
export function beginCommand(
  out: Output,
  opcode: number,
  resp3: boolean,
  limitKibibytes: number,
  hashKey?: Uint8Array,
): number {
  let flags = resp3 ? FLAGS.resp3 : 0;
  if (limitKibibytes > 0) flags |= FLAGS.limited;
  if (hashKey !== undefined) flags |= FLAGS.keyed;
  const at = out.reserve(4 + headBytes(flags));
  const buffer = out.buffer;
  buffer[at + 4] = opcode;
  buffer[at + 5] = flags;
  if (limitKibibytes > 0) writeUint32(buffer, at + 6, limitKibibytes);
  if (hashKey !== undefined) buffer.set(hashKey, out.length - HASH_KEY_BYTES);
  return at;
}

export function addArgument(out: Output, bytes: Uint8Array, start: number, end: number): void {
  const length = end - start;
  const at = out.reserve(4 + length);
  const buffer = out.buffer;
  writeUint32(buffer, at, length);
  copyBytes(bytes, start, end, buffer, at + 4);
}

/** Puts the command's length before it; returns that length. */
export function endCommand(out: Output, at: number): number {
  const length = out.length - at - 4;
  writeUint32(out.buffer, at, length);
  return length;
}

/** The command under the cursor, its arguments bytes[starts[i], ends[i]). Used again for every command. */
export class CommandReader {
  bytes: Uint8Array = Buffer.alloc(0);
  opcode = 0;
  resp3 = false;
  limitBytes: number = Number.POSITIVE_INFINITY;
  /** Where the key that it brings for the hashes lies, or −1. */
  hashKeyAt = -1;
  argc = 0;
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** Where the arguments begin and end. */
  start = 0;
  end = 0;

  /** Reads the head of the command bytes[start, end). False: it is none. */
  readHead(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < 2) return false;
    const flags = bytes[start + 1]!;
    if (flags > FLAGS_KNOWN) return false;
    this.bytes = bytes;
    this.opcode = bytes[start]!;
    this.resp3 = (flags & FLAGS.resp3) !== 0;
    this.limitBytes = Number.POSITIVE_INFINITY;
    this.hashKeyAt = -1;
    this.argc = 0;
    this.start = start + 2;
    this.end = end;
    if (flags < FLAGS.limited) return true;
    this.start = start + headBytes(flags);
    if (this.start > end) return false;
    if ((flags & FLAGS.limited) !== 0) this.limitBytes = readUint32(bytes, start + 2) * 1024;
    if ((flags & FLAGS.keyed) !== 0) this.hashKeyAt = this.start - HASH_KEY_BYTES;
    return true;
  }

  /** Reads the arguments behind the head. False: they are malformed. */
  readArguments(): boolean {
    const { bytes, starts, ends, end } = this;
    let at = this.start;
    let argc = 0;
    while (at < end) {
      if (end - at < 4) return false;
      const length = readUint32(bytes, at);
      at += 4;
      if (length > end - at) return false;
      starts[argc] = at;
      at += length;
      ends[argc] = at;
      argc++;
    }
    this.argc = argc;
    return true;
  }
}
