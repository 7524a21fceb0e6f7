/**
 * Reads keys back through the library, as linearizable queries, and compares every value with what was set.
 * It stops at nothing: what is missing or wrong is counted.
 */
import type { Client } from '../../lib/client/client.js';
import type { Requester } from '../../lib/replica/service.js';
import { type GetEntry, GetReply } from './keys.js';

/** Queries of one body, and bodies under way. */
const BODY_QUERIES = 512;
const BODIES = 8;

export interface ReadBackCounts {
  /** Keys whose value was as set. */
  readonly equal: number;
  /** Keys that were absent or had another value, and queries without an answer. */
  readonly wrong: number;
}

export class ReadBack implements Requester {
  readonly #client: Client;
  readonly #entry: GetEntry;
  readonly #end: number;
  readonly #skipped: ReadonlySet<number>;
  readonly #reply = new GetReply();
  readonly #body: Buffer;
  readonly #numbers = new Map<number, readonly number[]>();
  #next: number;
  #request = 0;
  #equal = 0;
  #wrong = 0;
  #resolve: (counts: ReadBackCounts) => void = () => {};

  /** Keys `first` … `end − 1`, but for those in `skipped`. */
  constructor(client: Client, entry: GetEntry, first: number, end: number, skipped: ReadonlySet<number>) {
    this.#client = client;
    this.#entry = entry;
    this.#next = first;
    this.#end = end;
    this.#skipped = skipped;
    this.#body = Buffer.alloc(BODY_QUERIES * entry.bytes.length);
  }

  run(): Promise<ReadBackCounts> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#fill();
    });
  }

  outcome(first: number, count: number, outcome: number, results: Uint8Array, start: number): void {
    const bytes = Buffer.from(results.buffer, results.byteOffset, results.length);
    let at = start;
    for (let request = first; request < first + count; request++) {
      const n = this.#take(request);
      if (outcome !== 0) {
        this.#wrong++;
        continue;
      }
      const from = at + 4;
      at = from + bytes.readUInt32LE(at);
      if (this.#reply.holds(n, bytes, from, at)) this.#equal++;
      else this.#wrong++;
    }
    this.#fill();
  }

  drain(): void {
    this.#fill();
  }

  #take(request: number): number {
    const body = Math.floor(request / BODY_QUERIES);
    const numbers = this.#numbers.get(body)!;
    if (request % BODY_QUERIES === numbers.length - 1) this.#numbers.delete(body);
    return numbers[request % BODY_QUERIES]!;
  }

  #fill(): void {
    while (this.#numbers.size < BODIES && this.#next < this.#end) {
      const from = this.#next;
      const numbers: number[] = [];
      for (; this.#next < this.#end && numbers.length < BODY_QUERIES; this.#next++) {
        if (!this.#skipped.has(this.#next)) numbers.push(this.#next);
      }
      if (!this.#ask(numbers)) {
        this.#next = from;
        break;
      }
    }
    this.#client.flush();
    if (this.#next === this.#end && this.#numbers.size === 0) {
      this.#resolve({ equal: this.#equal, wrong: this.#wrong });
    }
  }

  /** False under back-pressure: nothing was asked. */
  #ask(numbers: readonly number[]): boolean {
    if (numbers.length === 0) return true;
    const { bytes } = this.#entry;
    let end = 0;
    for (const n of numbers) {
      this.#entry.number(n);
      this.#body.set(bytes, end);
      end += bytes.length;
    }
    if (!this.#client.query(this, this.#request, numbers.length, this.#body, 0, end)) return false;
    this.#numbers.set(this.#request / BODY_QUERIES, numbers);
    this.#request += BODY_QUERIES;
    return true;
  }
}
