/** Changes of members in the clusters of these tests: what would be asked for, and asking for it. */
import { encodeChange, highestIdOf } from '../../lib/paxos/configuration-batch.js';
import type { Refusal } from '../../lib/paxos/reconfiguration.js';
import type { ReplicaCore } from '../../lib/paxos/replica.js';
import { digestOf } from '../../lib/storage/crc64.js';
import {
  type Batch,
  BatchKind,
  type Configuration,
  type Member,
  type ReplicaId,
  type Slot,
} from '../../lib/types.js';

export function memberOf(id: ReplicaId, role?: 'learner'): Member {
  return { id, storeUuid: String(id).padStart(32, '0'), ...(role ? { role } : {}) };
}

/** The configuration behind `before` with these voters and learners. */
export function followedBy(
  before: Configuration,
  voters: readonly ReplicaId[],
  learners: readonly ReplicaId[] = [],
): Configuration {
  const members = [...voters.map((id) => memberOf(id)), ...learners.map((id) => memberOf(id, 'learner'))];
  return {
    number: before.number + 1,
    members,
    highestId: highestIdOf({ ...before, members: [...before.members, ...members] }),
  };
}

export function changeBatch(configuration: Configuration, cookie = ''): Batch {
  const bytes = encodeChange({ ...configuration, cookie });
  return { kind: BatchKind.configuration, digest: digestOf(bytes, 0, bytes.length), bytes };
}

/** Asks `core` to make these the members. */
export function change(
  core: ReplicaCore,
  voters: readonly ReplicaId[],
  learners: readonly ReplicaId[] = [],
): Slot | Refusal {
  const next = followedBy(core.configurations.quorum.configuration, voters, learners);
  return core.reconfiguration.propose(next, changeBatch(next));
}
