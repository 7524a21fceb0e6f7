/** How the replicas of a cluster are, asked of each one over its peer port. */
import type { ReplicaStatus } from '../replica/status.js';
import { Exchange } from '../transport/exchange.js';
import type { ReplicaId } from '../types.js';

export interface Answer {
  readonly id: ReplicaId;
  readonly address: string;
  /** Undefined where nobody answered; `problem` says why. */
  readonly status: ReplicaStatus | undefined;
  readonly problem: string;
}

export interface Verdict {
  /** More than half of the members answer, vote, and have not stopped. */
  readonly hasQuorum: boolean;
  /** The replica that says it leads, at the highest ballot; 0 if none does. */
  readonly leader: ReplicaId;
  /** The highest slot that any of them knows to be chosen. */
  readonly learnedThrough: number;
}

const ANSWER_MS_MAX = 2000;

export function surveyOf(addresses: ReadonlyMap<ReplicaId, string>): Promise<readonly Answer[]> {
  const ids = [...addresses.keys()].sort((a, b) => a - b);
  return Promise.all(ids.map((id) => ask(id, addresses.get(id) ?? '')));
}

async function ask(id: ReplicaId, address: string): Promise<Answer> {
  try {
    const exchange = await Exchange.connect({ address, replicaId: id, helloMsMax: ANSWER_MS_MAX });
    const timer = setTimeout(() => exchange.close(), ANSWER_MS_MAX);
    try {
      const json = Buffer.from(await exchange.status()).toString('utf8');
      return { id, address, status: JSON.parse(json) as ReplicaStatus, problem: '' };
    } finally {
      clearTimeout(timer);
      exchange.close();
    }
  } catch (error) {
    return { id, address, status: undefined, problem: (error as Error).message };
  }
}

export function verdictOf(answers: readonly Answer[]): Verdict {
  const statuses = answers.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const members = Math.max(answers.length, ...statuses.map((status) => status.members.length));
  const voting = statuses.filter(({ votes, failure }) => votes && failure === undefined);
  const leaders = voting.filter(({ role }) => role === 'leader');
  const newest = leaders.reduce<ReplicaStatus | undefined>(
    (best, status) => (best === undefined || round(status) > round(best) ? status : best),
    undefined,
  );
  return {
    hasQuorum: voting.length * 2 > members,
    leader: newest?.replicaId ?? 0,
    learnedThrough: Math.max(0, ...statuses.map(({ learnedThrough }) => learnedThrough)),
  };
}

function round({ ballot }: ReplicaStatus): number {
  return Number(ballot.split('.')[0]);
}
