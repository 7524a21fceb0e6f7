/**
 * The executor: applies learned slots to the state machine, in order, each once (contract 16), and tells the
 * requesters whose commands they were.
 *
 * 1. A requester hears `done` only here: its command is chosen, durable at a quorum, and applied (contract
 *    17).
 * 2. A slot that was learned with another batch than the one proposed here says *not executed*: that batch's
 *    ballot and sequence are its own, so it can never be chosen elsewhere.
 * 3. However much a batch's commands answer, no more than a bound and one result is held at a time.
 * 4. Where the state machine throws, the requesters of its batch who have heard nothing hear *unknown*.
 * 5. A batch that was first proposed at a lower ballot than one applied before it is not executed, on any
 *    replica: had a quorum voted for it in its own ballot, the next leader would have found it and put it in
 *    front of its own. So nothing that one leader took is executed behind what a later one took.
 * 6. `timeMs` never falls from slot to slot, whatever the leaders' clocks did.
 */
import { invariant } from '../contract.js';
import { NO_BALLOT } from '../paxos/ballot.js';
import type { Ballot, Batch, Digest, Slot } from '../types.js';
import { BatchKind } from '../types.js';
import { BATCH_HEADER_BYTES, COMMAND_HEADER_BYTES, commandLength, readBatchHeader } from './batch.js';
import { CommandCursor, RESULTS_BYTES_MAX, ResultBuffer } from './cursor.js';
import { DeadlineWatch } from './deadlines.js';
import { machineError, notPromised } from './machine-calls.js';
import { Outcomes, tell } from './outcomes.js';
import { abandonRuns, isNobody, NOBODY, type RequestRun } from './runs.js';
import { Outcome, type Requester } from './service.js';
import type { StateMachine } from './state-machine.js';

interface Pending {
  readonly digest: Digest;
  readonly runs: readonly RequestRun[];
  /** What this replica proposed in the same slot in an earlier ballot: it may still be the one. */
  readonly earlier: Pending | undefined;
}

/** Commands that a state machine is told of ahead of their execution, and the fewest that is worth it for. */
const FORESEEN = 64;
const FORESEEN_MIN = 4;

export class Executor {
  readonly outcomes: Outcomes;
  private readonly machine: StateMachine;
  private readonly cursor = new CommandCursor();
  private readonly results = new ResultBuffer();
  private readonly pending = new Map<Slot, Pending>();
  private readonly deadlines = new DeadlineWatch();
  private applied: Slot;
  private time: number;
  private ballot: Ballot;
  private commands = 0;
  /** Of the batch being executed: the run that is to hear next, and how many of its requests have heard. */
  private run = 0;
  private told = 0;

  constructor(
    machine: StateMachine,
    start: { readonly through: Slot; readonly timeMs: number; readonly ballot?: Ballot },
    outcomes: Outcomes = new Outcomes(),
  ) {
    this.outcomes = outcomes;
    this.machine = machine;
    this.applied = start.through;
    this.time = start.timeMs;
    this.ballot = start.ballot ?? NO_BALLOT;
  }

