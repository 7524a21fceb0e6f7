/**
 * Reads that say how new a state they want, and barriers, asked of a host by a program in its process. What
 * each promises is what the checker of linearizability looks for, from the moment that it is about:
 *
 * - a bound of staleness is about the moment so long ago, by the clock of the replica;
 * - a barrier is about the moment of its call, and so is any read, on another replica too, at its slot.
 */
import type { IndelibleError } from '../../errors.js';
import { ErrorCode } from '../../errors.js';
import type { Consistency } from '../../replica/consistency.js';
import type { Host } from '../../replica/host.js';
import type { Slot } from '../../types.js';
import type { Operation } from '../observer.js';
import { QUERY_BYTES } from './counting-machine.js';
import type { EventLoop } from './event-loop.js';
import type { RequestSurroundings } from './front-end.js';

/** A barrier that was reached: who reads at its slot sees all that had been answered when it was asked. */
export interface ReachedBarrier {
  readonly operation: Operation;
  readonly slot: Slot;
}

const PAUSE_MS_MAX = 150;
const STALENESS_MS_MAX = 300;
/** What a replica may say instead of an answer. */
const REFUSALS: readonly string[] = [
  ErrorCode.stale,
  ErrorCode.stopped,
  ErrorCode.halted,
  ErrorCode.notExecuted,
];

export class BoundedReads {
  private readonly host: Host;
  private readonly loop: EventLoop;
  private readonly around: RequestSurroundings;
  /** Of all replicas, none of them read at yet. */
  private readonly barriers: ReachedBarrier[];
  private isOver = false;

  constructor(host: Host, loop: EventLoop, around: RequestSurroundings, barriers: ReachedBarrier[]) {
    this.host = host;
    this.loop = loop;
    this.around = around;
    this.barriers = barriers;
  }

  start(): void {
    this.loop.after(1 + this.around.random.below(PAUSE_MS_MAX), () => {
      if (this.isOver) return;
      this.act();
      this.start();
    });
  }

  /** Its process ends, or asks for nothing more. */
  stop(): void {
    this.isOver = true;
  }

  private act(): void {
    const { random, owner } = this.around;
    const reached = random.chance(0.5) ? this.barriers.shift() : undefined;
    if (reached !== undefined) return this.read(reached.operation, { atLeast: reached.slot });
    const operation = this.around.newOperation('read');
    owner.tell('asked', operation);
    if (random.chance(0.4)) return this.barrier(operation);
    const askedMs = this.loop.monotonicMs();
    this.loop.after(random.below(STALENESS_MS_MAX), () => {
      this.read(operation, { maxStalenessMs: this.loop.monotonicMs() - askedMs });
    });
  }

  private barrier(operation: Operation): void {
    this.ask(
      ({ reads }) => reads.barrier(),
      (slot) => {
        this.around.counters.barriersReached++;
        this.barriers.push({ operation, slot });
      },
    );
  }

  private read(operation: Operation, consistency: Exclude<Consistency, 'linearizable'>): void {
    const query = Buffer.alloc(QUERY_BYTES);
    query.writeUInt16LE(operation.key);
    this.ask(
      ({ reads }) => reads.read(query, consistency),
      (result) => {
        this.around.counters.boundedReads++;
        this.around.owner.tell('read', operation, new DataView(result.buffer).getUint32(0, true));
      },
    );
  }

  private ask<Answer>(work: (host: Host) => Promise<Answer>, done: (answer: Answer) => void): void {
    if (this.isOver) return;
    // It throws where nothing is served, and so rejects.
    const answer = (async () => await work(this.host))();
    this.host.flush();
    answer.then(
      (value) => {
        if (!this.isOver) this.loop.nextTick(() => done(value));
      },
      (error: IndelibleError) => {
        if (!REFUSALS.includes(error.code)) {
          this.loop.nextTick(() => {
            throw error;
          });
        }
      },
    );
  }
}
