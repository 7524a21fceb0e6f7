/**
 * What is left of a cluster that has lost a majority of its stores, and what may be lost with them. Told
 * before anything is done about it, and in words for whoever decides.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { ReplicaId, Slot, SlotRange } from '../types.js';
import { isoTime } from './replay.js';
import type { StoppedStores } from './stopped-stores.js';
import type { StoreHistory } from './store-history.js';

export interface Survivors {
  readonly clusterId: string;
  /** The configuration in force, as far as the stores know, and its voters. */
  readonly configuration: number;
  readonly voters: readonly ReplicaId[];
  readonly here: readonly ReplicaId[];
  readonly missing: readonly ReplicaId[];
  /** Through here the stores know what was chosen. */
  readonly learnedThrough: Slot;
  /** Behind that, through here, they have voted, and do not know what came of it. It counts as chosen. */
  readonly throughSlot: Slot;
  /** Slots below `throughSlot` of which no store here knows anything: what was in them is lost. */
  readonly gaps: readonly SlotRange[];
}

/**
 * @throws ERR_INDELIBLE_QUORUM_LEFT where a majority is here: started, it loses nothing
 */
export function survivorsOf(stores: StoppedStores, history: StoreHistory): Survivors {
  const { configuration } = stores;
  const here = stores.votersOf(configuration).map(({ identity }) => identity.replicaId);
  const voters = configuration.members.filter(({ role }) => role !== 'learner').map(({ id }) => id);
  if (stores.hasQuorum) {
    const sentence =
      `the stores of replicas ${here.join(', ')} are a majority of ${voters.join(', ')}: start them, and nothing is ` +
      'lost. Nothing was written';
    throw new IndelibleError(ErrorCode.quorumLeft, sentence);
  }
  const { throughSlot, gaps } = history;
  return {
    clusterId: history.meta.clusterId,
    configuration: configuration.number,
    voters,
    here,
    missing: voters.filter((id) => !here.includes(id)),
    learnedThrough: Math.min(history.learnedThrough, throughSlot),
    throughSlot,
    gaps,
  };
}

/** @param timeMs replicated time of the newest command that is kept */
export function lossLines(survivors: Survivors, timeMs: number): readonly string[] {
  const { clusterId, configuration, voters, here, missing, learnedThrough, throughSlot, gaps } = survivors;
  const list = (ids: readonly ReplicaId[]): string => (ids.length === 0 ? 'none' : ids.join(', '));
  const kept =
    throughSlot > learnedThrough
      ? `, and slots ${learnedThrough + 1} … ${throughSlot}, which they voted for: they count as done, answered or not`
      : '';
  const holes = gaps.map(({ from, through }) => (from === through ? `${from}` : `${from} … ${through}`));
  return [
    `cluster   ${clusterId}, configuration ${configuration}: replicas ${list(voters)} vote`,
    `left      ${list(here)}; missing: ${list(missing)}. Without them nobody can tell what was chosen`,
    `kept      everything through slot ${learnedThrough}, which these stores know to be chosen${kept}`,
    `newest    the last command that is kept is of ${isoTime(timeMs)}`,
    ...(holes.length > 0
      ? [`lost      slots ${holes.join(', ')}: no store here knows what was in them`]
      : []),
    'may be    commands that were answered and that only the missing replicas had: anything newer than the last',
    'lost      command kept. How many, no program can tell: ask those who sent them',
  ];
}
