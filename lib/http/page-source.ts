/**
 * What the live page shows, asked of every replica while anybody looks at it, once a second for all together.
 */
import { type Answer, type Verdict, verdictOf } from '../client/survey.js';
import { type Health, healthOf, worstOf } from '../replica/health.js';
import type { ReplicaStatus } from '../replica/status.js';
import type { ReplicaId } from '../types.js';

/** Asks every replica how it is. */
export type Survey = () => Promise<readonly Answer[]>;

/** A moment of a cluster. */
export interface ClusterView {
  /** When it was asked, in milliseconds since 1970. */
  readonly atMs: number;
  readonly verdict: Verdict;
  /** What is wrong with the cluster as a whole, a sentence each, but a quorum or a leader that is missing. */
  readonly troubles: readonly string[];
  readonly replicas: readonly ReplicaView[];
}

export interface ReplicaView {
  readonly id: ReplicaId;
  readonly address: string;
  /** Undefined where nobody answered; `problem` says why. */
  readonly status?: ReplicaStatus;
  readonly health?: Health;
  readonly problem: string;
}

/** @param atMs when it was asked, in milliseconds since 1970 */
export function viewOf(answers: readonly Answer[], atMs: number): ClusterView {
  const replicas = answers.map(({ id, address, status, problem }) =>
    status === undefined
      ? { id, address, problem }
      : { id, address, status, problem, health: healthOf(status) },
  );
  const verdict = verdictOf(answers);
  return { atMs, verdict, troubles: [...verdict.differences, ...shortages(answers)], replicas };
}

/** Where a majority of the disks keeps its last room, what grows the state is refused. */
function shortages(answers: readonly Answer[]): readonly string[] {
  const short = answers.filter(({ status }) => ['reserve', 'full'].includes(status?.disk?.state ?? 'ok'));
  if (short.length * 2 <= answers.length) return [];
  return [
    `the disks of ${short.length} of ${answers.length} replicas are full: commands that grow the state are refused, ` +
      'reads go on. Make room on a majority of them',
  ];
}

/** The worst of a cluster: `fail` where nobody can be asked, too. */
export function levelOf({ verdict, troubles, replicas }: ClusterView): Health['level'] {
  if (!verdict.hasQuorum || verdict.leader === 0 || troubles.length > 0) return 'fail';
  return worstOf(replicas.map(({ health }) => health?.level ?? 'fail'));
}
