/**
 * Quorums: majorities of a configuration's members, counted as bits of distinct members, so that a duplicate
 * answer counts once and a stranger's not at all.
 */

import { argumentError } from '../errors.js';
import { MEMBERS_MAX } from '../limits.js';
import type { Configuration, ReplicaId } from '../types.js';

/** A set of members, one bit each, in the order of the configuration. */
export type MemberSet = number;

export class Quorum {
  readonly configuration: Configuration;
  readonly size: number;
  private readonly bits = new Map<ReplicaId, MemberSet>();

  /** @throws RangeError for an empty, too large or ambiguous member list. */
  constructor(configuration: Configuration) {
    const { members } = configuration;
    if (members.length < 1 || members.length > MEMBERS_MAX) {
      throw argumentError(`a configuration has 1 … ${MEMBERS_MAX} members, not ${members.length}`);
    }
    members.forEach((member, index) => {
      if (this.bits.has(member.id)) throw argumentError(`replica ${member.id} is named twice`);
      this.bits.set(member.id, 1 << index);
    });
    this.configuration = configuration;
    this.size = Math.floor(members.length / 2) + 1;
  }

  has(id: ReplicaId): boolean {
    return this.bits.has(id);
  }

  /** The set of just this replica; empty for one that is no member. */
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
