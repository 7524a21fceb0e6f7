/**
 * The way of single commands through a leader: when each was received, proposed, durable here and there,
 * chosen, executed and answered.
 *
 * 1. Off, it costs nothing: what it looks at is wrapped while traces are taken, and put back afterwards.
 * 2. One command is followed at a time, and the next only when that one is answered: what it measures is what
 *    the others take, too.
 * 3. Nothing that it does changes what the replica does.
 *
 * | step       | when                                                                                    |
 * |------------|-----------------------------------------------------------------------------------------|
 * | `received` | a program, a client or a front end has handed it over here                               |
 * | `proposed` | its batch has a slot; the accepts leave in the same turn                                  |
 * | `durable`  | its vote is durable here; of a peer: that peer has said so, so its way back is in it      |
 * | `chosen`   | a quorum voted, and all slots before are executed                                        |
 * | `answered` | it is executed, and its requester has the outcome                                        |
 */
import { argumentError } from '../errors.js';
import type { Runtime } from '../runtime.js';
import type { Storage } from '../storage/storage.js';
import type { ReplicaId, Slot } from '../types.js';
import type { Host } from './host.js';
import type { RequestRun } from './runs.js';
import type { Requester } from './service.js';

/** One moment of a command's way. */
export interface TraceStep {
  /** What happened. */
  readonly what: 'received' | 'proposed' | 'durable' | 'chosen' | 'answered';
  /** Where: the leader itself, or the peer that said so. */
  readonly replica: ReplicaId;
  /** Milliseconds since it was received. */
  readonly ms: number;
}

/** The way of one command. */
export interface Trace {
  /** The slot that its batch got. */
  readonly slot: Slot;
  /** Commands in that batch. */
  readonly commands: number;
  /** In the order in which they were seen. A peer that said so after the answer is not among them. */
  readonly steps: readonly TraceStep[];
}

interface Sample {
  readonly requester: Requester;
  readonly first: number;
  readonly atMs: number;
  readonly steps: TraceStep[];
  slot: Slot;
  /** The item of the store that its vote is. */
  item: number;
  commands: number;
}

/** A command that has no answer for so long, in milliseconds, is followed no further. */
const LOST_MS = 1000;

export class Tracing {
  private readonly host: Host;
  private readonly storage: Storage;
  private readonly runtime: Pick<Runtime, 'monotonicMs'>;
  private sample: Sample | undefined;
  private found: (trace: Trace) => void = () => {};
  private isOn = false;

  constructor(host: Host, storage: Storage, runtime: Pick<Runtime, 'monotonicMs'>) {
    this.host = host;
    this.storage = storage;
    this.runtime = runtime;
  }

  /**
   * Follows commands asked of this replica while it leads, one after the other.
   * @param signal ends it early, with those that were followed by then
   * @throws (by rejection) RangeError with ERR_INDELIBLE_ARGUMENT while traces are taken already
   */
  take(count: number, signal: AbortSignal): Promise<readonly Trace[]> {
    if (this.isOn) {
      return Promise.reject(argumentError('traces are taken here already: wait until those are there'));
    }
    return new Promise((resolve) => {
      const traces: Trace[] = [];
      const putBack = this.wrap();
      const end = (): void => {
        signal.removeEventListener('abort', end);
        putBack();
        resolve(traces);
      };
      this.found = (trace) => {
        traces.push(trace);
        if (traces.length >= count) end();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end);
    });
  }

  /** @returns what puts everything back */
  private wrap(): () => void {
    const { host, storage } = this;
    const { executor } = host;
    const { submit, submitFor, message } = host;
    const { expect, apply } = executor;
    const { onDurable } = storage;
    this.isOn = true;
    host.submit = (requester, first, count, bytes, start, end) => {
      const atMs = this.runtime.monotonicMs();
      // It is placed as one of the replica's own.
      const { own: line } = host.lines;
      const { end: position } = line;
      const isTaken = submit.call(host, requester, first, count, bytes, start, end);
      if (isTaken) this.begin(line, position, atMs);
      return isTaken;
    };
    host.submitFor = (requester, first, count, body, terms) => {
      const atMs = this.runtime.monotonicMs();
      const isTaken = submitFor.call(host, requester, first, count, body, terms);
      if (isTaken) this.begin(requester, first, atMs);
      return isTaken;
    };
    host.message = (from, said) => {
      if (said.type === 'accepted') this.accepted(from, said.fromSlot, said.throughSlot);
      message.call(host, from, said);
    };
    executor.expect = (slot, digest, runs, proposedMs) => {
      expect.call(executor, slot, digest, runs, proposedMs);
      this.proposed(slot, runs);
    };
    executor.apply = (slot, batch) => {
      const isIts = this.sample?.slot === slot;
      if (isIts) this.step('chosen', host.core.self);
      apply.call(executor, slot, batch);
      if (isIts) this.answered();
    };
    storage.onDurable = (item) => {
      this.durable(item);
      onDurable(item);
    };
    return () => {
      Object.assign(executor, { expect, apply });
      Object.assign(host, { submit, submitFor, message });
      storage.onDurable = onDurable;
      this.sample = undefined;
      this.isOn = false;
    };
  }

  private begin(requester: Requester, first: number, atMs: number): void {
    // One that has been lost on the way, with the lead or its requester, is given up.
    if (this.sample !== undefined && atMs - this.sample.atMs > LOST_MS) this.sample = undefined;
    if (this.sample !== undefined || !this.host.leads) return;
    this.sample = { requester, first, atMs, steps: [], slot: 0, item: 0, commands: 0 };
    this.sample.steps.push({ what: 'received', replica: this.host.core.self, ms: 0 });
  }

  private step(what: TraceStep['what'], replica: ReplicaId): void {
    const { sample } = this;
    sample?.steps.push({ what, replica, ms: this.runtime.monotonicMs() - sample.atMs });
  }

  private proposed(slot: Slot, runs: readonly RequestRun[]): void {
    const { sample, host } = this;
    if (sample === undefined || sample.slot !== 0) return;
    const { requester, first } = sample;
    const isIn = runs.some(
      (run) => run.requester === requester && run.first <= first && first < run.first + run.count,
    );
    if (!isIn) return;
    sample.slot = slot;
    sample.item = host.core.acceptor.stagedThrough;
    sample.commands = runs.reduce((sum, { count }) => sum + count, 0);
    this.step('proposed', host.core.self);
  }

  private durable(item: number): void {
    const { sample, host } = this;
    if (sample === undefined || sample.slot === 0 || sample.item === 0 || item < sample.item) return;
    sample.item = 0;
    this.step('durable', host.core.self);
  }

  private accepted(from: ReplicaId, fromSlot: Slot, throughSlot: Slot): void {
    const { sample } = this;
    if (sample === undefined || sample.slot < fromSlot || sample.slot > throughSlot) return;
    const isTold = sample.steps.some(({ what, replica }) => what === 'durable' && replica === from);
    if (!isTold) this.step('durable', from);
  }

  private answered(): void {
    const { sample } = this;
    if (sample === undefined) return;
    this.step('answered', this.host.core.self);
    this.sample = undefined;
    const { slot, commands, steps } = sample;
    this.found({ slot, commands, steps });
  }
}
