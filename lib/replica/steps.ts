/**
 * One step of a replica at a time. A step takes something in and works it through; while it does, callbacks
 * of the program run, and may ask for anything. What would disturb a step that is half done, a checkpoint or
 * the end of the replica, waits until it is over.
 */
export class Steps {
  private depth = 0;
  private waiting: (() => void)[] = [];

  /** Runs a step, or a part of the one that is under way. It must not throw. */
  run(step: () => void): void {
    this.depth++;
    step();
    this.depth--;
    while (this.depth === 0 && this.waiting.length > 0) {
      const waiting = this.waiting.shift()!;
      this.run(waiting);
    }
  }

  /** Runs `step` as soon as no other is under way: now, if none is. */
  afterwards(step: () => void): void {
    if (this.depth === 0) this.run(step);
    else this.waiting.push(step);
  }
}
