/**
 * Hands what was learned to the executor, slot by slot, and tells the core how far it has come.
 *
 * 1. All that is learned is looked at for skips before any of it is applied (skips.ts): also after a restart,
 *    when it comes from the log.
 * 2. Where the state machine throws at a command, nothing more is applied: its state may be half way through.
 *    Once the command is known to be skipped the state is put back to the checkpoint in force, and what lies
 *    between, which the log holds, is executed again.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { Batch, Slot } from '../types.js';
import type { Executor, Halt, Standing } from './executor.js';

export interface ApplyingParts {
  readonly core: ReplicaCore;
  readonly executor: Executor;
  /** The checkpoint in force, and the state machine put back to it. */
  readonly checkpoints: {
    readonly base: Standing;
    readonly mayRestore: boolean;
    restoreAgain(): void;
  };
  /** Asked before each slot: what its requesters do when they hear may end the replica. */
  goesOn(): boolean;
  /** The state machine has thrown, or (undefined) goes on behind what it threw at. */
  halted(halt: Halt | undefined): void;
}

export class Applying {
  private readonly parts: ApplyingParts;
  private told: Halt | undefined;

  constructor(parts: ApplyingParts) {
    this.parts = parts;
  }

  /** Applies every learned slot whose batch is to be had. @throws what stops the replica */
  run(): void {
    this.goOn();
    const { halt } = this.parts.executor;
    if (halt === this.told) return;
    this.told = halt;
    this.parts.halted(halt);
  }

  private goOn(): void {
    const { core, executor } = this.parts;
    const { learner } = core;
    while (this.parts.goesOn() && executor.appliedThrough < learner.learnedThrough) {
      if (!this.lookAhead()) return;
      const { halt } = executor;
      if (halt !== undefined && !(executor.skips.has(halt.slot, halt.ordinal) && this.rebuild(halt))) return;
      const slot = executor.appliedThrough + 1;
      const batch = this.batchAt(slot);
      if (batch === undefined) return;
      executor.apply(slot, batch);
      if (executor.appliedThrough === slot) core.applied(slot);
    }
  }

  /** Looks for skips in all that is learned. False: a batch is not to be had now. */
  private lookAhead(): boolean {
    const { core, executor } = this.parts;
    const { skips } = executor;
    while (skips.seenThrough < core.learner.learnedThrough) {
      const slot = skips.seenThrough + 1;
      const batch = this.batchAt(slot);
      if (batch === undefined) return false;
      skips.see(slot, batch, executor.appliedThrough);
    }
    return true;
  }

  /** A learned batch that is not applied; undefined while only peers have it. @throws if it is gone */
  private batchAt(slot: Slot): Batch | undefined {
    const { core } = this.parts;
    const batch = core.learner.batchAt(slot);
    // The log has lost the bytes since: a peer may have them, and nothing behind them is applied before.
    if (batch !== undefined || core.acceptor.damage.unavailable.has(slot)) return batch;
    throw gone(slot);
  }

  /** Puts the state back to that before the slot at which it halted. False: not now, see `mayRestore`. */
  private rebuild({ slot }: Halt): boolean {
    const { core, executor, checkpoints } = this.parts;
    if (!checkpoints.mayRestore) return false;
    const { base } = checkpoints;
    checkpoints.restoreAgain();
    executor.rewind(base);
    for (let next = base.through + 1; next <= core.learner.learnedThrough; next++) {
      const batch = next < slot ? core.learner.learnedBatch(next) : this.batchAt(next);
      if (batch === undefined) throw gone(next);
      executor.skips.see(next, batch, executor.appliedThrough);
    }
    while (executor.appliedThrough < slot - 1) {
      const next = executor.appliedThrough + 1;
      executor.apply(next, core.learner.learnedBatch(next)!);
      if (executor.halt !== undefined) throw executor.halt.error;
    }
    return true;
  }
}

function gone(slot: Slot): IndelibleError {
  const sentence = `the log no longer has the batch of slot ${slot}, although its record says that it has it`;
  return new IndelibleError(ErrorCode.storeCorrupt, sentence);
}
