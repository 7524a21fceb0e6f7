/**
 * Recovery: a store has every vote it once called durable, or says that it has lost its bytes or may have
 * lost it (storage contract 3, contract 6); it calls nothing lost or damaged that was not; and its hint
 * covers votes for chosen batches only (learner invariant 4).
 */
import type { Recovered } from '../../storage/storage.js';
import type { Ballot, Digest, ReplicaId, Slot } from '../../types.js';
import type { DiskFault } from '../disk.js';
import type { DurableItem, Observer } from '../observer.js';
import { must } from '../violation.js';
import type { Votes } from './votes.js';

/** What of a replica's disk has ever rotted. */
interface Rot {
  readonly bytes: Set<Slot>;
  readonly records: Set<Slot>;
  isLost: boolean;
}

export class Recovery implements Observer {
  private readonly votes: Votes;
  private readonly rot = new Map<ReplicaId, Rot>();
  private readonly durableVotes = new Map<ReplicaId, Map<Slot, { ballot: Ballot; digest: Digest }>>();

  constructor(votes: Votes) {
    this.votes = votes;
  }

  rotted(replica: ReplicaId, fault: DiskFault, slots: readonly Slot[]): void {
    let rot = this.rot.get(replica);
    if (rot === undefined) {
      rot = { bytes: new Set(), records: new Set(), isLost: false };
      this.rot.set(replica, rot);
    }
    if (fault === 'store') rot.isLost = true;
    for (const slot of slots) rot[fault === 'bytes' ? 'bytes' : 'records'].add(slot);
  }

  durable(replica: ReplicaId, { slot, ballot, digest }: DurableItem): void {
    if (slot > 0) this.of(replica).set(slot, { ballot, digest });
  }

  opened(replica: ReplicaId, recovered: Recovered, checkpointThrough: Slot): void {
    this.mustBeCalledWhatItIs(replica, recovered);
    if (recovered.outcome === 'lost') return;
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
      if (isUncertain(recovered, slot)) continue;
      must(
        vote !== undefined &&
          (vote.ballot > mark.ballot || (vote.ballot === mark.ballot && vote.digest === mark.digest)),
        'recovery',
        () => `replica ${replica} has lost its durable vote at slot ${slot}`,
      );
    }
    // Through its checkpoint a state needs no log, whatever may be left of one there.
    for (let slot = checkpointThrough + 1; slot <= recovered.learnedThrough; slot++) {
      if (isUncertain(recovered, slot)) continue;
      const digest = found.get(slot)?.digest;
      must(
        digest !== undefined && this.votes.chosenAt(slot)?.digest === digest,
        'recovery',
        () =>
          `the log of replica ${replica} vouches for slot ${slot} and does not hold the batch chosen there`,
      );
    }
  }

  /** Damage is called what it is, and only damage is. */
  private mustBeCalledWhatItIs(replica: ReplicaId, { outcome, reason, votes, uncertain }: Recovered): void {
    const rot = this.rot.get(replica);
    const isHonest =
      outcome === 'lost'
        ? rot?.isLost === true
        : rot?.isLost !== true && (outcome === 'intact' || rot !== undefined);
    must(isHonest, 'recovery', () => `replica ${replica} calls its store ${outcome}: ${reason}`);
    if (outcome === 'lost') return;
    for (const { slot, available } of votes) {
      must(
        available || rot?.bytes.has(slot) === true,
        'recovery',
        () => `replica ${replica} says it lost the bytes of slot ${slot}, which did not rot`,
      );
    }
    for (const { from, through } of uncertain) {
      for (let slot = from; slot <= through; slot++) {
        must(
          rot?.records.has(slot) === true,
          'recovery',
          () => `replica ${replica} is uncertain about slot ${slot}, of which nothing rotted`,
        );
      }
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

function isUncertain({ uncertain }: Recovered, slot: Slot): boolean {
  return uncertain.some(({ from, through }) => from <= slot && slot <= through);
}
