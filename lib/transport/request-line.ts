/**
 * Requests under way, in the order sent: which run of whose requests each number of the connection stands
 * for.
 *
 * 1. Requests are answered in the order they were appended; a run of answers may end in the middle of one run
 *    of requests and take in several.
 * 2. Nothing is kept per request: consecutive requests of one requester with about one deadline are one
 *    entry.
 */
import { entriesEnd } from '../wire/body.js';
import type { RequestOutcome } from '../wire/client-messages.js';
import { NO_BYTES } from '../wire/frame.js';
import { frameError } from '../wire/reader.js';

/** Who asked: `Requester` of replica/service.ts, which says what each call means. */
export interface Asker {
  outcome(
    first: number,
    count: number,
    outcome: RequestOutcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void;
  drain(): void;
}

/** Requests of one asker whose deadlines are no further apart, in milliseconds, may be one entry. */
const DEADLINES_APART_MS = 50;

/** Answered entries that may stay in front of the line before it is moved up. */
const ANSWERED_MAX = 256;

export class RequestLine {
  /** Whose; undefined where the asker was forgotten. */
  #askers: (Asker | undefined)[] = [];
  /** Number of the first request of each entry, by the asker's count. */
  #firsts: number[] = [];
  #counts: number[] = [];
  #deadlines: number[] = [];
  /** The oldest entry that is not answered. */
  #head = 0;
  #answeredEnd: number;
  #appendedEnd: number;

  /** @param first number that the connection gives the first request of this line. */
  constructor(first: number) {
    this.#answeredEnd = first;
    this.#appendedEnd = first;
  }

  /** Requests not yet answered. */
  get outstanding(): number {
    return this.#appendedEnd - this.#answeredEnd;
  }

  /** The earliest deadline of what is not answered; Infinity if everything is. */
  get earliestDeadlineMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (let i = this.#head; i < this.#deadlines.length; i++) {
      if (this.#deadlines[i]! < earliest) earliest = this.#deadlines[i]!;
    }
    return earliest;
  }

  /** @returns the connection's number for the first of these requests. */
  append(asker: Asker, first: number, count: number, deadlineMs: number): number {
    const number = this.#appendedEnd;
    this.#appendedEnd += count;
    const last = this.#askers.length - 1;
    const apartMs = deadlineMs - this.#deadlines[last]!;
    const isAlike = !(apartMs < 0 || apartMs > DEADLINES_APART_MS);
    if (last >= this.#head && isAlike && this.#askers[last] === asker && this.#endOf(last) === first) {
      this.#counts[last]! += count;
      return number;
    }
    if (this.#head > ANSWERED_MAX && this.#head * 2 > this.#askers.length) this.#moveUp();
    this.#askers.push(asker);
    this.#firsts.push(first);
    this.#counts.push(count);
    this.#deadlines.push(deadlineMs);
    return number;
  }

  /** @throws ERR_INDELIBLE_FRAME unless requests `first` … `first + count − 1` are the oldest outstanding. */
  check(first: number, count: number): void {
    if (first === this.#answeredEnd && count <= this.outstanding) return;
    throw frameError(`an outcome of ${count} requests from ${first}; ${this.#answeredEnd} is due`);
  }

  /** Hands out the outcome of the `count` oldest requests; the caller has checked that there are as many. */
  answer(count: number, outcome: RequestOutcome, results: Uint8Array, start: number, end: number): void {
    let left = count;
    let at = start;
    while (left > 0) {
      const head = this.#head;
      const taken = Math.min(left, this.#counts[head]!);
      const asker = this.#askers[head];
      const askerFirst = this.#firsts[head]!;
      const takenEnd = taken === left || end === start ? end : entriesEnd(results, at, taken);
      this.#advance(head, taken);
      left -= taken;
      asker?.outcome(askerFirst, taken, outcome, results, at, takenEnd);
      at = takenEnd;
    }
  }

  /** Gives everything outstanding the same outcome; the connection is gone. */
  answerAll(outcome: RequestOutcome): void {
    const { outstanding } = this;
    if (outstanding > 0) this.answer(outstanding, outcome, NO_BYTES, 0, 0);
  }

  /** Drops what `asker` is still owed. */
  forget(asker: Asker): void {
    for (let i = this.#head; i < this.#askers.length; i++) {
      if (this.#askers[i] === asker) this.#askers[i] = undefined;
    }
  }

  #advance(head: number, taken: number): void {
    this.#answeredEnd += taken;
    if (taken === this.#counts[head]) {
      this.#askers[head] = undefined;
      this.#head = head + 1;
    } else {
      this.#firsts[head]! += taken;
      this.#counts[head]! -= taken;
    }
  }

  #endOf(entry: number): number {
    return this.#firsts[entry]! + this.#counts[entry]!;
  }

  #moveUp(): void {
    this.#askers = this.#askers.slice(this.#head);
    this.#firsts = this.#firsts.slice(this.#head);
    this.#counts = this.#counts.slice(this.#head);
    this.#deadlines = this.#deadlines.slice(this.#head);
    this.#head = 0;
  }
}
