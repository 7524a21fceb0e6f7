/**
 * Keeps a leader's event loop awake as long as there is more to do in a moment.
 *
 * A loop that goes to sleep has to be woken when its peers answer or its clients ask, and its processor with
 * it, which often takes longer than the answer. So behind a turn the loop looks again at once instead of
 * sleeping, for about as long as an answer from nearby takes.
 *
 * 1. A watch is bounded in time. It ends phases of the event loop, so that what has arrived is read, and
 *    does nothing else: no outcome depends on it.
 * 2. Where nothing comes in time, because there is little to do, or peers are far away or their disks slow,
 *    watching is given up but for a try now and then.
 * 3. Behind a turn that was longer than a watch there is none: beside so much to do a wake-up costs little,
 *    and others may want the processor.
 */
import type { Runtime } from '../runtime.js';

/** Watches in vain, less those that were not, after which watching is given up. */
const CREDIT_MAX = 8;

/** Turns without a watch once it was given up. */
const TURNS_WITHOUT = 64;

export class Watch {
  private readonly lengthMs: number;
  private readonly runtime: Runtime;
  private watching = false;
  private beganMs = 0;
  private endMs = 0;
  /** Whether it looks again at the end of this phase. */
  private looking = false;
  private credit = CREDIT_MAX;
  private turnsWithout = 0;

  /** @param lengthMs how long a watch lasts at most; 0 for none at all */
  constructor(lengthMs: number, runtime: Runtime) {
    this.lengthMs = lengthMs;
    this.runtime = runtime;
  }

  /** There is something to do: what a watch is for. */
  turnBegins(): void {
    this.beganMs = this.runtime.monotonicMs();
    if (!this.watching) return;
    this.watching = false;
    this.credit = Math.min(this.credit + 1, CREDIT_MAX);
  }

  turnEnded(): void {
    if (this.lengthMs === 0) return;
    if (this.turnsWithout > 0) {
      this.turnsWithout--;
      return;
    }
    const nowMs = this.runtime.monotonicMs();
    if (nowMs - this.beganMs >= this.lengthMs) return;
    this.watching = true;
    this.endMs = nowMs + this.lengthMs;
    if (!this.looking) this.lookAgain();
  }

  private lookAgain(): void {
    this.looking = true;
    this.runtime.immediate(this.look);
  }

  private readonly look = (): void => {
    this.looking = false;
    if (!this.watching) return;
    if (this.runtime.monotonicMs() < this.endMs) return this.lookAgain();
    this.watching = false;
    this.credit--;
    if (this.credit > 0) return;
    this.credit = 1;
    this.turnsWithout = TURNS_WITHOUT;
  };
}
