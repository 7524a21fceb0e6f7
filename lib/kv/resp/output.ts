/**
 * Bytes on their way to somewhere, growing by doubling: replies to a socket, or commands to the log.
 * 1. bytes[0, length) is what has been written; `take` and `clear` make it empty.
 * 2. A buffer that grew past `keepBytesMax` is given back once it has been emptied.
 */
import type { ResultWriter } from '../../replica/state-machine.js';
import { copyBytes } from './reply.js';

export class Output implements ResultWriter {
  buffer: Buffer;
  length = 0;
  readonly #initialBytes: number;
  readonly #keepBytesMax: number;

  constructor(initialBytes = 4096, keepBytesMax: number = 256 << 10) {
    this.buffer = Buffer.allocUnsafeSlow(initialBytes);
    this.#initialBytes = initialBytes;
    this.#keepBytesMax = keepBytesMax;
  }

  reserve(lengthBytes: number): number {
    const at = this.length;
    const end = at + lengthBytes;
    if (end > this.buffer.length) this.#grow(end);
    this.length = end;
    return at;
  }

  write(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const at = this.reserve(end - start);
    copyBytes(bytes, start, end, this.buffer, at);
  }

  writeText(text: string): void {
    const at = this.reserve(Buffer.byteLength(text));
    this.buffer.write(text, at);
  }

  writeUint32(value: number): void {
    const at = this.reserve(4);
    const buffer = this.buffer;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
  }

  /** Empties it; the bytes stay where they are until something is written. */
  clear(): void {
    this.length = 0;
    if (this.buffer.length > this.#keepBytesMax) this.buffer = Buffer.allocUnsafeSlow(this.#initialBytes);
  }

  /** Gives the bytes away and goes on with a buffer of its own. */
  take(): Buffer {
    const taken = this.buffer.subarray(0, this.length);
    this.buffer = Buffer.allocUnsafeSlow(this.#initialBytes);
    this.length = 0;
    return taken;
  }

  #grow(need: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(need, 2 * this.buffer.length));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}
