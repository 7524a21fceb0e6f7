/**
 * A cluster's plan: its id and its members, each with the one store that may speak for it. Drawn once, before
 * anything is formatted; every replica is formatted from the same plan, on whatever machine.
 *
 * 1. No two members of a plan share a replica id or a store uuid.
 * 2. Ids are drawn from the system's random source, so no two plans share one.
 */
import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { argumentError } from '../errors.js';
import { MEMBERS_MAX, REPLICA_ID_MAX } from '../limits.js';
import type { Configuration, Identity, Member, ReplicaId, Slot } from '../types.js';

export interface ClusterPlan {
  /** 32 lower-case hex digits. */
  readonly clusterId: string;
  /** By rising id. */
  readonly members: readonly Member[];
  /** The state that the cluster begins with, out of a back-up; absent: none. All its stores begin with it. */
  readonly restores?: RestoredState;
}

/** A state by its slot, and the digest chain there, which no other history has. */
export interface RestoredState {
  readonly throughSlot: Slot;
  readonly chain: number;
}

const hex32 = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/, 'must be 32 lower-case hex digits'));

const memberSchema = v.strictObject({
  id: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(REPLICA_ID_MAX)),
  storeUuid: hex32,
});

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const bodySchema = v.strictObject({
  clusterId: hex32,
  members: v.pipe(v.array(memberSchema), v.minLength(1), v.maxLength(MEMBERS_MAX)),
  restores: v.exactOptional(v.strictObject({ throughSlot: count, chain: count })),
});

function drawHex32(): string {
  return randomBytes(16).toString('hex');
}

/**
 * Draws the plan of a new cluster with replicas 1 … `replicas`.
 * @throws RangeError unless `replicas` is 1 … MEMBERS_MAX
 */
export function drawPlan(replicas: number): ClusterPlan {
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > MEMBERS_MAX) {
    throw argumentError(`a cluster has 1 to ${MEMBERS_MAX} replicas, not ${replicas}`);
  }
  const members = Array.from({ length: replicas }, (_, index) => ({ id: index + 1, storeUuid: drawHex32() }));
  return { clusterId: drawHex32(), members };
}

/**
 * Reads a plan from the text of its file.
 * @throws RangeError that says where the text is not a plan
 */
export function parsePlan(text: string): ClusterPlan {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw argumentError(`the plan is not JSON: ${(error as Error).message}`);
  }
  const { plan, ...body } = (json ?? {}) as { plan?: unknown };
  if (plan !== 1) throw argumentError(`the plan has format ${JSON.stringify(plan)}, not 1`);
  return checkPlan(body, 'the plan');
}

/**
 * A plan from plain data, its members in order.
 * @throws RangeError that names `what` and the place
 */
export function checkPlan(body: unknown, what: string): ClusterPlan {
  const result = v.safeParse(bodySchema, body);
  if (!result.success) throw argumentError(`${what} is not one: ${issueSentence(result.issues)}`);
  const { clusterId, members, restores } = result.output;
  const ids = new Set(members.map(({ id }) => id));
  const stores = new Set(members.map(({ storeUuid }) => storeUuid));
  if (ids.size !== members.length) throw argumentError(`two members of ${what} have the same id`);
  if (stores.size !== members.length) throw argumentError(`two members of ${what} have the same store uuid`);
  const plan = { clusterId, members: [...members].sort((a, b) => a.id - b.id) };
  return restores === undefined ? plan : { ...plan, restores };
}

/** The first issue of a failed validation, with the place it is about. */
export function issueSentence(issues: readonly v.BaseIssue<unknown>[]): string {
  const [issue] = issues;
  if (issue === undefined) return 'not as expected';
  const place = v.getDotPath(issue);
  return place === null ? issue.message : `${place}: ${issue.message}`;
}

export function planText({ clusterId, members, restores }: ClusterPlan): string {
  return `${JSON.stringify({ plan: 1, clusterId, members, restores }, null, 2)}\n`;
}

/** @throws RangeError when the plan has no such member */
export function identityIn(plan: ClusterPlan, replicaId: ReplicaId): Identity {
  const member = plan.members.find(({ id }) => id === replicaId);
  if (member === undefined) {
    const ids = plan.members.map(({ id }) => id).join(', ');
    throw argumentError(`the plan has no replica ${replicaId}; it has ${ids}`);
  }
  return { clusterId: plan.clusterId, replicaId, storeUuid: member.storeUuid };
}

/** The configuration that every store of the plan starts from. */
export function firstConfiguration(plan: ClusterPlan): Configuration {
  return { number: 1, members: plan.members };
}
