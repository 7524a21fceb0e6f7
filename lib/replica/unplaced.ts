/**
 * Requests that find no place: no leader is known, or the one that is takes nothing. They wait, but not for
 * ever. None of them was proposed, so their outcome is certain: *not executed*.
 */
import { answer } from './executor.js';
import type { Queries } from './queries.js';
import { Outcome } from './service.js';
import type { Submissions } from './submissions.js';

export class Unplaced {
  private readonly timeoutMs: number;
  private stuckSinceMs: number | undefined;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  tick(nowMs: number, placeable: boolean, submissions: Submissions, queries: Queries): void {
    if (placeable || (submissions.isEmpty && !queries.hasUnasked)) {
      this.stuckSinceMs = undefined;
      return;
    }
    this.stuckSinceMs ??= nowMs;
    if (nowMs - this.stuckSinceMs < this.timeoutMs) return;
    this.stuckSinceMs = undefined;
    this.fail(submissions);
    answer(queries.takeGathered(), Outcome.notExecuted);
  }

  /** Says *not executed* to everyone whose commands wait for a slot. */
  fail(submissions: Submissions): void {
    for (let waiting = submissions.take(); waiting !== undefined; waiting = submissions.take()) {
      answer(waiting.runs, Outcome.notExecuted);
    }
  }
}
