/** Where a command's words go; tests put their own in place. */
import fs from 'node:fs';

export interface Output {
  /** A line of the result, or of progress. */
  line(text: string): void;
  /** A line about a failure. */
  problem(text: string): void;
  /** Whether somebody watches: colours, and lines that are rewritten. */
  readonly isTerminal: boolean;
}

/** Milliseconds between two tries of a descriptor that is full for now. */
const FULL_MS = 5;

/**
 * Writes to a descriptor, all of it before it returns. What cannot be written is lost, and nothing else is: a
 * cluster does not end with the room for what it says.
 */
export class DescriptorWriter {
  readonly #descriptor: number;
  readonly #waiting = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  /** Why something was lost, first. A reader that went away had all it wanted. */
  failure: NodeJS.ErrnoException | undefined;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(text: string): void {
    let rest = Buffer.from(text);
    while (rest.length > 0) {
      try {
        rest = rest.subarray(fs.writeSync(this.#descriptor, rest));
      } catch (error) {
        const failure = error as NodeJS.ErrnoException;
        if (failure.code !== 'EAGAIN') {
          if (failure.code !== 'EPIPE') this.failure ??= failure;
          return;
        }
        Atomics.wait(this.#waiting, 0, 0, FULL_MS);
      }
    }
  }
}

const standardOutput = new DescriptorWriter(1);
const standardError = new DescriptorWriter(2);

export const STANDARD_OUTPUT: Output = {
  line: (text) => standardOutput.write(`${text}\n`),
  problem: (text) => standardError.write(`${text}\n`),
  isTerminal: process.stdout.isTTY === true,
};

/** Why some of what was said on standard output is not there; undefined if all is. */
export function whatWasLost(): string | undefined {
  return standardOutput.failure?.message;
}

/** Rows as columns: every column as wide as its widest cell, numbers to the right. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumeric = head.map((_, column) => rows.every((row) => /^[\d.,]*$/.test(row[column] ?? '')));
  const pad = (cell: string, column: number): string =>
    isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return all.map((row) => row.map(pad).join('  ').trimEnd());
}
