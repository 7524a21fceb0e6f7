/** Promises of single requests, settled by outcomes of runs of them (service.ts). */
import { COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import { copied } from './copied.js';
import { outcomeError } from './outcome-error.js';
import { Outcome } from './service.js';

/** The ends of a Promise of a result. */
export interface Pledge {
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** Settles, and takes out, those of requests [first, first + count); `outcome` as Requester.outcome. */
export function settleRun(
  waiting: Map<number, Pledge>,
  first: number,
  count: number,
  outcome: Outcome,
  results: Uint8Array,
  start: number,
  end: number,
): void {
  let at = start;
  for (let number = first; number < first + count; number++) {
    const pledge = waiting.get(number);
    waiting.delete(number);
    if (outcome !== Outcome.done) {
      pledge?.reject(outcomeError(outcome));
      continue;
    }
    const from = at + COMMAND_HEADER_BYTES;
    at = from + commandLength(results, at, end);
    pledge?.resolve(copied(results, from, at));
  }
}
