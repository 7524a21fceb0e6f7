/**
 * When a replica's turn runs. What arrives together is to be taken together, in one group of votes and one
 * write per peer; what comes alone is not to wait for company.
 *
 * 1. Input that follows a turn closely, or comes while one is asked for, waits for the end of this phase
 *    of the event loop (`setImmediate`): a loaded replica takes what all its sockets brought in one turn.
 * 2. Input that comes after a pause has come alone, as far as anybody can know: it has its turn at once.
 *    Should more have come with it, that follows closely, and 1 holds for it.
 * 3. A turn never runs within another, nor within a caller's own call: `soon` lets it return first.
 */
import type { Histogram } from '../observe/histogram.js';
import type { Runtime } from '../runtime.js';

/**
 * Time without a turn after which input is taken to come alone, in milliseconds: longer than the event loop
 * takes from one ready socket to the next, shorter than a round trip.
 */
const PAUSE_MS = 0.02;

export class Turns {
  private readonly run: () => void;
  private readonly runtime: Runtime;
  private readonly lengths: Histogram | undefined;
  private requested = false;
  private running = false;
  private endedMs: number = Number.NEGATIVE_INFINITY;

  /** @param lengths where the length of each turn is recorded */
  constructor(run: () => void, runtime: Runtime, lengths?: Histogram) {
    this.run = run;
    this.runtime = runtime;
    this.lengths = lengths;
  }

  /** All that arrived together has been handed over. */
  inputEnded(): void {
    if (this.requested) return;
    if (this.isAlone) this.turn();
    else this.request();
  }

  /** A caller in this process has asked for something, and may go on doing so before it returns. */
  soon(): void {
    if (this.requested) return;
    if (!this.isAlone) return this.request();
    this.requested = true;
    this.runtime.nextTick(this.turn);
  }

  /** Asks for a turn at the end of this phase of the event loop. */
  request(): void {
    if (this.requested) return;
    this.requested = true;
    this.runtime.immediate(this.turn);
  }

  private get isAlone(): boolean {
    return !this.running && this.runtime.monotonicMs() - this.endedMs >= PAUSE_MS;
  }

  private readonly turn = (): void => {
    this.requested = false;
    this.running = true;
    const beganMs = this.runtime.monotonicMs();
    this.run();
    this.running = false;
    this.endedMs = this.runtime.monotonicMs();
    this.lengths?.record((this.endedMs - beganMs) * 1000);
  };
}
