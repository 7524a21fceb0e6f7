/**
 * The wires between simulated machines: each direction of each pair has a rate, a latency and luck of its
 * own, and can be cut for itself. What is sent on one leaves in order and takes its place in time.
 */
import type { Clock } from '../clock.js';
import type { Random } from '../random.js';

/** How good the wires are at the moment. */
export interface WireWeather {
  readonly latencyMs: number;
  /** On top of the latency, at most. */
  readonly jitterMs: number;
  /** The share of segments that are lost once; they arrive with their repetition. */
  readonly loss: number;
  readonly bytesPerMs: number;
}

export const FAIR_WIRES: WireWeather = { latencyMs: 0.05, jitterMs: 0.1, loss: 0, bytesPerMs: 1_000_000 };

/** What waits in front of a wire waits no longer than this, and the rest is dropped and sent again. */
export const QUEUE_MS = 300;
/** What a repetition of a lost segment costs, at least. */
const REPEAT_MS = 200;

export class Wires {
  weather: WireWeather = FAIR_WIRES;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly cut = new Set<number>();
  private readonly slow = new Map<number, number>();
  private readonly freeAt = new Map<number, number>();
  private readonly down = new Set<number>();

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** Nothing sent from `from` reaches `to` any more. */
  cutLink(from: number, to: number): void {
    this.cut.add(wireOf(from, to));
  }

  /** From `from` to `to` only so much passes. */
  narrow(from: number, to: number, bytesPerMs: number): void {
    this.slow.set(wireOf(from, to), bytesPerMs);
  }

  /** Every wire is whole and wide again. */
  heal(): void {
    this.cut.clear();
    this.slow.clear();
    this.freeAt.clear();
  }

  /** Whether the queue in front of a wire takes another segment: it is as long as a router's. */
  hasRoom(from: number, to: number): boolean {
    return (this.freeAt.get(wireOf(from, to)) ?? 0) - this.clock.now <= QUEUE_MS;
  }

  /** A machine without power hears nothing and says nothing. */
  power(machine: number, on: boolean): void {
    if (on) this.down.delete(machine);
    else this.down.add(machine);
  }

  passes(from: number, to: number): boolean {
    return !this.cut.has(wireOf(from, to)) && !this.down.has(from) && !this.down.has(to);
  }

  isNarrow(from: number, to: number): boolean {
    return this.slow.has(wireOf(from, to));
  }

  /** When `bytes` that are sent now arrive, if they do. */
  arrivalOf(from: number, to: number, bytes: number): number {
    const wire = wireOf(from, to);
    const { latencyMs, jitterMs, loss, bytesPerMs } = this.weather;
    const rate = Math.min(bytesPerMs, this.slow.get(wire) ?? bytesPerMs);
    const free = Math.max(this.clock.now, this.freeAt.get(wire) ?? 0) + bytes / rate;
    this.freeAt.set(wire, free);
    const repeated = this.random.chance(loss) ? REPEAT_MS * (1 + this.random.fraction()) : 0;
    return free + latencyMs + this.random.fraction() * jitterMs + repeated;
  }
}

function wireOf(from: number, to: number): number {
  return from * 4096 + to;
}
