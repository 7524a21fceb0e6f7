/** Frames for the tests of the wire: how one is made whole, and how a decoder's finds are listed. */
import { expect } from 'vitest';
import { ErrorCode, IndelibleError } from '../../lib/errors.js';
import type { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import { Writer } from '../../lib/wire/writer.js';

/** The whole frame of `message`, its tail behind it. */
export function frameOf<M>(encode: (writer: Writer, message: M) => Uint8Array | void, message: M): Buffer {
  const writer = new Writer(16);
  const tail = encode(writer, message);
  if (tail !== undefined) writer.append(tail);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

export interface Found {
  readonly version: number;
  readonly kind: number;
  readonly body: Buffer;
}

/** Every frame that is whole by now; bodies are the decoder's own windows. */
export function framesIn(decoder: FrameDecoder): Found[] {
  const found: Found[] = [];
  while (decoder.next()) {
    const { version, kind, bytes, start, end } = decoder;
    found.push({ version, kind, body: bytes.subarray(start, end) });
  }
  return found;
}

/** Runs `decode`, which may only succeed or throw ERR_INDELIBLE_FRAME. */
export function decodesOrRefuses(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(IndelibleError);
    expect((error as IndelibleError).code).toBe(ErrorCode.frame);
  }
}
