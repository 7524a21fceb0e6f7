/**
 * Quorums: majorities of a configuration's voters, counted as bits of distinct ones, so that a duplicate
 * answer counts once, and a learner's or a stranger's not at all.
 */

import { argumentError } from '../errors.js';
import { MEMBERS_MAX } from '../limits.js';
import type { Configuration, ReplicaId } from '../types.js';

/** A set of members, one bit each, in the order of the configuration. */
export type MemberSet = number;

export class Quorum {
  readonly configuration: Configuration;
  readonly voters: readonly ReplicaId[];
  readonly size: number;
  private readonly bits = new Map<ReplicaId, MemberSet>();

  /** @throws RangeError for an empty, too large or ambiguous member list. */
  constructor(configuration: Configuration) {
    const { members } = configuration;
    if (members.length > MEMBERS_MAX) {
      throw argumentError(`a configuration has at most ${MEMBERS_MAX} members, not ${members.length}`);
    }
    const ids = new Set<ReplicaId>();
    members.forEach(({ id, role }, index) => {
      if (ids.has(id)) throw argumentError(`replica ${id} is named twice`);
      ids.add(id);
      if (role !== 'learner') this.bits.set(id, 1 << index);
    });
    if (this.bits.size === 0) throw argumentError('a configuration has a voter');
    this.configuration = configuration;
    this.voters = [...this.bits.keys()];
    this.size = Math.floor(this.bits.size / 2) + 1;
  }

  /** Whether `id` is a voter. */
  has(id: ReplicaId): boolean {
    return this.bits.has(id);
  }

  /** The set of just this replica; empty for one that does not vote. */
  bitOf(id: ReplicaId): MemberSet {
    return this.bits.get(id) ?? 0;
  }

  isReached(members: MemberSet): boolean {
    return countMembers(members) >= this.size;
  }
}

export function countMembers(members: MemberSet): number {
  let count = 0;
  for (let rest = members; rest !== 0; rest &= rest - 1) count++;
  return count;
}
