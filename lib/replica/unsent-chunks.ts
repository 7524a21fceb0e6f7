/**
 * Chunks of checkpoints that peers have asked for and that no link has had room for yet, in the order asked.
 * Bounded: a receiver asks again for what does not come.
 */
import type { CheckpointFetch } from '../paxos/messages.js';
import type { ReplicaId } from '../types.js';

/** More than a receiver has under way at a time. */
const ASKED_MAX = 64;

export class UnsentChunks {
  private readonly asked = new Map<ReplicaId, CheckpointFetch[]>();

  /** What is asked for twice is sent once. */
  add(to: ReplicaId, fetch: CheckpointFetch): void {
    const all = this.asked.get(to) ?? [];
    if (all.length === 0) this.asked.set(to, all);
    const { digest, offset } = fetch;
    const isKnown = all.some((each) => each.digest === digest && each.offset === offset);
    if (!isKnown && all.length < ASKED_MAX) all.push(fetch);
  }

  areFor(to: ReplicaId): boolean {
    return (this.asked.get(to)?.length ?? 0) > 0;
  }

  take(to: ReplicaId): CheckpointFetch | undefined {
    return this.asked.get(to)?.shift();
  }

  forget(peer: ReplicaId): void {
    this.asked.delete(peer);
  }
}
