/** SETs of one size, so many under way that something always waits; the same keys again and again. */
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

export interface BulkLoadOptions {
  readonly host: string;
  readonly port: number;
  readonly valueBytes: number;
  readonly keys: number;
  readonly inFlight: number;
}

export class BulkLoad {
  /** Acknowledged since `start`. */
  done = 0;
  readonly #options: BulkLoadOptions;
  readonly #redis: Redis;
  #next = 0;
  #isOver = false;

  constructor(options: BulkLoadOptions) {
    const { host, port } = options;
    this.#options = options;
    this.#redis = new Redis({ host, port, retryStrategy: () => 50, maxRetriesPerRequest: null });
    this.#redis.on('error', () => {});
  }

  start(): void {
    for (let lane = 0; lane < this.#options.inFlight; lane++) void this.#lane();
  }

  stop(): void {
    this.#isOver = true;
    this.#redis.disconnect();
  }

  async #lane(): Promise<void> {
    const { valueBytes, keys } = this.#options;
    const value = Buffer.alloc(valueBytes, 'v');
    while (!this.#isOver) {
      const key = `${valueBytes}:${this.#next++ % keys}`;
      while (!this.#isOver && !(await this.#set(key, value)));
    }
  }

  async #set(key: string, value: Buffer): Promise<boolean> {
    try {
      await this.#redis.set(key, value);
      this.done++;
      return true;
    } catch {
      await pause(20);
      return false;
    }
  }
}
