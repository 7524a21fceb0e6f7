/** `serve` with the settings in a file, and what it logs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PROGRAM } from './cluster-process.js';

export class ServeProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  readonly lines: string[] = [];
  #wake: () => void = () => {};

  constructor(config: string) {
    this.child = spawn(process.execPath, [PROGRAM, 'serve', '--config', config], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
  }

  async says(text: string, since = 0): Promise<string> {
    for (;;) {
      const found = this.lines.slice(since).find((line) => line.includes(text));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
