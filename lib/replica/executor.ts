/**
 * The executor: applies learned slots to the state machine, in order, each once (contract 16), and tells the
 * requesters whose commands they were.
 *
 * 1. A requester hears `done` only here: its command is chosen, durable at a quorum, and applied (contract
 *    17).
 * 2. A slot that was learned with another batch than the one proposed here says *not executed*: that batch's
 *    ballot and sequence are its own, so it can never be chosen elsewhere.
 * 3. However much a batch's commands answer, no more than a bound and one result is held at a time.
 * 4. Where the state machine throws at a command, this executor is *halted*: the requesters of its batch who
 *    have heard nothing hear *unknown*, and nothing is applied before the state is that before the batch
 *    again (`rewind`) and the command known to be skipped, or a peer's state has come (`jump`).
 * 5. A batch that was first proposed at a lower ballot than one applied before it is not executed, on any
 *    replica: had a quorum voted for it in its own ballot, the next leader would have found it and put it in
 *    front of its own. So nothing that one leader took is executed behind what a later one took.
 * 6. A command that is skipped is not executed, on any replica; its requester hears *skipped*.
 * 7. `timeMs` never falls from slot to slot, whatever the leaders' clocks did.
 * 8. Of commands of a session only the next one is executed; the others have what sessions/session-guard.ts
 *    says (contract 18).
 */
import { callbackReturned, callbackThrew } from '../callbacks.js';
import { invariant } from '../contract.js';
import { ErrorCode, IndelibleError } from '../errors.js';
import { NO_BALLOT } from '../paxos/ballot.js';
import type { Ballot, Batch, Digest, Slot } from '../types.js';
import { BatchKind } from '../types.js';
import {
  BATCH_HEADER_BYTES,
  type BatchStamp,
  COMMAND_HEADER_BYTES,
  commandLength,
  isOfSessions,
  readBatchHeader,
} from './batch.js';
import { CommandCursor, RESULTS_BYTES_MAX, ResultBuffer } from './cursor.js';
import { DeadlineWatch } from './deadlines.js';
import { machineError, notPromised } from './machine-calls.js';
import { Outcomes, tell } from './outcomes.js';
import { abandonRuns, isNobody, NOBODY, type RequestRun } from './runs.js';
import { Outcome, type Requester } from './service.js';
import { SessionGuard, Step } from './sessions/session-guard.js';
import { SessionTable } from './sessions/session-table.js';
import { isSkipRecord, readSkipRecord } from './skip-record.js';
import { Skips } from './skips.js';
import type { StateMachine } from './state-machine.js';

interface Pending {
  readonly digest: Digest;
  readonly runs: readonly RequestRun[];
  readonly proposedMs: number;
  /** What this replica proposed in the same slot in an earlier ballot: it may still be the one. */
  readonly earlier: Pending | undefined;
}

/** The command at which the state machine has thrown. */
export interface Halt {
  /** The slot that holds the command. */
  readonly slot: Slot;
  /** Its place within the slot, from 0. */
  readonly ordinal: number;
  /** ERR_INDELIBLE_STATE_MACHINE; `cause` is what was thrown. */
  readonly error: Error;
}

/** What is told of a request that a halted replica does not take. */
export function haltedError({ error }: Halt): IndelibleError {
  const sentence = `not executed: this replica is halted: ${error.message}`;
  return new IndelibleError(ErrorCode.halted, sentence, { cause: error });
}

/** Where a state stands, and what goes on from there. */
export interface Standing {
  readonly through: Slot;
  readonly timeMs: number;
  readonly ballot?: Ballot;
}

/** Commands that a state machine is told of ahead of their execution, and the fewest that is worth it for. */
const FORESEEN = 64;
const FORESEEN_MIN = 4;
const FORESEE = "the state machine's foresee";

export class Executor {
  /** So many commands of a batch proposed here, at that time, are executed and their requesters told. */
  answered: (proposedMs: number, commands: number) => void = () => {};
  readonly outcomes: Outcomes;
  readonly skips: Skips;
  private readonly machine: StateMachine;
  private readonly cursor = new CommandCursor();
  private readonly results = new ResultBuffer();
  private readonly guard: SessionGuard;
  private readonly pending = new Map<Slot, Pending>();
  private readonly deadlines = new DeadlineWatch();
  private applied: Slot;
  private time: number;
  private ballot: Ballot;
  private commands = 0;
  private halted: Halt | undefined;
  /** Of the batch being executed: the run that is to hear next, and how many of its requests have heard. */
  private run = 0;
  private told = 0;

