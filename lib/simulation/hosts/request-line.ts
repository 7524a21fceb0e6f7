/**
 * One requester's commands, or its queries: what it asked, in order, and what it was told. A line of a front
 * end in the replica's own process, or of a client on another machine.
 *
 * 1. Every request that was taken has one outcome, in the order asked, unless the requester was abandoned or
 *    died with its process; what comes twice, out of order, or after that breaks the checker `requests`.
 * 2. It is told within the time that a replica promises (`overdue`).
 */
import type { Asker } from '../../transport/request-line.js';
import type { Slot } from '../../types.js';
import { RequestOutcome as Outcome } from '../../wire/client-messages.js';
import type { Operation } from '../observer.js';
import { Violation } from '../violation.js';
import type { Tell } from './told.js';

/** Requests with deadlines close to each other have the earliest; clocks are looked at now and then. */
const EARLY_MS_MAX = 100;

interface Open {
  readonly operation: Operation;
  readonly askedMs: number;
  readonly askedClockMs: number;
}

/** What a line is told to do behind an outcome, and when there is room again. */
export interface LineOwner {
  readonly tell: Tell;
  /** Something is broken: the simulation ends. */
  readonly broke: (violation: Violation) => void;
  /** Time in which the process runs. */
  readonly nowMs: () => number;
  /** The clock that deadlines are of. */
  readonly clockMs: () => number;
  /** A command that is younger is not told *unknown*; 0: it may be. */
  readonly unknownAfterMs: () => number;
  answered(line: RequestLine, outcome: Outcome, waitedMs: number): void;
  drained(line: RequestLine): void;
}

export class RequestLine implements Asker {
  readonly type: Operation['type'];
  private full = false;
  /** Since when it takes its answers. */
  private takesSinceMs = 0;
  /** Commands told unknown, of which none newer has been answered. */
  private unknown: number[] = [];
  /** Since when it waits for room; undefined while it does not. */
  stalledMs: number | undefined;
  private readonly owner: LineOwner;
  private readonly open: Open[] = [];
  private firstOpen = 0;
  private next = 0;
  private isOver = false;

  constructor(type: Operation['type'], owner: LineOwner) {
    this.type = type;
    this.owner = owner;
  }

  /** The number of the next request. */
  get nextNumber(): number {
    return this.next;
  }
  get openCount(): number {
    return this.open.length;
  }
  /** Whether it takes no answers. */
  get isFull(): boolean {
    return this.full;
  }
  set isFull(full: boolean) {
    this.full = full;
    this.takesSinceMs = this.owner.nowMs();
  }
  /** How long the oldest request has waited while its answer would have been taken, in milliseconds. */
  get waitedMs(): number {
    const [oldest] = this.open;
    if (oldest === undefined || this.full) return 0;
    return this.owner.nowMs() - Math.max(oldest.askedMs, this.takesSinceMs);
  }

  /** `take` hands these to the replica, which may answer at once. False: it did not take them. */
  ask(operations: readonly Operation[], take: () => boolean): boolean {
    const askedMs = this.owner.nowMs();
    const askedClockMs = this.owner.clockMs();
    for (const operation of operations) {
      this.owner.tell('asked', operation);
      this.open.push({ operation, askedMs, askedClockMs });
    }
    this.next += operations.length;
    let isTaken = false;
    try {
      isTaken = take();
    } finally {
      if (!isTaken) this.takeBack(operations.length);
    }
    if (!isTaken) this.stalledMs ??= askedMs;
    return isTaken;
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (this.isOver) return this.broken('was told an outcome after it had been abandoned');
    if (first !== this.firstOpen || count > this.open.length || count < 1) {
      return this.broken(
        `was told of ${count} from ${first}, and is owed ${this.open.length} from ${this.firstOpen}`,
      );
    }
    const { waitedMs } = this;
    this.firstOpen += count;
    let at = start;
    const view = new DataView(results.buffer, results.byteOffset, results.byteLength);
    for (const { operation, askedClockMs } of this.open.splice(0, count)) {
      if (outcome === Outcome.unknown && this.type === 'write') this.mustBeOver(askedClockMs);
      if (outcome === Outcome.done && at + 4 > end)
        return this.broken('was told fewer results than requests');
      this.tellOne(operation, outcome, view, at + 4);
      if (outcome === Outcome.done) at += 4 + view.getUint32(at, true);
    }
    if (at !== end) return this.broken('was told more results than requests');
    this.owner.answered(this, outcome, waitedMs);
  }

  drain(): void {
    if (this.isOver) return this.broken('was told of room after it had been abandoned');
    this.stalledMs = undefined;
    this.owner.drained(this);
  }

  /** Nothing is owed to it any more. @returns what was. */
  end(): number {
    this.isOver = true;
    return this.open.splice(0).length;
  }

  private takeBack(count: number): void {
    this.next -= count;
    this.open.length -= count;
  }

  /** Before its time is over a command is asked again, whoever has led meanwhile. */
  private mustBeOver(askedClockMs: number): void {
    const ageMs = this.owner.clockMs() - askedClockMs;
    const afterMs = this.owner.unknownAfterMs();
    if (ageMs >= afterMs - EARLY_MS_MAX) return;
    this.broken(`was told unknown after ${ageMs.toFixed(0)} ms, of ${afterMs} in which it is asked again`);
  }

  private tellOne(operation: Operation, outcome: Outcome, results: DataView, at: number): void {
    const { tell } = this.owner;
    if (outcome === Outcome.done) {
      if (this.type === 'write') this.wrote(operation, results.getFloat64(at, true));
      else tell('read', operation, results.getUint32(at, true));
    } else if (this.type === 'write' && (outcome === Outcome.notExecuted || outcome === Outcome.diskFull)) {
      tell('notExecuted', operation);
    } else if (outcome === Outcome.unknown || outcome === Outcome.sessionGone) {
      this.unknown.push(operation.id);
    }
  }

  private wrote(operation: Operation, slot: Slot): void {
    const { tell } = this.owner;
    tell('wrote', operation, slot);
    if (this.unknown.length === 0) return;
    tell('overtaken', this.unknown, slot);
    this.unknown = [];
  }

  private broken(what: string): void {
    this.owner.broke(new Violation('requests', `a requester’s ${this.type} line ${what}`));
  }
}
