/** The lists of members that the verbs of the command line ask for, made of the one that is. */
import { argumentError } from '../errors.js';
import { highestIdOf } from '../paxos/configuration-batch.js';
import type { ReplicaStatus } from '../replica/status.js';
import type { Configuration, Member, ReplicaId } from '../types.js';

export type Role = 'voter' | 'learner';

/**
 * A newcomer as a member, by what it says of itself.
 * @param address undefined where whoever starts the replicas tells them where all of them are
 * @throws RangeError where it is of another cluster
 */
export function memberOf(
  id: ReplicaId,
  address: string | undefined,
  newcomer: ReplicaStatus,
  cluster: Pick<ReplicaStatus, 'clusterId'>,
): Member {
  if (newcomer.clusterId !== cluster.clusterId) {
    throw argumentError(`replica ${id} at ${address} is of another cluster: ${newcomer.clusterId}`);
  }
  const member: Member = { id, storeUuid: newcomer.storeUuid, role: 'learner' };
  return address === undefined ? member : { ...member, address };
}

/** With `member` among them, whatever its role is by now. */
export function withMember({ members }: Configuration, member: Member): readonly Member[] {
  const before = members.find(({ id }) => id === member.id);
  if (before === undefined) return [...members, member];
  if (before.storeUuid !== member.storeUuid) {
    throw argumentError(`replica ${member.id} is a member with another store: a new store gets a new id`);
  }
  const { role: _, ...rest } = member;
  const moved = before.role === undefined ? rest : member;
  return members.map((each) => (each.id === member.id ? moved : each));
}

/** With that member in that role. @throws RangeError where it is none */
export function inRole(configuration: Configuration, id: ReplicaId, role: Role): readonly Member[] {
  known(configuration, id);
  return configuration.members.map((member) => (member.id === id ? as(member, role) : member));
}

/** Without that member; one that was removed already is so. @throws RangeError for one that never was */
export function without(configuration: Configuration, id: ReplicaId): readonly Member[] {
  if (id > highestIdOf(configuration)) known(configuration, id);
  return configuration.members.filter((member) => member.id !== id);
}

/** Exactly these, as voters. @throws RangeError for one that is no member */
export function exactly(configuration: Configuration, ids: readonly ReplicaId[]): readonly Member[] {
  return ids.map((id) => as(known(configuration, id), 'voter'));
}

function known({ members, number }: Configuration, id: ReplicaId): Member {
  const member = members.find((each) => each.id === id);
  if (member !== undefined) return member;
  const ids = members.map((each) => each.id).join(', ');
  throw argumentError(`replica ${id} is no member of configuration ${number}, which has ${ids}`);
}

function as({ role: _, ...member }: Member, role: Role): Member {
  return role === 'learner' ? { ...member, role } : member;
}
