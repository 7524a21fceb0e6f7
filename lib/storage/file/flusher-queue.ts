/**
 * A write queue on the addon's flusher thread: the thread begins the next write itself, while JavaScript has
 * yet to hear of the one before. The flusher keeps the invariants of write-queue.ts.
 */
import { Flusher } from '../../native/flusher.js';
import type { Done, MediumFile, Site } from './medium.js';
import type { WriteQueue } from './write-queue.js';

export class FlusherQueue implements WriteQueue {
  readonly #flusher: Flusher;
  readonly #descriptorOf: (file: MediumFile) => number;

  private constructor(flusher: Flusher, descriptorOf: (file: MediumFile) => number) {
    this.#flusher = flusher;
    this.#descriptorOf = descriptorOf;
  }

  /**
   * Undefined where there is no addon.
   * @param descriptorOf the descriptor for durable writes of a file
   */
  static open(descriptorOf: (file: MediumFile) => number): FlusherQueue | undefined {
    const flusher = Flusher.open();
    return flusher && new FlusherQueue(flusher, descriptorOf);
  }

  write(file: MediumFile, bytes: Uint8Array, position: number, _site: Site, done: Done): void {
    this.#flusher.write(this.#descriptorOf(file), bytes, position, done);
  }

  halt(): void {
    this.#flusher.cancel();
  }

  close(): void {
    this.#flusher.close();
  }
}