  get appliedThrough(): Slot {
    return this.applied;
  }
  /** The time of the last batch applied, ms since 1970. */
  get timeMs(): number {
    return this.time;
  }
  /** The highest ballot at which a batch applied here was first proposed. */
  get ballotThrough(): Ballot {
    return this.ballot;
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
  expect(slot: Slot, digest: Digest, runs: readonly RequestRun[]): void {
    this.pending.set(slot, { digest, runs, earlier: this.pending.get(slot) });
    for (const { deadlineMs } of runs) this.deadlines.add(deadlineMs);
  }

  /** Applies the next slot. @throws ERR_INDELIBLE_STATE_MACHINE, after which the replica must stop. */
  apply(slot: Slot, batch: Batch): void {
    invariant(slot === this.applied + 1, 16, 'slots are applied in order');
    const pending = this.pending.get(slot);
    if (pending !== undefined) this.pending.delete(slot);
    if (batch.kind === BatchKind.commands) {
      let own = pending;
      while (own !== undefined && own.digest !== batch.digest) own = own.earlier;
      this.executeTold(slot, batch, own?.runs, pending);
    }
    this.applied = slot;
    this.refuseOthers(pending, batch.digest);
  }

  /** Answers one query into `results`. False: the state machine declined it. */
  query(bytes: Uint8Array, start: number, end: number, nowMs: number, results: ResultBuffer): boolean {
    const { cursor } = this;
    this.point(bytes, this.applied, start, end);
    cursor.ordinal = 0;
    results.open();
    let isAnswered: boolean;
    try {
      isAnswered = notPromised(this.machine.query(cursor, results, nowMs));
    } catch (error) {
      results.discard();
      throw machineError('query', this.applied, error);
    }
    if (isAnswered) results.seal();
    else results.discard();
    return isAnswered;
  }

  /** The state is now that of a checkpoint; what was proposed through its slot has an unknown outcome. */
  jump(through: Slot, timeMs: number, ballot: Ballot = NO_BALLOT): void {
    this.applied = through;
    if (ballot > this.ballot) this.ballot = ballot;
    this.time = Math.max(this.time, timeMs);
    for (const [slot, pending] of this.pending) {
      if (slot <= through) this.giveUp(slot, pending);
    }
  }

  /** Says *unknown* to those whose deadline is over; their commands may be executed yet. */
  expire(nowMs: number): void {
    if (!this.deadlines.isDue(nowMs)) return;
    this.deadlines.begin();
    for (const [slot, pending] of this.pending) {
      let isAwaited = false;
      for (const { runs } of oldestFirst(pending)) {
        const overdue: RequestRun[] = [];
        for (const run of runs) {
          if (isNobody(run.requester)) continue;
          if (run.deadlineMs > nowMs) {
            isAwaited = true;
            this.deadlines.add(run.deadlineMs);
          } else {
            overdue.push({ ...run });
            run.requester = NOBODY;
          }
        }
        this.outcomes.answer(overdue, Outcome.unknown);
      }
      if (!isAwaited) this.pending.delete(slot);
    }
  }

  /** Says *unknown* for all proposals that have no outcome. */
  giveUpAll(): void {
    for (const [slot, pending] of this.pending) this.giveUp(slot, pending);
  }

  abandon(requester: Requester): void {
    this.outcomes.abandon(requester);
    for (const pending of this.pending.values()) {
      for (let each: Pending | undefined = pending; each !== undefined; each = each.earlier) {
        abandonRuns(each.runs, requester);
      }
    }
  }

  private giveUp(slot: Slot, pending: Pending): void {
    this.pending.delete(slot);
    for (const { runs } of oldestFirst(pending)) this.outcomes.answer(runs, Outcome.unknown);
  }

  /** Another batch than these took their slot. */
  private refuseOthers(pending: Pending | undefined, digest: Digest): void {
    for (let other = pending; other !== undefined; other = other.earlier) {
      if (other.digest !== digest) this.outcomes.answer(other.runs, Outcome.notExecuted);
    }
  }

  /** Executes a batch; everybody who waits for it or for its slot hears, also where the machine throws. */
  private executeTold(
    slot: Slot,
    batch: Batch,
    runs: readonly RequestRun[] | undefined,
    pending: Pending | undefined,
  ): void {
    if (runs === undefined) {
      try {
        return this.execute(slot, batch.bytes, undefined);
      } catch (error) {
        this.refuseOthers(pending, batch.digest);
        throw error;
      }
    }
    this.outcomes.begin(runs);
    this.run = 0;
    this.told = 0;
    try {
      this.execute(slot, batch.bytes, runs);
    } catch (error) {
      const { run, told } = this;
      const rest = runs.slice(run).map(({ requester, first, count, deadlineMs }, i) => {
        const heard = i === 0 ? told : 0;
        return { requester, first: first + heard, count: count - heard, deadlineMs };
      });
      this.outcomes.answer(rest, Outcome.unknown);
      this.refuseOthers(pending, batch.digest);
      throw error;
    } finally {
      this.outcomes.end();
    }
  }

  private execute(slot: Slot, bytes: Uint8Array, runs: readonly RequestRun[] | undefined): void {
    const header = readBatchHeader(bytes);
    if (header.ballot < this.ballot) {
      if (runs !== undefined) this.outcomes.answer(runs, Outcome.notExecuted);
      return;
    }
    this.ballot = header.ballot;
    if (header.timeMs > this.time) this.time = header.timeMs;
    const { results, cursor } = this;
    results.clear();
    let at = BATCH_HEADER_BYTES;
    let inRun = 0;
    // Where the results begin that nobody has heard yet.
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
        // What it returns is nothing, or the promise of a mistake.
        const returned: unknown = this.machine.execute(cursor, results);
        if (returned !== undefined) notPromised(returned);
      } catch (error) {
        results.discard();
        // What came before it is executed.
        if (runs !== undefined && inRun > this.told) this.tellDone(runs, inRun, untold);
        throw machineError('execute', slot, error);
      }
      results.seal();
      if (runs === undefined) continue;
      inRun++;
      const { count } = runs[this.run]!;
      if (inRun < count && results.end < RESULTS_BYTES_MAX) continue;
      this.tellDone(runs, inRun, untold);
      if (inRun === count) inRun = 0;
      if (results.end >= RESULTS_BYTES_MAX) results.clear();
      untold = results.end;
    }
    this.commands += header.count;
  }

  /** This run has executed `inRun` requests: those that have not heard do, of the results from `at` on. */
  private tellDone(runs: readonly RequestRun[], inRun: number, at: number): void {
    const { results, told } = this;
    const { requester, first, count } = runs[this.run]!;
    this.told = inRun;
    if (inRun === count) {
      this.run++;
      this.told = 0;
    }
    tell(requester, first + told, inRun - told, Outcome.done, results.buffer, at, results.end);
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

/** What was proposed in one slot, in the order in which it was. */
function oldestFirst(pending: Pending): readonly Pending[] {
  const all: Pending[] = [];
  for (let each: Pending | undefined = pending; each !== undefined; each = each.earlier) all.unshift(each);
  return all;
}
