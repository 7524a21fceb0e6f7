/**
 * The order in which a store's durable writes reach the medium, whatever the medium.
 *
 * 1. One write is outstanding at a time: the next begins only when the one before is durable.
 * 2. Writes begin, and their `done` is called, in the order given.
 * 3. After a failure nothing begins any more: what waits fails too, and so does what comes later.
 *
 * Implementations: {@link SerialQueue}, over any medium's `writeDurable`; FlusherQueue (flusher-queue.ts),
 * on a thread of its own.
 */
import type { Done, MediumFile, Site } from './medium.js';

export interface WriteQueue {
  /** As {@link MediumFile.writeDurable}, once its turn has come. */
  write(file: MediumFile, bytes: Uint8Array, position: number, site: Site, done: Done): void;
  /** Something beside the queue failed: what has not begun fails with `error`, and what comes later too. */
  halt(error: Error): void;
  /** Only when nothing is under way. */
  close(): void;
}

interface Waiting {
  readonly file: MediumFile;
  readonly bytes: Uint8Array;
  readonly position: number;
  readonly site: Site;
  readonly done: Done;
}

/** Hands a write to its file when the one before has reported. */
export class SerialQueue implements WriteQueue {
  readonly #waiting: Waiting[] = [];
  #busy = false;
  #failure: Error | undefined;

  write(file: MediumFile, bytes: Uint8Array, position: number, site: Site, done: Done): void {
    this.#waiting.push({ file, bytes, position, site, done });
    if (!this.#busy) this.#next();
  }

  halt(error: Error): void {
    this.#failure ??= error;
  }

  close(): void {}

  /** The next write begins before the owner hears of the one before, so that the device does not wait. */
  #next(): void {
    const job = this.#waiting.shift();
    this.#busy = job !== undefined;
    if (!job) return;
    const ended: Done = (error) => {
      if (error) this.#failure ??= error;
      this.#next();
      job.done(error);
    };
    if (this.#failure) queueMicrotask(() => ended(this.#failure));
    else job.file.writeDurable(job.bytes, job.position, job.site, ended);
  }
}
