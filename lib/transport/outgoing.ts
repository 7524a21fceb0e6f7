/**
 * What waits to be written to one socket.
 *
 * 1. Everything waiting leaves in one write: small parts are copied behind one another, a large part that its
 *    owner never changes is sent from where it lies (one writev).
 * 2. Bytes handed to the socket are not touched until the socket is done with them: two buffers take turns.
 */
import { Writer } from '../wire/writer.js';
import type { Socket } from './sockets.js';

const BUFFER_BYTES = 16 << 10;

/** A part at least this long is cheaper to pass on by reference than to copy, in bytes. */
const PASSED_BYTES_MIN = 16 << 10;

/** A part sent from where it lies, behind the first `at` bytes of the buffer. */
interface Passed {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export class Outgoing {
  #filling = new Writer(BUFFER_BYTES);
  #spare: Writer | undefined;
  #writing: Writer | undefined;
  #passed: Passed[] = [];
  #passedBytes = 0;

  /** Bytes waiting, those handed to the socket not counted. */
  get lengthBytes(): number {
    return this.#filling.length + this.#passedBytes;
  }

  /** Whether an earlier write is still in the socket's hands. */
  get busy(): boolean {
    return this.#writing !== undefined;
  }

  /** Appends a copy of bytes[0, length). */
  add(bytes: Uint8Array, length: number): void {
    this.#filling.append(bytes, 0, length);
  }

  /** Appends bytes that nobody will ever change. */
  addUnchanging(bytes: Uint8Array): void {
    if (bytes.length < PASSED_BYTES_MIN) {
      this.#filling.append(bytes);
      return;
    }
    this.#passed.push({ at: this.#filling.length, bytes });
    this.#passedBytes += bytes.length;
  }

  /**
   * Writes everything that waits. `done` is called when the socket has taken it, which may be long after;
   * call {@link written} then.
   */
  writeTo(socket: Socket, done: () => void): void {
    const writer = this.#filling;
    const buffer = writer.bytes;
    this.#writing = writer;
    this.#filling = this.#spare ?? new Writer(BUFFER_BYTES);
    this.#spare = undefined;
    if (this.#passed.length === 0) {
      socket.write(buffer.subarray(0, writer.length), done);
    } else {
      this.#writeParts(socket, buffer, writer.length, done);
    }
    // Nothing left in the socket: the kernel has taken it all during the call, and the buffer is free again.
    if (socket.writableLength === 0) this.written();
  }

  /** The socket is done with what the last {@link writeTo} gave it. */
  written(): void {
    const writer = this.#writing;
    if (writer === undefined) return;
    this.#writing = undefined;
    writer.clear();
    this.#spare = writer;
  }

  #writeParts(socket: Socket, buffer: Buffer, length: number, done: () => void): void {
    const passed = this.#passed;
    this.#passed = [];
    this.#passedBytes = 0;
    const parts: Uint8Array[] = [];
    let from = 0;
    for (const part of passed) {
      if (part.at > from) parts.push(buffer.subarray(from, part.at));
      from = part.at;
      parts.push(part.bytes);
    }
    if (length > from) parts.push(buffer.subarray(from, length));
    const last = parts.pop()!;
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.write(last, done);
    socket.uncork();
  }
}
