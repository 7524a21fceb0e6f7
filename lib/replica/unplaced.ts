/**
 * Requests that find no place: no leader is known, or the one that is takes nothing. They wait, each for a
 * bounded time. None of them was proposed, so that the outcome of those whose time is over is certain: *not
 * executed*.
 *
 * 1. None is refused before its time is over, so that a client which sends one after the other hears one
 *    refusal in all that time; each is soon after (by a sixteenth of it).
 * 2. The time begins anew whenever there was a place.
 * 3. They are refused in the order in which they came.
 */
import type { Outcomes } from './outcomes.js';
import type { RequestRun } from './runs.js';
import { Outcome } from './service.js';

/** What waits for a place, oldest first: commands, or queries. */
export interface Waiting {
  beginWait(nowMs: number): void;
  endWait(): void;
  takeOverdue(sinceMs: number): readonly RequestRun[] | undefined;
}

/** The time of what comes in is noted this many times in the time that it may wait. */
const MARKS = 16;

export class Unplaced {
  private readonly outcomes: Outcomes;
  private readonly waiting: readonly Waiting[];
  private markedMs: number | undefined;

  constructor(outcomes: Outcomes, ...waiting: Waiting[]) {
    this.outcomes = outcomes;
    this.waiting = waiting;
  }

  /** There is a place for what waits. */
  placeable(): void {
    if (this.markedMs === undefined) return;
    this.markedMs = undefined;
    for (const each of this.waiting) each.endWait();
  }

  /** There is none at `nowMs`: what has waited for `waitMsMax` is refused. */
  unplaceable(nowMs: number, waitMsMax: number): void {
    if (this.markedMs === undefined || nowMs - this.markedMs >= waitMsMax / MARKS) {
      this.markedMs = nowMs;
      for (const each of this.waiting) each.beginWait(nowMs);
    }
    for (const each of this.waiting) {
      for (let runs = each.takeOverdue(nowMs - waitMsMax); runs !== undefined; ) {
        this.outcomes.answer(runs, Outcome.notExecuted);
        runs = each.takeOverdue(nowMs - waitMsMax);
      }
    }
  }

  /** Nothing is going to be placed any more: everything is refused. */
  fail(): void {
    this.markedMs = undefined;
    this.unplaceable(Number.POSITIVE_INFINITY, 0);
  }
}
