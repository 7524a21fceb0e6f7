/**
 * What is durable on which replica, seen from outside: the ground truth that other checkers compare with.
 *
 * 1. Here a batch is *chosen* as soon as a quorum has durable votes for it at one ballot, whether or not any
 *    replica knows (*Paxos Made Simple*, section 2.2).
 * 2. The checker `votes` breaks when two batches have votes at one (ballot, slot) (contracts 4, 11), or
 *    when a vote above the ballot of a chosen batch is for another one (P2b).
 */
import { formatBallot } from '../../paxos/ballot.js';
import type { Ballot, BatchKind, Digest, ReplicaId, Slot } from '../../types.js';
import type { DurableItem, Observer } from '../observer.js';
import { must, Violation } from '../violation.js';

interface Voted {
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly voters: Set<ReplicaId>;
}

export interface ChosenBatch {
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
}

export class Votes implements Observer {
  private readonly quorumSize: number;
  private readonly bySlot = new Map<Slot, Map<Ballot, Voted>>();
  private readonly chosen = new Map<Slot, ChosenBatch>();

  constructor(replicas: number) {
    this.quorumSize = Math.floor(replicas / 2) + 1;
  }

  /** The batch chosen in `slot` and the lowest ballot that chose it, as far as votes have become durable. */
  chosenAt(slot: Slot): ChosenBatch | undefined {
    return this.chosen.get(slot);
  }

  hasVoted(replica: ReplicaId, slot: Slot, ballot: Ballot): boolean {
    return this.bySlot.get(slot)?.get(ballot)?.voters.has(replica) ?? false;
  }

  /** A vote that survived a crash counts, even if the store never came to say that it was durable. */
  recovered(replica: ReplicaId, vote: DurableItem): void {
    this.durable(replica, vote);
  }

  durable(replica: ReplicaId, { slot, ballot, kind, digest }: DurableItem): void {
    if (slot === 0) return;
    let ballots = this.bySlot.get(slot);
    if (ballots === undefined) {
      ballots = new Map();
      this.bySlot.set(slot, ballots);
    }
    let voted = ballots.get(ballot);
    if (voted === undefined) {
      voted = { kind, digest, voters: new Set() };
      ballots.set(ballot, voted);
    }
    must(
      voted.digest === digest && voted.kind === kind,
      'votes',
      () => `replica ${replica} voted for a second batch at slot ${slot}, ballot ${formatBallot(ballot)}`,
    );
    voted.voters.add(replica);
    const before = this.chosen.get(slot);
    if (before !== undefined) {
      if (ballot > before.ballot) this.mustCarry(replica, slot, ballot, digest, before);
      return;
    }
    if (voted.voters.size < this.quorumSize) return;
    const chosen = { ballot, kind, digest };
    this.chosen.set(slot, chosen);
    for (const [other, vote] of ballots) {
      if (other > ballot) this.mustCarry([...vote.voters][0]!, slot, other, vote.digest, chosen);
    }
  }

  private mustCarry(
    replica: ReplicaId,
    slot: Slot,
    ballot: Ballot,
    digest: Digest,
    chosen: ChosenBatch,
  ): void {
    if (digest === chosen.digest) return;
    throw new Violation(
      'votes',
      `replica ${replica} voted at slot ${slot}, ballot ${formatBallot(ballot)} for another batch than the one ` +
        `chosen at ballot ${formatBallot(chosen.ballot)}`,
    );
  }
}
