/**
 * The clocks of one simulated machine, which outlive its processes: one that runs a little fast or slow and
 * never goes back, and one that people set.
 */
import type { Clock } from '../clock.js';
import type { Random } from '../random.js';

/** Some moment in 2023, in milliseconds since 1970. */
export const EPOCH_MS = 1_700_000_000_000;

/** How much faster or slower than time a clock that drifts runs, at most. */
export const PACE_MAX = 1.4;
export const PACE_MIN = 0.7;
/** A wall clock that is further off is wrong. */
const RIGHT_MS = 100;

export class MachineClock {
  private readonly clock: Clock;
  private rate = 1;
  /** Both clocks at the moment the rate was set, and that moment. */
  private sinceMs = 0;
  private elapsedMs: number;
  private wallMsAhead: number;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.elapsedMs = random.below(1_000_000);
    this.wallMsAhead = EPOCH_MS - this.elapsedMs + random.between(-20, 20);
  }

  get monotonicMs(): number {
    return this.elapsedMs + (this.clock.now - this.sinceMs) * this.rate;
  }

  get wallMs(): number {
    return this.monotonicMs + this.wallMsAhead;
  }

  /** Whether it runs at about the right speed. */
  get isSteady(): boolean {
    return Math.abs(this.rate - 1) < 0.1;
  }

  /** From now on it runs `rate` times as fast as time. */
  run(rate: number): void {
    this.elapsedMs = this.monotonicMs;
    this.sinceMs = this.clock.now;
    this.rate = rate;
  }

  /** Somebody sets the time. */
  jump(byMs: number): void {
    this.wallMsAhead += byMs;
  }

  /** Whether it runs as fast as time, and its wall clock shows about the right one. */
  get isRight(): boolean {
    return this.rate === 1 && Math.abs(this.wallMs - EPOCH_MS - this.clock.now) <= RIGHT_MS;
  }

  /** Somebody sets it right. */
  setRight(): void {
    this.run(1);
    this.wallMsAhead = EPOCH_MS + this.clock.now - this.monotonicMs;
  }

  /** How long `ms` of this machine last. */
  lasting(ms: number): number {
    return ms / this.rate;
  }
}
