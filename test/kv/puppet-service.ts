/**
 * A service whose every move a test makes: it takes or refuses, answers so many requests with an outcome, and
 * keeps to the contract of `Service` otherwise. It knows what it owes, so that a test can ask who will wake
 * somebody that waits.
 */
import { expect } from 'vitest';
import { Outcome, type Requester, type Service } from '../../lib/replica/service.js';

export interface Asked {
  query: boolean;
  first: number;
  /** The requests, each as its bytes. */
  words: string[];
}

export class Puppet implements Service {
  asked: Asked[] = [];
  refuse = false;
  /** A requester was refused and not told yet that there is room: it is owed a `drain`. */
  owesDrain = false;
  /** Answers to queries wait until the requester, which was full, calls `flush`. */
  holdsQueries = false;
  /** What is answered for a request that is done. */
  reply: (word: string) => string = (word) => word;
  /** Told of each request that gets another outcome, not declined ones. */
  lost: (word: string, outcome: Outcome) => void = () => {};
  requester: Requester | undefined = undefined;

  submit(r: Requester, first: number, count: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#take(r, false, first, count, Buffer.from(bytes.subarray(start, end)));
  }

  query(r: Requester, first: number, count: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.#take(r, true, first, count, Buffer.from(bytes.subarray(start, end)));
  }

  abandon(): void {
    this.asked = [];
    this.owesDrain = false;
  }

  flush(): void {
    this.holdsQueries = false;
  }

  drain(): void {
    this.refuse = false;
    if (!this.owesDrain) return;
    this.owesDrain = false;
    this.requester?.drain();
  }

  /**
   * Gives the first `count` requests asked the outcome, all in one call as far as they are of a kind,
   * whichever runs they came in. Answers to queries wait for a requester that is full.
   */
  answer(count: number, outcome: Outcome, mark = ''): void {
    const head = this.asked[0];
    const { requester } = this;
    if (head === undefined || requester === undefined) return;
    const { first, query } = head;
    if (query && requester.isFull === true) this.holdsQueries = true;
    if (query && this.holdsQueries) return;
    const words: string[] = [];
    for (;;) {
      const next = this.asked[0];
      if (words.length === count || next?.query !== query || next.first !== first + words.length) break;
      const part = next.words.splice(0, count - words.length);
      words.push(...part);
      next.first += part.length;
      if (next.words.length === 0) this.asked.shift();
    }
    // Only queries are declined; and of a query the puppet cannot know whether it has been sent again.
    const given = (outcome === Outcome.declined) === query ? outcome : Outcome.done;
    const isDone = given === Outcome.done;
    const results = isDone ? body(words.map((word) => this.reply(word) + mark)) : Buffer.alloc(0);
    if (!isDone && given !== Outcome.declined) for (const word of words) this.lost(word, given);
    requester.outcome(first, words.length, given, results, 0, results.length);
  }

  #take(requester: Requester, query: boolean, first: number, count: number, bytes: Buffer): boolean {
    this.requester = requester;
    if (this.refuse) {
      this.owesDrain = true;
      return false;
    }
    const words = wordsOf(bytes);
    expect(words).toHaveLength(count);
    this.asked.push({ query, first, words });
    return true;
  }
}

export function body(words: readonly string[]): Buffer {
  return Buffer.concat(
    words.map((word) => {
      const bytes = Buffer.alloc(4 + word.length);
      bytes.writeUInt32LE(word.length);
      bytes.write(word, 4, 'latin1');
      return bytes;
    }),
  );
}

function wordsOf(bytes: Buffer): string[] {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    words.push(bytes.toString('latin1', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return words;
}
