/**
 * The executor: applies learned slots to the state machine, in order, each once (contract 16), and tells the
 * requesters whose commands they were.
 *
 * 1. A requester hears `done` only here: its command is chosen, durable at a quorum, and applied (contract
 *    17).
 * 2. A slot that was learned with another batch than the one proposed here says *not executed*: that batch's
 *    ballot and sequence are its own, so it can never be chosen elsewhere.
 * 3. However much a batch's commands answer, no more than a bound and one result is held at a time.
 * 4. `timeMs` never falls from slot to slot, whatever the leaders' clocks did.
 */
import { invariant } from '../contract.js';
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Batch, Digest, Slot } from '../types.js';
import { BatchKind } from '../types.js';
import { BATCH_HEADER_BYTES, COMMAND_HEADER_BYTES, commandLength, readBatchHeader } from './batch.js';
import { CommandCursor, RESULTS_BYTES_MAX, ResultBuffer } from './cursor.js';
import { Outcome, type Requester } from './service.js';
import type { StateMachine } from './state-machine.js';
import { abandonRuns, type RequestRun } from './submissions.js';

interface Pending {
  readonly digest: Digest;
  readonly runs: readonly RequestRun[];
  readonly deadlineMs: number;
  /** What this replica proposed in the same slot in an earlier ballot: it may still be the one. */
  readonly earlier: Pending | undefined;
}

/** Commands that a state machine is told of ahead of their execution, and the fewest that is worth it for. */
const FORESEEN = 64;
const FORESEEN_MIN = 4;

const NO_RESULTS = new Uint8Array(0);

export class Executor {
  private readonly machine: StateMachine;
  private readonly cursor = new CommandCursor();
  private readonly results = new ResultBuffer();
  private readonly pending = new Map<Slot, Pending>();
  private applied: Slot;
  private time: number;
  private commands = 0;

  constructor(machine: StateMachine, start: { readonly through: Slot; readonly timeMs: number }) {
    this.machine = machine;
    this.applied = start.through;
    this.time = start.timeMs;
  }

  get appliedThrough(): Slot {
    return this.applied;
  }
  /** The time of the last batch applied, ms since 1970. */
  get timeMs(): number {
    return this.time;
  }
  /** Commands executed since open. */
  get commandsExecuted(): number {
    return this.commands;
  }
  /** Proposals of this replica whose outcome is open. */
  get pendingSlots(): number {
    return this.pending.size;
  }

  /** The batch with `digest`, proposed here in `slot`, holds these requests. */
  expect(slot: Slot, digest: Digest, runs: readonly RequestRun[], deadlineMs: number): void {
    this.pending.set(slot, { digest, runs, deadlineMs, earlier: this.pending.get(slot) });
  }

  /** Applies the next slot. @throws ERR_INDELIBLE_STATE_MACHINE, after which the replica must stop. */
  apply(slot: Slot, batch: Batch): void {
    invariant(slot === this.applied + 1, 16, 'slots are applied in order');
    const pending = this.pending.get(slot);
    if (pending !== undefined) this.pending.delete(slot);
    if (batch.kind === BatchKind.commands) {
      let own = pending;
      while (own !== undefined && own.digest !== batch.digest) own = own.earlier;
      this.execute(slot, batch.bytes, own?.runs);
    }
    this.applied = slot;
    for (let other = pending; other !== undefined; other = other.earlier) {
      if (other.digest !== batch.digest) answer(other.runs, Outcome.notExecuted);
    }
  }

  /** Answers one query into `results`. False: the state machine declined it. */
  query(bytes: Uint8Array, start: number, end: number, nowMs: number, results: ResultBuffer): boolean {
    const { cursor } = this;
    this.point(bytes, this.applied, start, end);
    cursor.ordinal = 0;
    results.open();
    try {
      if (!this.machine.query(cursor, results, nowMs)) {
        results.discard();
        return false;
      }
    } catch (error) {
      throw machineError('query', this.applied, error);
    }
    results.seal();
    return true;
  }

