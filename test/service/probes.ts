/**
 * Whether a cluster serves at this moment, asked again and again: a small write at every beat through each of
 * some replicas, whether earlier ones were answered or not.
 *
 * 1. One connection carries one command at a time, so that one without an answer holds up no other.
 * 2. What counts is a write that was acknowledged, and the beat at which it was, of each replica by itself.
 * 3. Time is counted in beats of this process, which does not catch up on those that it missed. A machine
 *    without a processor to spare slows it down as it does the replicas, whose timeouts are counted so too.
 */
import { Redis } from 'ioredis';

export const BEAT_MS = 10;

/** Where a replica's clients connect. */
export type RedisOf = (id: number) => { readonly host: string; readonly port: number };

export class Probes {
  /** Keys that were acknowledged; each holds its own name. */
  readonly keys: string[] = [];
  /** Error texts by how often they came, and the longest that one took, by replica. */
  readonly refusals: Map<string, number> = new Map();
  readonly #redisOf: RedisOf;
  readonly #free = new Map<number, Redis[]>();
  readonly #all: Redis[] = [];
  #beat = 0;
  /** Of each replica, the last beat at which a write was acknowledged, and the longest pause before one. */
  readonly #pauses = new Map<number, { at: number; longest: number }>();
  #through: readonly number[] = [];
  #number = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(redisOf: RedisOf) {
    this.#redisOf = redisOf;
    this.#timer = setInterval(() => {
      this.#beat++;
      for (const id of this.#through) void this.#write(id);
    }, BEAT_MS);
  }

  /** Asks through these from now on. */
  through(ids: readonly number[]): void {
    this.#through = ids;
    this.begin();
  }

  /** What is told of pauses begins now. */
  begin(): void {
    for (const id of this.#through) this.#pauses.set(id, { at: this.#beat, longest: 0 });
  }

  /** The longest time since `begin` without an acknowledged write through replica `id`, in milliseconds. */
  longestPause(id: number): number {
    const { at, longest } = this.#pauses.get(id)!;
    return BEAT_MS * Math.max(longest, this.#beat - at);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const redis of this.#all) redis.disconnect();
  }

  async #write(id: number): Promise<void> {
    const free = this.#freeOf(id);
    const redis = free.pop() ?? this.#connection(id);
    const key = `probe:${id}:${this.#number++}`;
    try {
      await redis.set(key, key);
      this.keys.push(key);
      const pause = this.#pauses.get(id)!;
      pause.longest = Math.max(pause.longest, this.#beat - pause.at);
      pause.at = this.#beat;
    } catch (error) {
      const { message } = error as Error;
      this.refusals.set(message, (this.refusals.get(message) ?? 0) + 1);
    }
    free.push(redis);
  }

  #freeOf(id: number): Redis[] {
    const free = this.#free.get(id) ?? [];
    this.#free.set(id, free);
    return free;
  }

  #connection(id: number): Redis {
    const redis = new Redis({ ...this.#redisOf(id), retryStrategy: () => 50, maxRetriesPerRequest: 0 });
    redis.on('error', () => {});
    this.#all.push(redis);
    return redis;
  }
}
