/** How the replicas of a cluster are, asked of each one over its peer port. */
import type { ReplicaStatus } from '../replica/status.js';
import { Exchange, type ExchangeOptions } from '../transport/exchange.js';
import type { Configuration, ReplicaId } from '../types.js';

export interface Answer {
  readonly id: ReplicaId;
  readonly address: string;
  /** Undefined where nobody answered; `problem` says why. */
  readonly status: ReplicaStatus | undefined;
  readonly problem: string;
}

export interface Verdict {
  /** More than half of the voters of the newest configuration known answer, vote, and have not stopped. */
  readonly hasQuorum: boolean;
  /** The replica that says it leads, at the highest ballot; 0 if none does. */
  readonly leader: ReplicaId;
  /** The highest slot that any of them knows to be chosen. */
  readonly learnedThrough: number;
  /** What is known to differ that may never differ, a sentence each: then something has been lost. */
  readonly differences: readonly string[];
}

type Access = Pick<ExchangeOptions, 'key' | 'sockets'>;

const ANSWER_MS_MAX = 2000;

/** @param access the clients' key, undefined where the cluster runs without, and the sockets to ask over */
export function surveyOf(
  addresses: ReadonlyMap<ReplicaId, string>,
  access: Access,
): Promise<readonly Answer[]> {
  const ids = [...addresses.keys()].sort((a, b) => a - b);
  return Promise.all(ids.map((id) => ask(id, addresses.get(id) ?? '', access)));
}

async function ask(id: ReplicaId, address: string, access: Access): Promise<Answer> {
  try {
    const exchange = await Exchange.connect({ address, replicaId: id, ...access, helloMsMax: ANSWER_MS_MAX });
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
  // Replicas of an earlier version know no configuration.
  const membersKnown = Math.max(answers.length, ...statuses.map((status) => status.members.length));
  const voters = votersOf(newestConfiguration(statuses));
  const voting = statuses.filter(
    ({ votes, failure, replicaId }) =>
      votes && failure === undefined && (voters.length === 0 || voters.includes(replicaId)),
  );
  const leaders = voting.filter(({ role }) => role === 'leader');
  const newest = leaders.reduce<ReplicaStatus | undefined>(
    (best, status) => (best === undefined || round(status) > round(best) ? status : best),
    undefined,
  );
  return {
    hasQuorum: voting.length * 2 > (voters.length || membersKnown),
    leader: newest?.replicaId ?? 0,
    learnedThrough: Math.max(0, ...statuses.map(({ learnedThrough }) => learnedThrough)),
    differences: [...divergences(statuses), ...halts(statuses), ...refusals(statuses)],
  };
}

/** The newest configuration that any of them knows; undefined where none says. */
export function newestConfiguration(statuses: readonly ReplicaStatus[]): Configuration | undefined {
  return statuses.reduce<Configuration | undefined>(
    // A replica of an earlier version says none.
    (best, { configuration }) => ((configuration?.number ?? 0) > (best?.number ?? 0) ? configuration : best),
    undefined,
  );
}

export function votersOf(configuration: Configuration | undefined): readonly ReplicaId[] {
  return (configuration?.members ?? []).filter(({ role }) => role !== 'learner').map(({ id }) => id);
}

/** Replicas at one slot that have learned, or hold, something else than the others there. */
function divergences(statuses: readonly ReplicaStatus[]): string[] {
  const learned = statuses.map((status) => ({ status, slot: status.learnedThrough, mark: status.chain }));
  const applied = statuses.map((status) => ({
    status,
    slot: status.appliedThrough,
    mark: status.stateDigest,
  }));
  return [...oddOnes('has a history', learned), ...oddOnes('has a state', applied)];
}

interface Mark {
  readonly status: ReplicaStatus;
  readonly slot: number;
  readonly mark: string | undefined;
}

function oddOnes(what: string, marks: readonly Mark[]): string[] {
  const sentences: string[] = [];
  for (const { status, slot, mark } of marks) {
    const others = marks.filter((other) => other.slot === slot && other.mark !== undefined);
    if (mark === undefined || others.every((other) => other.mark === mark)) continue;
    const alike = others.filter((other) => other.mark === mark).length;
    // The smaller part is named; of two equal ones nobody can say which is right.
    if (alike * 2 > others.length) continue;
    sentences.push(
      `replica ${status.replicaId} ${what} at slot ${slot} that differs from the others' (${mark})`,
    );
  }
  return sentences;
}

/** Replicas that are halted at a slot which others have executed. */
function halts(statuses: readonly ReplicaStatus[]): string[] {
  return statuses.flatMap(({ replicaId, halted }) => {
    const others = statuses.filter(({ appliedThrough }) => appliedThrough >= (halted?.slot ?? Infinity));
    if (halted === undefined || others.length === 0) return [];
    const whom = others.map((other) => other.replicaId).join(', ');
    return [
      `replica ${replicaId} is halted at slot ${halted.slot}, which replica ${whom} has executed: the state ` +
        'machine is not deterministic, and nothing can be skipped. Start that replica again; if it halts there ' +
        'again, give it the checkpoints of one that goes on',
    ];
  });
}

function refusals(statuses: readonly ReplicaStatus[]): string[] {
  return statuses.flatMap(({ replicaId, refusals: refused }) =>
    (refused ?? []).map(({ id, reason }) => `replicas ${replicaId} and ${id} do not talk: ${reason}`),
  );
}

function round({ ballot }: ReplicaStatus): number {
  return Number(ballot.split('.')[0]);
}
