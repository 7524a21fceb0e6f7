/**
 * The clients of a simulation: they ask whichever replica they think leads, and never ask twice. Keys are
 * few, so that operations meet; writes are sometimes large, so that a small log fills up.
 */
import type { Clock } from './clock.js';
import type { Operation } from './observer.js';
import type { Random } from './random.js';
import type { SimulatedReplica } from './replica.js';

export interface Workload {
  /** Units of time between two requests, at most. */
  readonly pauseMax: number;
  readonly keys: number;
  /** Commands of one batch, at most, and bytes that each may be padded with. */
  readonly commandsMax: number;
  readonly paddingBytesMax: number;
  /** The share of requests that are reads. */
  readonly reads: number;
}

export class Clients {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly replicas: readonly SimulatedReplica[];
  private readonly workload: Workload;
  private lastId = 0;
  private stopped = false;

  constructor(clock: Clock, random: Random, replicas: readonly SimulatedReplica[], workload: Workload) {
    this.clock = clock;
    this.random = random;
    this.replicas = replicas;
    this.workload = workload;
  }

  start(): void {
    this.clock.after(this.random.between(1, this.workload.pauseMax), () => {
      if (this.stopped) return;
      this.ask(this.someone());
      this.start();
    });
  }

  stop(): void {
    this.stopped = true;
  }

  /** Proposes one more small command at `replica`. @returns its id, or 0 if it was not taken. */
  writeAt(replica: SimulatedReplica): number {
    const write = this.operation('write');
    return replica.process?.requests.write([write], 0) ? write.id : 0;
  }

  private ask(replica: SimulatedReplica): void {
    const { process } = replica;
    if (process === undefined || this.clock.now < replica.pausedUntil) return;
    const { random, workload } = this;
    if (random.chance(workload.reads)) {
      if (!process.requests.read(this.operation('read'))) return;
    } else {
      if (!process.core.canPropose) return;
      const count = random.between(1, workload.commandsMax);
      const writes = Array.from({ length: count }, () => this.operation('write'));
      const paddingBytes = random.chance(0.2) ? random.below(workload.paddingBytesMax + 1) : random.below(24);
      if (!process.requests.write(writes, paddingBytes)) return;
    }
    process.endTurnSoon();
  }

  /** A replica that leads, or believes so; now and then just any. */
  private someone(): SimulatedReplica {
    const leading = this.replicas.filter((replica) => replica.process?.core.role === 'leader');
    if (leading.length === 0 || this.random.chance(0.05)) return this.random.pick(this.replicas);
    return this.random.pick(leading);
  }

  private operation(type: 'read' | 'write'): Operation {
    return { id: ++this.lastId, key: this.random.below(this.workload.keys), type };
  }
}
