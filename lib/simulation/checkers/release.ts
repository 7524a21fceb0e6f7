/**
 * Release: no message leaves before what it rests on is durable (contract 5), and an answer to a prepare
 * leaves out no vote that was durable before its promise (contract 6).
 */
import { formatBallot } from '../../paxos/ballot.js';
import type { Accepted, Message, Promised } from '../../paxos/messages.js';
import type { Ballot, Digest, ReplicaId, Slot } from '../../types.js';
import type { DurableItem, Observer } from '../observer.js';
import { must } from '../violation.js';
import type { Promises } from './promises.js';
import type { Votes } from './votes.js';

interface Mark {
  readonly ballot: Ballot;
  readonly digest: Digest;
}

export class Release implements Observer {
  private readonly votes: Votes;
  private readonly promises: Promises;
  /** The newest durable vote of each replica for each slot. */
  private readonly marks = new Map<ReplicaId, Map<Slot, Mark>>();
  /** What each of a replica's promises found, as votes: copied when the promise became durable. */
  private readonly atPromise = new Map<ReplicaId, { ballot: Ballot; votes: Map<Slot, Mark> }>();

  constructor(votes: Votes, promises: Promises) {
    this.votes = votes;
    this.promises = promises;
  }

  recovered(replica: ReplicaId, vote: DurableItem): void {
    this.durable(replica, vote);
  }

  durable(replica: ReplicaId, { slot, ballot, digest }: DurableItem): void {
    let marks = this.marks.get(replica);
    if (marks === undefined) {
      marks = new Map();
      this.marks.set(replica, marks);
    }
    if (slot > 0) marks.set(slot, { ballot, digest });
    // A promise that is written once more, because its record is damaged, is as old as it was.
    else if (this.atPromise.get(replica)?.ballot !== ballot) {
      this.atPromise.set(replica, { ballot, votes: new Map(marks) });
    }
  }

  leaves(from: ReplicaId, _to: ReplicaId, message: Message): void {
    switch (message.type) {
      case 'prepare':
        return this.mustBeDurable(from, message.ballot, message.type);
      case 'promised':
        this.mustBeDurable(from, message.ballot, message.type);
        return this.mustBeComplete(from, message);
      case 'rejected':
        return this.mustBeDurable(from, message.promised, message.type);
      case 'accepted':
        return this.mustBeVotedFor(from, message);
      default:
        return;
    }
  }

  private mustBeDurable(from: ReplicaId, ballot: Ballot, type: string): void {
    must(
      this.promises.durablePromise(from) >= ballot,
      'release',
      () => `replica ${from} sent ${type} before its promise of ${formatBallot(ballot)} was durable`,
    );
  }

  private mustBeVotedFor(from: ReplicaId, { ballot, fromSlot, throughSlot }: Accepted): void {
    for (let slot = fromSlot; slot <= throughSlot; slot++) {
      must(
        this.votes.hasVoted(from, slot, ballot),
        'release',
        () => `replica ${from} answered for slot ${slot} at ${formatBallot(ballot)} without a durable vote`,
      );
    }
  }

  private mustBeComplete(from: ReplicaId, answer: Promised): void {
    const found = this.atPromise.get(from);
    if (found === undefined || found.ballot !== answer.ballot) return;
    const answered = new Map(answer.votes.map((vote) => [vote.slot, vote]));
    for (const [slot, mark] of found.votes) {
      if (slot < answer.fromSlot || slot <= answer.trimThrough) continue;
      if (slot > answer.throughSlot && !answer.isLast) continue;
      const vote = answered.get(slot);
      const isUncertain = answer.uncertain.some((range) => range.from <= slot && slot <= range.through);
      must(
        isUncertain || (vote !== undefined && vote.ballot >= mark.ballot),
        'release',
        () =>
          `replica ${from} left its vote at slot ${slot} out of its answer to ${formatBallot(answer.ballot)}`,
      );
    }
  }
}