  constructor(machine: StateMachine, start: Standing, sessions: SessionTable = new SessionTable()) {
    this.outcomes = new Outcomes();
    this.guard = new SessionGuard(sessions);
    this.skips = new Skips(start.through);
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
  /** What has become of commands of sessions. */
  get sessions(): Pick<SessionGuard, 'table' | 'repeated' | 'refused'> {
    return this.guard;
  }
  /** Commands executed since open. */
  get commandsExecuted(): number {
    return this.commands;
  }
  /** Where the state machine has thrown: the state may be half way through that command. */
  get halt(): Halt | undefined {
    return this.halted;
  }
  /** Proposals of this replica whose outcome is open. */
  get pendingSlots(): number {
    return this.pending.size;
  }

  /** The batch with `digest`, proposed here in `slot` at `proposedMs`, holds these requests. */
  expect(slot: Slot, digest: Digest, runs: readonly RequestRun[], proposedMs = 0): void {
    this.pending.set(slot, { digest, runs, proposedMs, earlier: this.pending.get(slot) });
    for (const { deadlineMs } of runs) this.deadlines.add(deadlineMs);
  }

  /** Applies the next slot; where the state machine throws at it, this is halted, and it is not applied. */
  apply(slot: Slot, batch: Batch): void {
    invariant(slot === this.applied + 1 && this.halted === undefined, 16, 'slots are applied in order');
    invariant(slot <= this.skips.seenThrough, 32, 'what is applied was looked at for skips');
    const pending = this.pending.get(slot);
    if (pending !== undefined) this.pending.delete(slot);
    if (isSkipRecord(batch)) {
      this.stamp(readSkipRecord(batch.bytes));
    } else if (batch.kind === BatchKind.commands) {
      let own = pending;
      while (own !== undefined && own.digest !== batch.digest) own = own.earlier;
      const before = this.commands;
      this.executeTold(slot, batch, own?.runs, pending);
      if (this.isHalted) return;
      if (own !== undefined) this.answered(own.proposedMs, this.commands - before);
    }
    this.applied = slot;
    this.skips.forget(slot);
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
    this.skips.jump(through);
    if (this.halted !== undefined && this.halted.slot <= through) this.halted = undefined;
    if (ballot > this.ballot) this.ballot = ballot;
    this.time = Math.max(this.time, timeMs);
    for (const [slot, pending] of this.pending) {
      if (slot <= through) this.giveUp(slot, pending);
    }
  }

  /** The state is that of an earlier slot again: what is behind it is executed anew, but what is skipped. */
  rewind({ through, timeMs, ballot = NO_BALLOT }: Standing): void {
    this.applied = through;
    this.time = timeMs;
    this.ballot = ballot;
    this.halted = undefined;
    this.skips.rewind(through);
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

  /** As `halt`; not narrowed by what was known before a call. */
  private get isHalted(): boolean {
    return this.halted !== undefined;
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
        this.execute(slot, batch.bytes, undefined);
      } catch (error) {
        this.refuseOthers(pending, batch.digest);
        this.haltAt(error);
      }
      return;
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
      this.haltAt(error);
    } finally {
      this.outcomes.end();
    }
  }

  /** A command at which the machine threw halts this; @throws anything else that went wrong */
  private haltAt(error: unknown): void {
    if (!(error instanceof CommandThrew)) throw error;
    this.halted = error.halt;
  }

  /** A batch of this stamp is in force: time and ballots only rise. */
  private stamp({ ballot, timeMs }: BatchStamp): void {
    if (ballot > this.ballot) this.ballot = ballot;
    if (timeMs > this.time) this.time = timeMs;
  }

