/**
 * Whether the store keeps up: a disk that stalls raises no error, and a cluster with a quorum of other disks
 * goes on without it, so only somebody who looks can tell.
 */

/** Less is what a busy disk takes; more, and a person is told. */
const TELL_AFTER_MS = 1000;

export class Stall {
  private durableThrough = 0;
  private sinceMs: number | undefined;
  private nowMs = 0;

  /** Looks again: the last item that the store was given, and the last one it has made durable. */
  look(nowMs: number, committed: number, durableThrough: number): void {
    this.nowMs = nowMs;
    if (durableThrough >= committed) this.sinceMs = undefined;
    else if (durableThrough > this.durableThrough) this.sinceMs = nowMs;
    else this.sinceMs ??= nowMs;
    this.durableThrough = durableThrough;
  }

  /** Milliseconds for which nothing became durable although something was to; 0 while the store keeps up. */
  get ms(): number {
    return this.sinceMs === undefined ? 0 : this.nowMs - this.sinceMs;
  }

  /** Whether it has lasted for `ms` or longer. */
  lasts(ms: number): boolean {
    return this.sinceMs !== undefined && this.nowMs - this.sinceMs >= ms;
  }

  /** For a person; empty while there is nothing to tell. */
  get advice(): string {
    if (this.ms < TELL_AFTER_MS) return '';
    return (
      `nothing has become durable for ${(this.ms / 1000).toFixed(1)} s: its disk stalls. This replica takes ` +
      'no votes, and does not lead where another can; if the disk does not come back, end the process, and start it where the disk works'
    );
  }
}
