/**
 * Agreement: a slot has one batch, on every replica, forever, over restarts too; and it is learned only once
 * a quorum has durable votes for it (contracts 14 and 15).
 */
import type { Batch, BatchKind, Digest, ReplicaId, Slot } from '../../types.js';
import type { Observer } from '../observer.js';
import { must } from '../violation.js';
import type { Votes } from './votes.js';

interface Learned {
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly by: ReplicaId;
}

export class Agreement implements Observer {
  private readonly votes: Votes;
  private readonly log = new Map<Slot, Learned>();

  constructor(votes: Votes) {
    this.votes = votes;
  }

  learned(replica: ReplicaId, slot: Slot, { kind, digest }: Batch): void {
    const before = this.log.get(slot);
    if (before === undefined) this.log.set(slot, { kind, digest, by: replica });
    must(
      before === undefined || (before.digest === digest && before.kind === kind),
      'agreement',
      () => `replica ${replica} learned another batch in slot ${slot} than replica ${before!.by}`,
    );
    const chosen = this.votes.chosenAt(slot);
    must(
      chosen !== undefined && chosen.digest === digest,
      'agreement',
      () => `replica ${replica} learned a batch in slot ${slot} that no quorum has durably voted for`,
    );
  }
}
