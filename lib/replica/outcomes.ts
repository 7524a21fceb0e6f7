/**
 * How requesters are told: the one place from which their callbacks are called.
 *
 * 1. What a callback throws, or rejects with, is its program's: it is reported and changes nothing here.
 * 2. A requester that was abandoned hears nothing more, even if that happens while others of the same batch
 *    are being told.
 */
import { callbackReturned, callbackThrew } from '../callbacks.js';
import { abandonRuns, type RequestRun } from './runs.js';
import { Outcome, type Requester } from './service.js';

const NO_RESULTS = new Uint8Array(0);

const OUTCOMES: number = Object.keys(Outcome).length;

export class Outcomes {
  /** Requests that were told each outcome but *done*, by its number. */
  readonly counts: Float64Array = new Float64Array(OUTCOMES);
  /** Runs whose requesters are being told; those of a callback within a callback come last. */
  private readonly telling: (readonly RequestRun[])[] = [];

  /** Tells the requesters of `runs` an outcome without results. */
  answer(runs: readonly RequestRun[], outcome: Exclude<Outcome, typeof Outcome.done>): void {
    for (const { requester, count } of runs) {
      // Whoever asks again has not heard the last word.
      if (requester.bind === undefined) this.count(outcome, count);
    }
    this.begin(runs);
    for (const { requester, first, count } of runs) {
      if (count > 0) tell(requester, first, count, outcome, NO_RESULTS, 0, 0);
    }
    this.end();
  }

  /** So many requests were told that they have this outcome. */
  count(outcome: Outcome, count: number): void {
    this.counts[outcome]! += count;
  }

  /** The requesters of `runs` are told from now on; `end` ends what began last. */
  begin(runs: readonly RequestRun[]): void {
    this.telling.push(runs);
  }

  end(): void {
    this.telling.pop();
  }

  abandon(requester: Requester): void {
    for (const runs of this.telling) abandonRuns(runs, requester);
  }
}

/** Requester.outcome, which may do anything. */
export function tell(
  requester: Requester,
  first: number,
  count: number,
  outcome: Outcome,
  results: Uint8Array,
  start: number,
  end: number,
): void {
  try {
    const returned: unknown = requester.outcome(first, count, outcome, results, start, end);
    if (returned !== undefined) callbackReturned('Requester.outcome', returned);
  } catch (error) {
    callbackThrew('Requester.outcome', error);
  }
}

/** Requester.drain for each of `stalled`, which is emptied; whoever is refused again is in it afterwards. */
export function wakeAll(stalled: Set<Requester>): void {
  for (let left = stalled.size; left > 0 && stalled.size > 0; left--) {
    const requester = stalled.values().next().value!;
    stalled.delete(requester);
    try {
      const returned: unknown = requester.drain();
      if (returned !== undefined) callbackReturned('Requester.drain', returned);
    } catch (error) {
      callbackThrew('Requester.drain', error);
    }
  }
}

/** Requester.isFull; one that cannot say takes everything. */
export function isFull(requester: Requester): boolean {
  try {
    return requester.isFull === true;
  } catch (error) {
    callbackThrew('Requester.isFull', error);
    return false;
  }
}
