import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SuspendClock } from '../lib/suspend-clock.js';

class Machine {
  monotonic = 5000;
  wall = 1_700_000_000_000;
  uptime: number | undefined = 90_000;
  asked = 0;
  monotonicMs = (): number => this.monotonic;
  wallMs = (): number => this.wall;
  uptimeMs = (): number | undefined => {
    this.asked++;
    // Told in hundredths of a second.
    return this.uptime === undefined ? undefined : Math.floor(this.uptime / 10) * 10;
  };

  runs(ms: number): void {
    this.monotonic += ms;
    this.wall += ms;
    if (this.uptime !== undefined) this.uptime += ms;
  }

  isSuspended(ms: number): void {
    this.wall += ms;
    if (this.uptime !== undefined) this.uptime += ms;
  }
}

describe('a clock that counts suspend', () => {
  it('goes on by what passed, suspended or not, whatever becomes of the wall clock', () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant('runs' as const), ms: fc.integer({ min: 0, max: 5000 }) }),
      fc.record({ what: fc.constant('isSuspended' as const), ms: fc.integer({ min: 200, max: 1e7 }) }),
      fc.record({ what: fc.constant('set' as const), ms: fc.integer({ min: -1e7, max: 1e7 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const machine = new Machine();
        const clock = new SuspendClock(machine);
        const beganMs = clock.now();
        let lastMs = beganMs;
        let passedMs = 0;
        let suspends = 0;
        for (const { what, ms } of steps) {
          if (what === 'set') machine.wall += ms;
          else machine[what](ms);
          if (what !== 'set') passedMs += ms;
          if (what === 'isSuspended') suspends++;
          const nowMs = clock.now();
          expect(nowMs).toBeGreaterThanOrEqual(lastMs);
          lastMs = nowMs;
        }
        expect(Math.abs(lastMs - beganMs - passedMs)).toBeLessThanOrEqual(10 * suspends);
      }),
    );
  });

  it('asks the system only where the clocks have come apart', () => {
    const machine = new Machine();
    const clock = new SuspendClock(machine);
    for (let i = 0; i < 1000; i++) {
      machine.runs(10);
      clock.now();
    }
    expect(machine.asked).toBe(1);
  });

  it('goes on without suspend where the system does not tell', () => {
    const machine = new Machine();
    machine.uptime = undefined;
    const clock = new SuspendClock(machine);
    const beganMs = clock.now();
    machine.isSuspended(60_000);
    machine.runs(500);
    expect(clock.now() - beganMs).toBe(500);
  });

  it('agrees with the clock of this process while nothing is suspended', () => {
    const clock = new SuspendClock();
    const before = performance.now();
    const nowMs = clock.now();
    expect(nowMs).toBeGreaterThanOrEqual(before);
    expect(nowMs).toBeLessThanOrEqual(performance.now());
  });
});
