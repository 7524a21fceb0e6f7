/**
 * The store of a replica that is to join a running cluster: formatted with what the members say of
 * themselves, under an id that was never used. It is a member when it is added.
 */
import { randomBytes } from 'node:crypto';
import { newestConfiguration, surveyOf } from '../client/survey.js';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { highestIdOf } from '../paxos/configuration-batch.js';
import type { Configuration, Identity, ReplicaId } from '../types.js';
import { accessOf, type MemberFlags, membersOf } from './members.js';

/** What the store of a newcomer is formatted with. */
export interface NewcomerPlan {
  readonly identity: Identity;
  /** In force now; the newcomer is none of its members. */
  readonly configuration: Configuration;
}

/** @throws ERR_INDELIBLE_NETWORK where no member answers, RangeError for an id that was used */
export async function newcomerPlan(replica: ReplicaId, flags: MemberFlags): Promise<NewcomerPlan> {
  const answers = await surveyOf(membersOf(flags), accessOf(flags));
  const statuses = answers.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const configuration = newestConfiguration(statuses);
  const [told] = statuses;
  if (configuration === undefined || told === undefined) {
    const sentence = `no member of the cluster answers: ${answers[0]?.problem ?? 'none is known'}`;
    throw new IndelibleError(ErrorCode.network, sentence);
  }
  const highestId = highestIdOf(configuration);
  if (replica <= highestId) {
    const sentence = `the id ${replica} was used before, and ids are used once: take ${highestId + 1}, or a higher one`;
    throw argumentError(sentence);
  }
  const storeUuid = randomBytes(16).toString('hex');
  return { identity: { clusterId: told.clusterId, replicaId: replica, storeUuid }, configuration };
}
