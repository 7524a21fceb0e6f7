/**
 * The frame: how one message lies on a socket. Little-endian, 12 bytes of header, then the body:
 *
 *   +0  u32  CRC-32 (zlib's) of every byte of the frame behind this field
 *   +4  u32  length of the frame in bytes, header included
 *   +8  u16  protocol version of the sender
 *   +10 u16  kind (protocol.ts)
 *
 * 1. One frame carries one message; a message may carry many commands, so a CRC is per frame, never per
 *    command.
 * 2. No frame is longer than FRAME_BYTES_MAX; neither side writes or accepts one.
 */
import { argumentError } from '../errors.js';
import { FRAME_BYTES_MAX } from '../limits.js';
import { crc32 } from './crc32.js';
import type { FrameKind } from './protocol.js';
import { PROTOCOL_VERSION } from './protocol.js';
import type { Writer } from './writer.js';

export const FRAME_HEADER_BYTES = 12;

/** Where the length stands, which is where the CRC begins to cover. */
export const FRAME_LENGTH_AT = 4;
export const FRAME_VERSION_AT = 8;
export const FRAME_KIND_AT = 10;

/** No bytes: the tail of a message that has none. */
export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Starts a frame at the end of `writer`. @returns its start, for {@link sealFrame}. */
export function beginFrame(writer: Writer, kind: FrameKind, version: number = PROTOCOL_VERSION): number {
  const start = writer.reserve(FRAME_LENGTH_AT + 4);
  writer.u16(version);
  writer.u16(kind);
  return start;
}

/**
 * Ends the frame begun at `start`: fills in its length and CRC. `tail` is the last part of the body where
 * that is not in the writer; whoever sends the frame sends it right behind the writer's bytes.
 * @throws RangeError when the frame would be longer than FRAME_BYTES_MAX.
 */
export function sealFrame(writer: Writer, start: number, tail: Uint8Array = NO_BYTES): void {
  const length = writer.length - start + tail.length;
  if (length > FRAME_BYTES_MAX) {
    writer.length = start;
    throw argumentError(`a frame of ${length} bytes is longer than ${FRAME_BYTES_MAX}`);
  }
  writer.setU32(start + FRAME_LENGTH_AT, length);
  const head = crc32(writer.bytes, start + FRAME_LENGTH_AT, writer.length);
  writer.setU32(start, crc32(tail, 0, tail.length, head));
}
