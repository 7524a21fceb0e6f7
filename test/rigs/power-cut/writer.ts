/** The writer program as the rig sees it: a process and the lines it told. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { WriterLine } from '../writer-lines.js';
import type { StoreKind } from './small-store.js';

export class Writer {
  readonly ended: Promise<void>;
  /** Why the store stopped; undefined while it has not. */
  failure: WriterLine | undefined;
  hasEnded = false;
  /** What it said on stderr. */
  problems = '';
  readonly #child: ChildProcess;

  constructor(
    programs: string,
    directory: string,
    seed: number,
    hear: (line: WriterLine) => void,
    kind: StoreKind = 'file',
  ) {
    const program = path.join(programs, 'writer-program.js');
    this.#child = spawn(process.execPath, [program, directory, String(seed), kind], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines = createInterface({ input: this.#child.stdout! });
    lines.on('line', (text) => {
      const line = parse(text);
      if (line === undefined) return;
      if (line.failed !== undefined) this.failure = line;
      hear(line);
    });
    this.#child.stderr!.on('data', (text) => {
      this.problems += String(text);
    });
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    const read = new Promise<void>((resolve) => lines.once('close', () => resolve()));
    this.ended = Promise.all([closed, read]).then(() => {
      this.hasEnded = true;
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** The last line of a killed writer may be half a line: then it was not told. */
function parse(text: string): WriterLine | undefined {
  try {
    return JSON.parse(text) as WriterLine;
  } catch {
    return undefined;
  }
}
