/**
 * A load of real clients: ioredis, one client a port, each word a SET, each acknowledged key on a line of a
 * file before it counts.
 *
 * 1. A key is in the file only if its SET was answered with OK.
 * 2. What was answered with an error, or not at all, is asked again: SET of the same value may be repeated.
 * 3. Beside it a counter is incremented, each increment sent once: its end lies between those acknowledged
 *    and those acknowledged or unknown.
 */
import fs from 'node:fs';
import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { retried } from './retried.js';

export interface LoaderOptions {
  readonly ports: readonly number[];
  readonly words: readonly string[];
  /** Where acknowledged keys go, one a line; appended to. */
  readonly file: string;
  /** Commands that each client keeps under way. */
  readonly inFlight: number;
  /** Keys repeat after this many; by default every key is new. */
  readonly keysMax?: number;
  readonly valueBytes?: number;
}

const COUNTER = 'loader:counter';

/** What a key holds: derived from it, so that the file of keys suffices to check values. */
export function valueFor(key: string, bytes = 0): string {
  return `of ${key} `.padEnd(bytes, '.');
}

export class Loader {
  acknowledged = 0;
  readonly counter: { sent: number; done: number; notExecuted: number } = {
    sent: 0,
    done: 0,
    notExecuted: 0,
  };
  /** Error texts by how often they came. */
  readonly refusals: Map<string, number> = new Map<string, number>();
  readonly #options: LoaderOptions;
  readonly #clients: readonly Redis[];
  readonly #file: number;
  #next = 0;
  #stopping = false;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: LoaderOptions) {
    this.#options = options;
    this.#file = fs.openSync(options.file, 'a');
    this.#clients = options.ports.map((port) => client(port));
  }

  /** Writes under way at a time. */
  get width(): number {
    return this.#options.inFlight * this.#clients.length;
  }

  start(): void {
    const { inFlight } = this.#options;
    const lanes = this.#clients.flatMap((redis) => Array.from({ length: inFlight }, () => this.#lane(redis)));
    const counters = this.#clients.map((redis) => this.#count(redis.options.port!));
    this.#work = Promise.all([...lanes, ...counters]);
  }

  /** Resolves when `more` keys have been acknowledged since the call. */
  async advanced(more: number, diagnose: () => Promise<string>): Promise<void> {
    const target = this.acknowledged + more;
    await eventually(
      `${more} more writes are acknowledged`,
      () => this.acknowledged >= target || undefined,
      async () => `${this.acknowledged} of ${target}; ${this.summary()}\n${await diagnose()}`,
    );
  }

  /** Resolves when nothing is under way any more. */
  async stop(diagnose: () => Promise<string>): Promise<void> {
    this.#stopping = true;
    let over = false;
    const ended = this.#work.then(() => {
      over = true;
    });
    await eventually(
      'every command of the loader has its outcome',
      () => over || undefined,
      async () => `${this.summary()}\n${await diagnose()}`,
    );
    await ended;
    fs.closeSync(this.#file);
    for (const redis of this.#clients) redis.disconnect();
  }

  summary(): string {
    const { sent, done, notExecuted } = this.counter;
    const texts = [...this.refusals].map(([text, count]) => `${count} × ${text}`);
    return (
      `${this.acknowledged} writes acknowledged; ${sent} increments sent, ${done} acknowledged, ` +
      `${notExecuted} not executed; refusals: ${texts.join('; ') || 'none'}`
    );
  }

  /** @throws unless the counter is what the acknowledgements allow */
  async checkCounter(port: number, before: number): Promise<number> {
    const redis = client(port);
    const value = Number((await retried(() => redis.get(COUNTER))) ?? 0);
    redis.disconnect();
    const { sent, done, notExecuted } = this.counter;
    if (value >= before + done && value <= before + sent - notExecuted) return value;
    throw new Error(`the counter stands at ${value}, from ${before}; ${this.summary()}`);
  }

  async #lane(redis: Redis): Promise<void> {
    const { words, keysMax = Number.POSITIVE_INFINITY, valueBytes } = this.#options;
    while (!this.#stopping) {
      const number = this.#next++ % keysMax;
      const key = `${words[number % words.length]}:${Math.floor(number / words.length)}`;
      const value = valueFor(key, valueBytes);
      while (!(await this.#set(redis, key, value)) && !this.#stopping);
    }
  }

  async #set(redis: Redis, key: string, value: string): Promise<boolean> {
    try {
      await redis.set(key, value);
    } catch (error) {
      this.#refused(error);
      return false;
    }
    fs.writeSync(this.#file, `${key}\n`);
    this.acknowledged++;
    return true;
  }

  /** One increment at a time, on a connection that fails one whose answer is lost instead of repeating it. */
  async #count(port: number): Promise<void> {
    const redis = new Redis({
      port,
      host: '127.0.0.1',
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => 50,
      maxRetriesPerRequest: 0,
    });
    redis.on('error', () => {});
    while (!this.#stopping) {
      this.counter.sent++;
      try {
        await redis.incr(COUNTER);
        this.counter.done++;
      } catch (error) {
        this.#refused(error);
        if ((error as Error).message.startsWith('TRYAGAIN')) this.counter.notExecuted++;
      }
    }
    redis.disconnect();
  }

  #refused(error: unknown): void {
    const { message } = error as Error;
    this.refusals.set(message, (this.refusals.get(message) ?? 0) + 1);
  }
}

/** A client as an application would make it, that does not lose patience. */
function client(port: number): Redis {
  const redis = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => {});
  return redis;
}