  /** The state is now that of a checkpoint; what was proposed through its slot has an unknown outcome. */
  jump(through: Slot, timeMs: number): void {
    this.applied = through;
    this.time = Math.max(this.time, timeMs);
    for (const [slot, pending] of this.pending) {
      if (slot <= through) this.giveUp(slot, pending);
    }
  }

  /** Says *unknown* for proposals that have waited past their deadline; Infinity gives up all of them. */
  expire(nowMs: number): void {
    for (const [slot, pending] of this.pending) {
      if (pending.deadlineMs > nowMs) return;
      this.giveUp(slot, pending);
    }
  }

  abandon(requester: Requester): void {
    for (const pending of this.pending.values()) {
      for (let each: Pending | undefined = pending; each !== undefined; each = each.earlier) {
        abandonRuns(each.runs, requester);
      }
    }
  }

  private giveUp(slot: Slot, pending: Pending): void {
    this.pending.delete(slot);
    for (let each: Pending | undefined = pending; each !== undefined; each = each.earlier) {
      answer(each.runs, Outcome.unknown);
    }
  }

  private execute(slot: Slot, bytes: Uint8Array, runs: readonly RequestRun[] | undefined): void {
    const header = readBatchHeader(bytes);
    if (header.timeMs > this.time) this.time = header.timeMs;
    const { results, cursor } = this;
    results.clear();
    let at = BATCH_HEADER_BYTES;
    let run = 0;
    let inRun = 0;
    // Of this run, how many requests have heard; and where the results begin that nobody has heard yet.
    let told = 0;
    let untold = 0;
    for (let ordinal = 0; ordinal < header.count; ordinal++) {
      if (ordinal % FORESEEN === 0) this.foresee(slot, bytes, at, Math.min(FORESEEN, header.count - ordinal));
      const start = at + COMMAND_HEADER_BYTES;
      at = start + commandLength(bytes, at, bytes.length);
      this.point(bytes, slot, start, at);
      cursor.ordinal = ordinal;
      if (runs === undefined) results.clear();
      results.open();
      try {
        this.machine.execute(cursor, results);
      } catch (error) {
        throw machineError('execute', slot, error);
      }
      results.seal();
      if (runs === undefined) continue;
      inRun++;
      const { requester, first, count } = runs[run]!;
      if (inRun < count && results.end < RESULTS_BYTES_MAX) continue;
      requester.outcome(first + told, inRun - told, Outcome.done, results.buffer, untold, results.end);
      told = inRun;
      if (inRun === count) {
        run++;
        inRun = 0;
        told = 0;
      }
      if (results.end >= RESULTS_BYTES_MAX) results.clear();
      untold = results.end;
    }
    this.commands += header.count;
  }

  private foresee(slot: Slot, bytes: Uint8Array, start: number, count: number): void {
    if (this.machine.foresee === undefined || count < FORESEEN_MIN) return;
    // Checked first: what lies in a batch is from another process.
    let at = start;
    for (let i = 0; i < count; i++) at += COMMAND_HEADER_BYTES + commandLength(bytes, at, bytes.length);
    try {
      this.machine.foresee(bytes, start, count);
    } catch (error) {
      throw machineError('foresee', slot, error);
    }
  }

  private point(bytes: Uint8Array, slot: Slot, start: number, end: number): void {
    const { cursor } = this;
    cursor.bytes = bytes;
    cursor.start = start;
    cursor.end = end;
    cursor.slot = slot;
    cursor.timeMs = this.time;
  }
}

/** Tells the requesters of `runs` an outcome without results. */
export function answer(runs: readonly RequestRun[], outcome: Outcome): void {
  for (const { requester, first, count } of runs) requester.outcome(first, count, outcome, NO_RESULTS, 0, 0);
}

function machineError(method: string, slot: Slot, cause: unknown): IndelibleError {
  const sentence = `the state machine's ${method} threw at slot ${slot}: ${String(cause)}`;
  return new IndelibleError(ErrorCode.stateMachine, sentence, { cause });
}