  private execute(slot: Slot, bytes: Uint8Array, runs: readonly RequestRun[] | undefined): void {
    const header = readBatchHeader(bytes);
    if (header.ballot < this.ballot) {
      if (runs !== undefined) this.outcomes.answer(runs, Outcome.notExecuted);
      return;
    }
    this.stamp(header);
    const { results, cursor } = this;
    const skipped = this.skips.of(slot);
    const guard = isOfSessions(bytes) ? this.guard : undefined;
    const end = guard?.begin(bytes, header.count, this.time) ?? bytes.length;
    results.clear();
    let at = BATCH_HEADER_BYTES;
    let inRun = 0;
    // Where the results begin that nobody has heard yet.
    let untold = 0;
    for (let ordinal = 0; ordinal < header.count; ordinal++) {
      if (ordinal % FORESEEN === 0 && skipped === undefined)
        this.foresee(bytes, at, Math.min(FORESEEN, header.count - ordinal));
      const start = at + COMMAND_HEADER_BYTES;
      at = start + commandLength(bytes, at, end);
      const step = guard === undefined ? Step.execute : guard.next();
      const isSkipped = step === Step.execute && skipped !== undefined && this.skips.has(slot, ordinal);
      if (isSkipped) guard?.skipped(results);
      if (isSkipped || step === Step.refuse) {
        if (runs === undefined) continue;
        if (inRun > this.told) this.tellDone(runs, inRun, untold);
        if (this.tellRefused(runs, isSkipped ? Outcome.skipped : this.guard.refusal)) inRun = 0;
        else inRun++;
        untold = results.end;
        continue;
      }
      if (runs === undefined && guard?.keeps !== true) results.clear();
      if (step === Step.execute) {
        this.point(bytes, slot, start, at);
        cursor.ordinal = ordinal;
        guard?.opening(results);
        const thrown = this.executeOne();
        if (thrown !== undefined) {
          // What came before it is executed.
          if (runs !== undefined && inRun > this.told) this.tellDone(runs, inRun, untold);
          throw thrown;
        }
        guard?.sealed(results);
      } else this.guard.answer(step, results);
      if (runs === undefined) {
        if (results.end >= RESULTS_BYTES_MAX) results.clear();
        continue;
      }
      inRun++;
      const { count } = runs[this.run]!;
      if (inRun < count && results.end < RESULTS_BYTES_MAX) continue;
      this.tellDone(runs, inRun, untold);
      if (inRun === count) inRun = 0;
      if (results.end >= RESULTS_BYTES_MAX) results.clear();
      untold = results.end;
    }
    guard?.end();
  }

  /** Executes the command that the cursor stands at. @returns what halts this there, if that is so */
  private executeOne(): CommandThrew | undefined {
    const { results, cursor } = this;
    results.open();
    try {
      // What it returns is nothing, or the promise of a mistake.
      const returned: unknown = this.machine.execute(cursor, results);
      if (returned !== undefined) notPromised(returned);
    } catch (error) {
      results.discard();
      const { slot, ordinal } = cursor;
      return new CommandThrew({ slot, ordinal, error: machineError('execute', slot, error) });
    }
    results.seal();
    this.commands++;
    return undefined;
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

  /** The next request of this run is not executed. @returns whether it was the last of the run */
  private tellRefused(runs: readonly RequestRun[], outcome: Outcome): boolean {
    const { requester, first, count } = runs[this.run]!;
    const number = first + this.told;
    const { results } = this;
    this.told++;
    const isLast = this.told === count;
    if (isLast) {
      this.run++;
      this.told = 0;
    }
    tell(requester, number, 1, outcome, results.buffer, 0, 0);
    return isLast;
  }

  private foresee(bytes: Uint8Array, start: number, count: number): void {
    if (this.machine.foresee === undefined || count < FORESEEN_MIN) return;
    // Checked first: what lies in a batch is from another process.
    let at = start;
    for (let i = 0; i < count; i++) at += COMMAND_HEADER_BYTES + commandLength(bytes, at, bytes.length);
    // A hint: whether it is taken changes nothing that the machine computes.
    try {
      const returned: unknown = this.machine.foresee(bytes, start, count);
      if (returned !== undefined) callbackReturned(FORESEE, returned);
    } catch (error) {
      callbackThrew(FORESEE, error);
    }
  }

  private point(bytes: Uint8Array, slot: Slot, start: number, end: number): void {
    const { cursor } = this;
    cursor.bytes = bytes;
    cursor.start = start;
    cursor.end = end;
    cursor.slot = slot;
    cursor.ballot = this.ballot;
    cursor.timeMs = this.time;
  }
}

/** Carries a halt out of the execution of a batch. */
class CommandThrew extends Error {
  readonly halt: Halt;

  constructor(halt: Halt) {
    super('halted');
    this.halt = halt;
  }
}

/** What was proposed in one slot, in the order in which it was. */
function oldestFirst(pending: Pending): readonly Pending[] {
  const all: Pending[] = [];
  for (let each: Pending | undefined = pending; each !== undefined; each = each.earlier) all.unshift(each);
  return all;
}
