/**
 * Recovery: a store that says it is intact has every vote it once called durable, and its hint covers votes
 * for chosen batches only (storage contract 3; learner invariant 4).
 */
import type { Recovered } from '../../storage/storage.js';
import type { Ballot, Digest, ReplicaId, Slot } from '../../types.js';
import type { DurableItem, Observer } from '../observer.js';
import { must } from '../violation.js';
import type { Votes } from './votes.js';

export class Recovery implements Observer {
  private readonly votes: Votes;
  private readonly durableVotes = new Map<ReplicaId, Map<Slot, { ballot: Ballot; digest: Digest }>>();

  constructor(votes: Votes) {
    this.votes = votes;
  }

  durable(replica: ReplicaId, { slot, ballot, digest }: DurableItem): void {
    if (slot > 0) this.of(replica).set(slot, { ballot, digest });
  }

  opened(replica: ReplicaId, recovered: Recovered, checkpointThrough: Slot): void {
    must(recovered.outcome === 'intact', 'recovery', () => `replica ${replica}: ${recovered.reason}`);
    must(
      recovered.trimThrough <= checkpointThrough,
      'recovery',
      () => `replica ${replica} has trimmed through ${recovered.trimThrough}, its checkpoint ends earlier`,
    );
    const found = new Map(recovered.votes.map((vote) => [vote.slot, vote]));
    const durable = this.of(replica);
    for (const [slot, mark] of durable) {
      if (slot <= recovered.trimThrough) {
        durable.delete(slot);
        continue;
      }
      const vote = found.get(slot);
      must(
        vote !== undefined &&
          (vote.ballot > mark.ballot || (vote.ballot === mark.ballot && vote.digest === mark.digest)),
        'recovery',
        () => `replica ${replica} has lost its durable vote at slot ${slot}`,
      );
    }
    // Through its checkpoint a state needs no log, whatever may be left of one there.
    for (let slot = checkpointThrough + 1; slot <= recovered.learnedThrough; slot++) {
      const digest = found.get(slot)?.digest;
      must(
        digest !== undefined && this.votes.chosenAt(slot)?.digest === digest,
        'recovery',
        () =>
          `the log of replica ${replica} vouches for slot ${slot} and does not hold the batch chosen there`,
      );
    }
  }

  private of(replica: ReplicaId): Map<Slot, { ballot: Ballot; digest: Digest }> {
    let votes = this.durableVotes.get(replica);
    if (votes === undefined) {
      votes = new Map();
      this.durableVotes.set(replica, votes);
    }
    return votes;
  }
}
