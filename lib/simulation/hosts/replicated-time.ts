/**
 * Replicated time: every replica executes a slot in the same time, time never falls from slot to slot, and no
 * step of any clock is followed. At most a minority of the clocks is wrong at a time, so that nothing excuses
 * a step; a leader whose monotonic clock drifts may take time along, by as much as it drifts.
 */
import type { ReplicaId, Slot } from '../../types.js';
import type { Clock } from '../clock.js';
import { must } from '../violation.js';
import { EPOCH_MS, PACE_MAX } from './machine-clock.js';

/** What clocks that are right may differ by, and what replicated time is drawn faster than they run. */
const APART_MS = 1000;
const DRAWN = 1.1;

export class ReplicatedTime {
  private readonly clock: Clock;
  private readonly times = new Map<Slot, number>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** A replica executes something of `slot` at `timeMs`, as it is told. */
  executed(replica: ReplicaId, slot: Slot, timeMs: number): void {
    const known = this.times.get(slot) ?? timeMs;
    must(
      known === timeMs,
      'time',
      () => `replica ${replica} executed slot ${slot} at ${timeMs}, not ${known}`,
    );
    this.times.set(slot, timeMs);
    const before = this.times.get(slot - 1) ?? timeMs;
    must(before <= timeMs, 'time', () => `time falls from ${before} to ${timeMs} at slot ${slot}`);
    const latest = EPOCH_MS + APART_MS + this.clock.now * PACE_MAX * DRAWN;
    must(
      timeMs >= EPOCH_MS - APART_MS && timeMs <= latest,
      'time',
      () =>
        `slot ${slot} is executed at ${timeMs - EPOCH_MS} ms of replicated time, ` +
        `${this.clock.now.toFixed(0)} ms after the beginning: a clock step was followed`,
    );
  }
}
