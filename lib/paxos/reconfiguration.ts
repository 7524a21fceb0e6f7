/**
 * Whether a change of members may be proposed now (contract 28). What follows from one that is chosen is in
 * configurations.ts and succession.ts.
 *
 * 1. One change at a time: the number is the next one, and no stop-sign of the ballot led is open.
 * 2. Ids are never used twice, and a store keeps its id: a new member has an id above all that were ever
 *    used.
 * 3. Learners first: a new member does not vote, and a voter that was none has caught up.
 * 4. A majority of the new voters can be heard now.
 */
import type { Batch, Configuration, Member, ReplicaId, Slot } from '../types.js';
import { highestIdOf } from './configuration-batch.js';
import type { Configurations } from './configurations.js';
import type { Learner } from './learner.js';
import { reachTicks, type Timing } from './options.js';
import type { Progress } from './progress.js';
import type { Proposer } from './proposer.js';
import { Quorum } from './quorum.js';

/** Why a change is refused; `who` is the member it is about, where it is about one. */
export type Refusal =
  | { readonly why: 'not leading' | 'not now' | 'another change' | 'no majority' }
  | {
      readonly why: 'id used' | 'other store' | 'not a learner first' | 'not caught up';
      readonly who: ReplicaId;
    };

export class Reconfiguration {
  private readonly self: ReplicaId;
  private readonly configurations: Configurations;
  private readonly learner: Learner;
  private readonly proposer: Proposer;
  private readonly progress: Progress;
  private readonly timing: Timing;
  /** Slots that a learner may lack when it becomes a voter. */
  private readonly lagSlotsMax: number;

  constructor(
    self: ReplicaId,
    configurations: Configurations,
    learner: Learner,
    leading: { readonly proposer: Proposer; readonly progress: Progress },
    timing: Timing,
    lagSlotsMax: number,
  ) {
    this.self = self;
    this.configurations = configurations;
    this.learner = learner;
    this.proposer = leading.proposer;
    this.progress = leading.progress;
    this.timing = timing;
    this.lagSlotsMax = lagSlotsMax;
  }

  /**
   * Proposes the configuration `next`, which `batch` holds (configuration-batch.ts) and which ends the one in
   * force.
   * @returns its slot, or why it is not proposed
   */
  propose(next: Configuration, batch: Batch): Slot | Refusal {
    const { proposer } = this;
    if (proposer.ballot === undefined) return { why: 'not leading' };
    if (proposer.isStopping) return { why: 'another change' };
    const refusal = this.refusal(next);
    if (refusal !== undefined) return refusal;
    const slot = proposer.propose(batch);
    return slot === 0 ? { why: 'not now' } : slot;
  }

  /** Why the leader may not propose `next` now; undefined if it may. */
  refusal(next: Configuration): Refusal | undefined {
    const { configuration } = this.configurations.quorum;
    if (next.number !== configuration.number + 1) return { why: 'another change' };
    const highestId = highestIdOf(configuration);
    for (const member of next.members) {
      const before = configuration.members.find(({ id }) => id === member.id);
      const refused = before === undefined ? this.ofNew(member, highestId) : this.ofKnown(member, before);
      if (refused !== undefined) return refused;
    }
    const quorum = new Quorum(next);
    let heard = 0;
    for (const id of quorum.voters) if (this.isHeard(id)) heard |= quorum.bitOf(id);
    return quorum.isReached(heard) ? undefined : { why: 'no majority' };
  }

  /** True if `id` answers heartbeats and lacks no more than `lagSlotsMax` slots. */
  hasCaughtUp(id: ReplicaId): boolean {
    return this.isHeard(id) && this.learnedBy(id) + this.lagSlotsMax >= this.learner.learnedThrough;
  }

  private ofNew({ id, role }: Member, highestId: ReplicaId): Refusal | undefined {
    if (id <= highestId) return { why: 'id used', who: id };
    return role === 'learner' ? undefined : { why: 'not a learner first', who: id };
  }

  private ofKnown({ id, storeUuid, role }: Member, before: Member): Refusal | undefined {
    if (before.storeUuid !== storeUuid) return { why: 'other store', who: id };
    const becomesVoter = role !== 'learner' && before.role === 'learner';
    return becomesVoter && !this.hasCaughtUp(id) ? { why: 'not caught up', who: id } : undefined;
  }

  private isHeard(id: ReplicaId): boolean {
    return id === this.self || (this.progress.of(id)?.silentTicks ?? Infinity) < reachTicks(this.timing);
  }

  private learnedBy(id: ReplicaId): Slot {
    return id === this.self ? this.learner.learnedThrough : (this.progress.of(id)?.learnedThrough ?? 0);
  }
}
