/**
 * The two objects a state machine sees, reused for every command: a window over the batch, and the buffer its
 * results are written to, as a body (replica/service.ts).
 */
import { argumentError } from '../errors.js';
import { NO_BALLOT } from '../paxos/ballot.js';
import type { Ballot, Slot } from '../types.js';
import { COMMAND_HEADER_BYTES } from './batch.js';
import { copied } from './copied.js';
import type { CommandView, ResultWriter } from './state-machine.js';

const UTF8 = new TextDecoder();
const NOTHING = new Uint8Array(0);
const RESULTS_BYTES_MIN = 64 << 10;

/**
 * Results of this many bytes are handed over, whoever else's would come with them: requests are small,
 * results not.
 */
export const RESULTS_BYTES_MAX: number = 1 << 20;

export class CommandCursor implements CommandView {
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;
  slot: Slot = 0;
  ballot: Ballot = NO_BALLOT;
  ordinal = 0;
  timeMs = 0;

  copy(): Uint8Array {
    return copied(this.bytes, this.start, this.end);
  }

  text(): string {
    return UTF8.decode(this.bytes.subarray(this.start, this.end));
  }
}

export class ResultBuffer implements ResultWriter {
  buffer: Buffer = Buffer.allocUnsafeSlow(RESULTS_BYTES_MIN);
  /** Where the next result's length goes, or, inside a result, where its next byte goes. */
  end = 0;
  private lengthAt = 0;
  /** Between `open` and the end of that result: what is written at any other time is nobody's. */
  private isOpen = false;

  clear(): void {
    this.end = 0;
  }

  /** Opens the next result. */
  open(): void {
    this.isOpen = true;
    this.lengthAt = this.end;
    this.reserve(COMMAND_HEADER_BYTES);
  }

  /** Closes it: what was reserved since is the result. */
  seal(): void {
    this.isOpen = false;
    this.buffer.writeUInt32LE(this.end - this.lengthAt - COMMAND_HEADER_BYTES, this.lengthAt);
  }

  /** Forgets the result that was opened last. */
  discard(): void {
    this.isOpen = false;
    this.end = this.lengthAt;
  }

  reserve(lengthBytes: number): number {
    if (!(lengthBytes >= 0)) throw argumentError(`a result of ${lengthBytes} bytes`);
    if (!this.isOpen)
      throw argumentError(
        'a result can only be written during the call of execute or query that it belongs to',
      );
    const at = this.end;
    const end = at + lengthBytes;
    if (end > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, this.buffer.length * 2));
      this.buffer.copy(grown, 0, 0, at);
      this.buffer = grown;
    }
    this.end = end;
    return at;
  }

  write(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const at = this.reserve(end - start);
    this.buffer.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
  }

  writeText(text: string): void {
    const at = this.reserve(Buffer.byteLength(text));
    this.buffer.write(text, at);
  }
}
