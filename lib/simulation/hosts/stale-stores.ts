/**
 * Stale stores: older copies of a store that were put back in its place, and stores that were formatted again
 * (contract 7). The replicas that have their own stores take no opening of one, and each of them notices it.
 */
import type { Opening, ReplicaId } from '../../types.js';
import { must } from '../violation.js';

/** A host, as far as it matters here. */
interface Refusing {
  readonly id: ReplicaId;
  readonly isStale: boolean;
  /** Whose stores its process refuses. */
  readonly refused: ReadonlyMap<ReplicaId, string>;
}

export class StaleStores {
  /** By replica, what its stale stores called their openings. */
  private readonly openings = new Map<ReplicaId, string[]>();

  /** A stale store in the place of that of `replica` is opened. */
  opened(replica: ReplicaId, opening: Omit<Opening, 'nonce'>): void {
    const openings = this.openings.get(replica) ?? [];
    openings.push(nameOf(opening));
    this.openings.set(replica, openings);
  }

  /**
   * Replica `by`, who has its own store, lets `peer` in with `opening`; `before` is the one that it met last.
   * @throws a violation.
   */
  met(by: ReplicaId, peer: ReplicaId, opening: Opening, before: Opening | undefined): void {
    // The store that is stale began with a number that the right one had used: then the process tells them.
    const isSame = before !== undefined && nameOf(before) === nameOf(opening);
    const isOfTheRightOne = isSame && before.nonce === opening.nonce;
    must(
      isOfTheRightOne || this.openings.get(peer)?.includes(nameOf(opening)) !== true,
      'stores',
      () =>
        `replica ${by} takes opening ${opening.generation} of replica ${peer}'s store, which is an older copy ` +
        `or formatted again; it has met opening ${before?.generation ?? 'none'}`,
    );
  }
}

/** Who has noticed the stale store of replica `id`, of those that have their own stores. */
export function noticedBy(id: ReplicaId, hosts: readonly Refusing[]): { all: boolean; some: boolean } {
  const others = hosts.filter((host) => !host.isStale);
  return {
    all: others.every((host) => host.refused.has(id)),
    some: others.some((host) => host.refused.has(id)),
  };
}

function nameOf({ incarnation, generation }: Omit<Opening, 'nonce'>): string {
  return `${incarnation} ${generation}`;
}
