/** Hands what was learned to the executor, slot by slot, and tells the core how far it has come. */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { Executor } from './executor.js';

/**
 * Applies every learned slot whose batch is to be had.
 * @param goesOn asked before each slot: what its requesters do when they hear may end the replica
 * @throws what stops the replica
 */
export function applyLearned(core: ReplicaCore, executor: Executor, goesOn: () => boolean): void {
  const { learner } = core;
  while (goesOn() && executor.appliedThrough < learner.learnedThrough) {
    const slot = executor.appliedThrough + 1;
    const batch = learner.batchAt(slot);
    if (batch === undefined) {
      // The log has lost the bytes since: a peer may have them, and nothing behind them is applied before.
      if (core.acceptor.damage.unavailable.has(slot)) return;
      const sentence = `the log no longer has the batch of slot ${slot}, which it vouched for`;
      throw new IndelibleError(ErrorCode.storeCorrupt, sentence);
    }
    executor.apply(slot, batch);
    core.applied(slot);
  }
}
