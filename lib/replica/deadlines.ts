/**
 * Whether any of many deadlines may be over, without a look at each: the earliest one of those that were
 * added since the last look.
 */
export class DeadlineWatch {
  private earliestMs: number = Number.POSITIVE_INFINITY;

  add(deadlineMs: number): void {
    if (deadlineMs < this.earliestMs) this.earliestMs = deadlineMs;
  }

  /** Whether one may be over: every one is to be looked at. */
  isDue(nowMs: number): boolean {
    return this.earliestMs <= nowMs;
  }

  /** A look begins: those that are not over are added again. */
  begin(): void {
    this.earliestMs = Number.POSITIVE_INFINITY;
  }
}
