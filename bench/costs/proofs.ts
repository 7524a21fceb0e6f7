/** How many HMACs replicas have made, asked of the counters in them (count-proofs.mjs). */
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 10;

export class Proofs {
  readonly #file: string;
  #lines = 0;

  /** @param file made here; the counters append to it */
  constructor(file: string) {
    this.#file = file;
    writeFileSync(file, '');
  }

  /** What these processes have made since they began, together. */
  async madeBy(pids: readonly number[]): Promise<number> {
    for (const pid of pids) process.kill(pid, 'SIGUSR2');
    this.#lines += pids.length;
    for (;;) {
      const lines = readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
      if (lines.length === this.#lines) {
        return lines.slice(-pids.length).reduce((sum, line) => sum + Number(line), 0);
      }
      await sleep(POLL_MS);
    }
  }
}
