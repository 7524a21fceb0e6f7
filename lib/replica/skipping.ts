/**
 * An operator's decision to skip the command at which the state machine is halted, on its way into the log.
 *
 * 1. Only a leader that is itself halted at that very command proposes it, and only when a quorum has told
 *    since the decision came in how far it has applied, and nobody who has been heard of in this lead has
 *    applied that slot: a command that was executed anywhere is not skipped (contract 32). Whether somebody
 *    has is asked only when rule 2 holds: who went on by an earlier skip has diverged from nobody.
 * 2. It is proposed only when everything that earlier ballots may have chosen, and everything proposed in
 *    this one, is learned here and looked at for skips. So at most one record of a skip is ever chosen for a
 *    command: of an earlier one the leader knows, also while it cannot put its state back yet, and waits.
 * 3. Whoever decided it hears what came of it: once the replica goes on, or when its time is over.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { Ballot, Slot } from '../types.js';
import type { Executor } from './executor.js';
import { checkSkip, type Skip } from './skip-record.js';

/** The leader's part in it. */
export interface SkippingParts {
  readonly core: Pick<ReplicaCore, 'leader' | 'progress' | 'proposer' | 'quorum' | 'self'>;
  readonly executor: Pick<Executor, 'halt' | 'skips'>;
  readonly tickMs: number;
  readonly timeoutMs: number;
  /** @returns the slot of its record, or 0 if it has no place now */
  propose(skip: Skip): Slot;
}

interface Decision {
  readonly skip: Skip;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Ticks since it came in. */
  ticks: number;
  /** The ballot at which it was proposed. */
  proposedAt: Ballot | undefined;
  /** A record of it is learned: of this proposal, or of an earlier lead's. */
  isLearned: boolean;
}

export class Skipping {
  private readonly parts: SkippingParts;
  private decision: Decision | undefined;
  /** Of the decision, while there is one. */
  private done: Promise<void> = Promise.resolve();

  constructor(parts: SkippingParts) {
    this.parts = parts;
  }

  /**
   * Resolves when the command is skipped here, and will be on every replica. A second one for the same
   * command joins the first.
   * @throws TypeError, RangeError with ERR_INDELIBLE_ARGUMENT; (by rejection) ERR_INDELIBLE_NOT_EXECUTED: not
   * the leader, or no quorum in time; _NOT_HALTED; _DIVERGED; _UNKNOWN: it may be skipped yet
   */
  ask(skip: Skip): Promise<void> {
    checkSkip(skip);
    const refusal = this.refusalOf(skip);
    if (refusal !== undefined) return Promise.reject(refusal);
    if (this.decision !== undefined) return this.done;
    this.done = new Promise((resolve, reject) => {
      this.decision = { skip, resolve, reject, ticks: 0, proposedAt: undefined, isLearned: false };
    });
    // Whoever does not wait for it sees it in the status.
    this.done.catch(() => {});
    return this.done;
  }

  /** What can be decided is. */
  tick(): void {
    const { decision } = this;
    if (decision === undefined) return;
    const { tickMs, timeoutMs } = this.parts;
    const { skip } = decision;
    decision.ticks++;
    decision.isLearned ||= this.isLearned(skip);
    if (decision.proposedAt !== undefined || decision.isLearned) {
      if (!this.isHaltedAt(skip)) return this.end(undefined);
      const isLost = !decision.isLearned && this.parts.core.proposer.ballot !== decision.proposedAt;
      if (isLost || decision.ticks * tickMs > timeoutMs) this.end(unknown());
      return;
    }
    const refusal = this.refusalOf(skip);
    if (refusal !== undefined) return this.end(refusal);
    if (this.mayPropose(decision) && this.parts.propose(skip) !== 0) {
      decision.proposedAt = this.parts.core.proposer.ballot;
    } else if (decision.ticks * tickMs > timeoutMs) {
      const sentence = 'nothing is skipped: a majority did not report in time how far it has executed';
      this.end(new IndelibleError(ErrorCode.notExecuted, sentence));
    }
  }

  /** The replica stops: whoever waits hears. */
  stop(error: Error): void {
    this.end(this.decision?.proposedAt !== undefined ? unknown() : error);
  }

  private end(error: Error | undefined): void {
    const { decision } = this;
    this.decision = undefined;
    if (error === undefined) decision?.resolve();
    else decision?.reject(error);
  }

  /** Why nothing may be skipped there; undefined if it may, as far as is known now. */
  private refusalOf(skip: Skip): IndelibleError | undefined {
    const { core, executor } = this.parts;
    if (core.proposer.ballot === undefined) {
      const whom = core.leader === 0 ? 'nobody does now' : `ask replica ${core.leader}`;
      const sentence = `nothing is skipped: replica ${core.self} does not lead, ${whom}`;
      return new IndelibleError(ErrorCode.notExecuted, sentence);
    }
    if (!this.isHaltedAt(skip)) {
      const { halt } = executor;
      const where =
        halt === undefined ? 'not halted' : `halted at slot ${halt.slot}, command ${halt.ordinal}`;
      const sentence = `nothing is skipped: replica ${core.self} is ${where}`;
      return new IndelibleError(ErrorCode.notHalted, sentence);
    }
    // Whoever went on may have done so by an earlier skip, which is open here, or on its way into the state.
    if (!this.hasSeenAll || this.isLearned(skip)) return undefined;
    for (const { id } of core.quorum.configuration.members) {
      if ((core.progress.of(id)?.appliedThrough ?? 0) < skip.slot) continue;
      const sentence =
        `nothing is skipped: replica ${id} has executed slot ${skip.slot}. So the state machine is not ` +
        `deterministic: give replica ${core.self} the checkpoints of a replica that still executes`;
      return new IndelibleError(ErrorCode.diverged, sentence);
    }
    return undefined;
  }

  private isHaltedAt({ slot, ordinal }: Skip): boolean {
    const { halt } = this.parts.executor;
    return halt?.slot === slot && halt.ordinal === ordinal;
  }

  /** A quorum has told since, and nothing is open that could be a skip already. */
  private mayPropose({ ticks }: Decision): boolean {
    const { quorum, progress, self } = this.parts.core;
    let heardOf = quorum.bitOf(self);
    for (const { id } of quorum.configuration.members) {
      if ((progress.of(id)?.silentTicks ?? ticks) < ticks - 1) heardOf |= quorum.bitOf(id);
    }
    return quorum.isReached(heardOf) && this.hasSeenAll;
  }

  /** All that earlier ballots may have chosen, or this one proposed, is learned and looked at for skips. */
  private get hasSeenAll(): boolean {
    const { core, executor } = this.parts;
    return executor.skips.seenThrough >= Math.max(core.proposer.recoveredThrough, core.proposer.lastSlot);
  }

  private isLearned({ slot, ordinal }: Skip): boolean {
    return this.parts.executor.skips.has(slot, ordinal);
  }
}

function unknown(): IndelibleError {
  const sentence = 'it is not known whether the command is or will be skipped: see the status';
  return new IndelibleError(ErrorCode.unknown, sentence);
}
