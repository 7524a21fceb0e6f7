/**
 * A closed loop over the batch form: `inFlight` commands are outstanding at all times, each submitted by
 * itself and each with an outcome of its own; where one is answered, the next one takes its place.
 *
 * 1. A latency runs from before the command is submitted until its outcome has been read.
 * 2. Every outcome is counted, and every result looked at; nothing is assumed of a run but its length.
 * 3. What was not answered `done` is remembered, so that the read-back asks for exactly what was promised.
 */
import type { RecordableHistogram } from 'node:perf_hooks';
import type { Client } from '../../lib/client/client.js';
import type { Requester } from '../../lib/replica/service.js';
import { isSetReply, type SetEntry } from './keys.js';

/** Outcomes by their number in lib/replica/service.ts: done, not executed, unknown, declined. */
export type OutcomeCounts = [number, number, number, number];

export class ClosedLoop implements Requester {
  /** Latencies in nanoseconds go here while it is set. */
  histogram: RecordableHistogram | undefined;
  outcomes: OutcomeCounts = [0, 0, 0, 0];
  /** Replies that were no OK. */
  refusals = 0;
  /** Keys that may not be there, by number. */
  readonly unsure: Set<number> = new Set();
  readonly #client: Client;
  readonly #entry: SetEntry;
  readonly #inFlight: number;
  readonly #submittedAt: Float64Array;
  #next: number;
  #answered: number;
  #open = true;
  #flushScheduled = false;
  #drained: (() => void) | undefined;

  /** @param first number of the first key; the rest follow it. */
  constructor(client: Client, entry: SetEntry, inFlight: number, first: number) {
    this.#client = client;
    this.#entry = entry;
    this.#inFlight = inFlight;
    this.#submittedAt = new Float64Array(inFlight);
    this.#next = first;
    this.#answered = first;
  }

  /** The number of the next key. */
  get next(): number {
    return this.#next;
  }

  start(): void {
    this.#fill();
  }

  /** Submits no more; resolves when everything is answered. */
  finish(): Promise<void> {
    this.#open = false;
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#conclude();
    });
  }

  outcome(
    first: number,
    count: number,
    outcome: 0 | 1 | 2 | 3,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { histogram } = this;
    const submittedAt = this.#submittedAt;
    const inFlight = this.#inFlight;
    const now = performance.now();
    this.outcomes[outcome] += count;
    this.#answered += count;
    let at = start;
    for (let n = first; n < first + count; n++) {
      if (histogram !== undefined) {
        histogram.record(Math.max(1, Math.round((now - submittedAt[n % inFlight]!) * 1e6)));
      }
      if (outcome === 0) {
        const from = at + 4;
        at =
          from +
          (results[at]! | (results[at + 1]! << 8) | (results[at + 2]! << 16) | (results[at + 3]! << 24));
        if (isSetReply(results, from, at)) continue;
        this.refusals++;
      }
      this.unsure.add(n);
    }
    if (outcome === 0 && at !== end) throw new Error('results do not fill their run');
    this.#fill();
    this.#conclude();
  }

  drain(): void {
    this.#fill();
  }

  #fill(): void {
    if (!this.#open) return;
    const { bytes } = this.#entry;
    const now = performance.now();
    const end = this.#answered + this.#inFlight;
    while (this.#next < end) {
      this.#entry.number(this.#next);
      this.#submittedAt[this.#next % this.#inFlight] = now;
      if (!this.#client.submit(this, this.#next, 1, bytes, 0, bytes.length)) break;
      this.#next++;
    }
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(this.#flush);
  }

  /** Once for everything that was answered together. */
  readonly #flush = (): void => {
    this.#flushScheduled = false;
    this.#client.flush();
  };

  #conclude(): void {
    if (!this.#open && this.#answered === this.#next) this.#drained?.();
  }
}
