/**
 * Requests that found no leader: they wait for one, but not for ever. None of them was proposed, so their
 * outcome is certain: *not executed*.
 */
import { answer } from './executor.js';
import type { Queries } from './queries.js';
import { Outcome } from './service.js';
import type { Submissions } from './submissions.js';

export class Unplaced {
  private readonly timeoutMs: number;
  private leaderlessSinceMs: number | undefined;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  tick(nowMs: number, hasLeader: boolean, submissions: Submissions, queries: Queries): void {
    if (hasLeader || (submissions.isEmpty && !queries.hasUnasked)) {
      this.leaderlessSinceMs = undefined;
      return;
    }
    this.leaderlessSinceMs ??= nowMs;
    if (nowMs - this.leaderlessSinceMs < this.timeoutMs) return;
    this.leaderlessSinceMs = undefined;
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
