/**
 * A monotonic clock that counts the time for which the machine is suspended, as deadlines must: a request
 * that was asked for before does not get as long again afterwards.
 *
 * 1. `performance.now()` is CLOCK_MONOTONIC, which stands still in suspend; the wall clock does not, but
 *    somebody may set it. Only where the two have come apart is the system asked, by reading how long it is
 *    up: that is CLOCK_BOOTTIME, which counts suspend and which nobody sets.
 * 2. It never goes back. Where the system does not say, suspend is not counted.
 */
import { readFileSync } from 'node:fs';

/** Clocks that have come apart by more since the last look, in milliseconds, may have been suspended. */
const APART_MS = 100;

/** The system says how long it is up in hundredths of a second, and two reads are apart. */
const UPTIME_EXACT_MS = 50;

export interface SuspendClocks {
  monotonicMs(): number;
  wallMs(): number;
  /** Milliseconds since the machine was started, suspend included; undefined where that is not known. */
  uptimeMs(): number | undefined;
}

const SYSTEM: SuspendClocks = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  uptimeMs: systemUptimeMs,
};

export class SuspendClock {
  private readonly clocks: SuspendClocks;
  /** What was suspended since this was made. */
  private suspendedMs = 0;
  /** By how much wall clock and uptime were ahead of the monotonic clock at the last look. */
  private wallAheadMs: number;
  private uptimeAheadMs: number | undefined;

  constructor(clocks: SuspendClocks = SYSTEM) {
    this.clocks = clocks;
    this.wallAheadMs = clocks.wallMs() - clocks.monotonicMs();
    this.uptimeAheadMs = this.uptimeAhead();
  }

  now(): number {
    const nowMs = this.clocks.monotonicMs();
    const apartMs = this.clocks.wallMs() - nowMs - this.wallAheadMs;
    if (apartMs > APART_MS || apartMs < -APART_MS) this.look(apartMs);
    return nowMs + this.suspendedMs;
  }

  private look(apartMs: number): void {
    this.wallAheadMs += apartMs;
    const aheadMs = this.uptimeAhead();
    const before = this.uptimeAheadMs;
    this.uptimeAheadMs = aheadMs;
    if (aheadMs === undefined || before === undefined) return;
    if (aheadMs - before > UPTIME_EXACT_MS) this.suspendedMs += aheadMs - before;
    // What is too little to be told from how exactly it is read is not lost: the next look finds it.
    else this.uptimeAheadMs = before;
  }

  private uptimeAhead(): number | undefined {
    const uptimeMs = this.clocks.uptimeMs();
    return uptimeMs === undefined ? undefined : uptimeMs - this.clocks.monotonicMs();
  }
}

function systemUptimeMs(): number | undefined {
  try {
    const seconds = Number.parseFloat(readFileSync('/proc/uptime', 'latin1'));
    return Number.isFinite(seconds) ? seconds * 1000 : undefined;
  } catch {
    return undefined;
  }
}
