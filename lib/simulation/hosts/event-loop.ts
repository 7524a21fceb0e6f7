/**
 * The event loop of one simulated process: everything that happens to the process passes through here, so
 * that it takes time, waits its turn, stops while the process is paused, and ends with it.
 *
 * 1. As in Node.js: what has arrived is handed over one by one, behind each the ticks that it asked for; then
 *    what was asked for the end of the phase; then what has arrived meanwhile.
 * 2. Each of these takes a moment of simulated time. Nothing runs inside the call that asks for it.
 * 3. Of a process that is dead nothing runs any more.
 */
import type { Runtime, Timer } from '../../runtime.js';
import type { Clock } from '../clock.js';
import type { Random } from '../random.js';
import type { MachineClock } from './machine-clock.js';

/** What one callback takes, in milliseconds: uniform in these bounds. */
const COST_MS_MIN = 0.002;
const COST_MS_MAX = 0.02;

type Run = () => void;

export class EventLoop implements Runtime {
  alive = true;
  /** What came out of a callback uncaught: in a process of its own it would have been the end of it. */
  onUncaught: (error: Error) => void;
  /** Ends of phases since something last arrived: many of them are a busy loop. */
  emptyPhases = 0;
  private readonly clock: Clock;
  private readonly chance: Random;
  private readonly machine: MachineClock;
  private pausedUntil = 0;
  private pausedMs = 0;
  private freeAt = 0;
  private arrived: Run[] = [];
  private atEnd: Run[] = [];
  private phase: Run[] = [];
  private ticks: Run[] = [];
  private isInside = false;
  private isAtEnd = false;
  private isScheduled = false;

  constructor(clock: Clock, random: Random, machine: MachineClock, onUncaught: (error: Error) => void) {
    this.clock = clock;
    this.chance = random;
    this.machine = machine;
    this.onUncaught = onUncaught;
  }

  get isPaused(): boolean {
    return this.clock.now < this.pausedUntil;
  }

  /** For how long it has run, pauses left out. */
  get awakeMs(): number {
    return this.clock.now - this.pausedMs + Math.max(0, this.pausedUntil - this.clock.now);
  }

  /** Stops the process for `ms`, as a signal does, or a collector of garbage. */
  pause(ms: number): void {
    const { now } = this.clock;
    const until = Math.max(this.pausedUntil, now + ms);
    this.pausedMs += until - Math.max(this.pausedUntil, now);
    this.pausedUntil = until;
  }

  /** The pause, if there is one, is over. */
  wake(): void {
    this.pausedMs -= Math.max(0, this.pausedUntil - this.clock.now);
    this.pausedUntil = 0;
  }

  die(): void {
    this.alive = false;
  }

  /** Something has come in from outside: it is handed over when the loop gets to it. */
  arrive(run: Run): void {
    if (!this.alive) return;
    this.emptyPhases = 0;
    this.arrived.push(run);
    this.schedule();
  }

  monotonicMs(): number {
    return this.machine.monotonicMs;
  }

  wallMs(): number {
    return this.machine.wallMs;
  }

  random(): number {
    return this.chance.fraction();
  }

  after(ms: number, run: Run): Timer {
    let isCancelled = false;
    this.clock.after(this.machine.lasting(ms), () => {
      this.arrive(() => {
        if (!isCancelled) run();
      });
    });
    return timer(() => {
      isCancelled = true;
    });
  }

  every(ms: number, run: Run): Timer {
    let isCancelled = false;
    const again = (): void => {
      this.after(ms, () => {
        if (isCancelled) return;
        again();
        run();
      });
    };
    again();
    return timer(() => {
      isCancelled = true;
    });
  }

  immediate(run: Run): void {
    this.atEnd.push(run);
    this.schedule();
  }

  nextTick(run: Run): void {
    if (this.isInside) this.ticks.push(run);
    else this.arrive(run);
  }

  private schedule(): void {
    if (this.isScheduled || !this.alive) return;
    this.isScheduled = true;
    const { now } = this.clock;
    this.clock.after(Math.max(0, this.freeAt - now, this.pausedUntil - now), this.pump);
  }

  private readonly pump = (): void => {
    this.isScheduled = false;
    if (!this.alive) return;
    if (this.isPaused) return this.schedule();
    if (this.phase.length === 0) this.beginPhase();
    const run = this.phase.shift();
    if (run === undefined) return;
    this.enter(run);
    this.freeAt = this.clock.now + COST_MS_MIN + this.chance.fraction() * (COST_MS_MAX - COST_MS_MIN);
    if (this.phase.length + this.arrived.length + this.atEnd.length > 0) this.schedule();
  };

  /** What was asked for the end of a phase runs behind what had arrived, and before what has meanwhile. */
  private beginPhase(): void {
    this.isAtEnd = !this.isAtEnd;
    if (this.isAtEnd && this.atEnd.length === 0) this.isAtEnd = false;
    if (!this.isAtEnd && this.arrived.length === 0) this.isAtEnd = true;
    if (this.isAtEnd) {
      this.phase = this.atEnd;
      this.atEnd = [];
      this.emptyPhases++;
    } else {
      this.phase = this.arrived;
      this.arrived = [];
    }
  }

  private enter(run: Run): void {
    this.isInside = true;
    this.attempt(run);
    for (let next = this.ticks.shift(); next !== undefined && this.alive; next = this.ticks.shift()) {
      this.attempt(next);
    }
    this.isInside = false;
  }

  private attempt(run: Run): void {
    try {
      run();
    } catch (error) {
      this.onUncaught(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function timer(cancel: () => void): Timer {
  const own: Timer = { cancel, unref: () => own };
  return own;
}
