/**
 * The lines a replica's process says of itself, on their way to a descriptor that may not take them: its disk
 * is full or stalls, its reader is slow or gone.
 *
 * 1. `write` neither throws nor waits for the descriptor.
 * 2. Lines that cannot be written are lost, and nothing else is. How many is said as soon as others can.
 * 3. At most WAITING_CHARACTERS_MAX wait to be written; what comes on top is lost.
 */
import fs from 'node:fs';

/** UTF-16 code units. */
const WAITING_CHARACTERS_MAX = 1 << 20;

/** Writes some of `bytes`, and calls back with how many. */
export type WriteSome = (
  descriptor: number,
  bytes: Uint8Array,
  done: (error: Error | null, written: number) => void,
) => void;

export class LogLines {
  readonly #descriptor: number;
  readonly #writeSome: WriteSome;
  #waiting: string[] = [];
  #waitingLength = 0;
  #lost = 0;
  #isWriting = false;
  /** Whether what was written last ends within a line. */
  #isTorn = false;

  constructor(descriptor: number, writeSome: WriteSome = fs.write) {
    this.#descriptor = descriptor;
    this.#writeSome = writeSome;
  }

  /** @param line with its line feed */
  write(line: string): void {
    if (this.#waitingLength + line.length > WAITING_CHARACTERS_MAX) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    if (!this.#isWriting) this.#writeWaiting();
  }

  #writeWaiting(): void {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    const lost = this.#lost;
    const before = (this.#isTorn ? '\n' : '') + (lost > 0 ? lostLine(lost) : '');
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#isWriting = true;
    this.#writeRest(Buffer.from(before + lines.join('')), (isWritten) => {
      this.#isWriting = false;
      this.#lost += isWritten ? -lost : lines.length;
      this.#writeWaiting();
    });
  }

  #writeRest(bytes: Uint8Array, done: (isWritten: boolean) => void): void {
    this.#writeSome(this.#descriptor, bytes, (error, written) => {
      if (error !== null || written === 0) {
        done(false);
        return;
      }
      const rest = bytes.subarray(written);
      this.#isTorn = rest.length > 0;
      if (this.#isTorn) this.#writeRest(rest, done);
      else done(true);
    });
  }
}

/** In the form of the log lines around it. */
function lostLine(lost: number): string {
  const time = new Date().toISOString();
  const msg = 'lines that could not be written here are lost';
  return `${JSON.stringify({ level: 40, time, lost, msg })}\n`;
}
