/**
 * The stores of replicas that are stopped, opened to be read: one, or several of one cluster.
 *
 * 1. Opening one is what a replica does when it starts, its recovery included; nothing else is written, and a
 *    store in use is refused.
 * 2. All are of one cluster, and no two are the same store.
 * 3. Whether a quorum of them is here is counted against the configuration in force as far as they know it,
 *    and, where one of them has voted for its end, against the next one too.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { decodeChange } from '../paxos/configuration-batch.js';
import { Quorum } from '../paxos/quorum.js';
import type { StorageChoice } from '../replica/log-kinds.js';
import { type OpenStore, openStore } from '../replica/store.js';
import { BatchKind, type Configuration, type Identity, type Slot } from '../types.js';

export interface StoppedStore {
  readonly directory: string;
  readonly identity: Identity;
  readonly open: OpenStore;
  /** Its votes count: it has lost none. */
  readonly isWhole: boolean;
}

/** What lies in a replica's directory; a region is read as any mapped file. */
export function storedIn(directory: string): StorageChoice {
  if (existsSync(join(directory, 'region'))) return { mode: 'emulated' };
  if (existsSync(join(directory, 'log'))) return { mode: 'file' };
  throw new IndelibleError(ErrorCode.storeMissing, `${directory} holds no store`, { path: directory });
}

export class StoppedStores {
  readonly all: readonly StoppedStore[];
  /** The store whose checkpoint goes furthest. */
  readonly base: StoppedStore;
  /** In force behind everything that these stores know to be chosen. */
  readonly configuration: Configuration;
  /** The one that a stop-sign, which one of them has voted for, would put in force. */
  readonly next: Configuration | undefined;

  private constructor(all: readonly StoppedStore[]) {
    this.all = all;
    this.base = all.reduce((best, each) => (through(each) > through(best) ? each : best));
    const found = this.configurations();
    this.configuration = found.inForce;
    this.next = found.next;
  }

  /**
   * @throws ERR_INDELIBLE_STORE_MISSING, _FOREIGN (of another cluster), _LOCKED, _CORRUPT, _VERSION, _IO;
   * RangeError for the same store twice
   */
  static async open(directories: readonly string[]): Promise<StoppedStores> {
    if (directories.length === 0) throw argumentError('name the directory of at least one store');
    const all: StoppedStore[] = [];
    try {
      for (const directory of directories) all.push(await opened(directory));
      checkTogether(all);
      return new StoppedStores(all);
    } catch (error) {
      await closeAll(all);
      throw error;
    }
  }

  /** Every slot through this one is known to be chosen. */
  get learnedThrough(): Slot {
    return Math.max(...this.all.map(learned));
  }

  /** A majority of the voters is here, whatever is in force. */
  get hasQuorum(): boolean {
    return this.isQuorumOf(this.configuration) && (this.next === undefined || this.isQuorumOf(this.next));
  }

  /** The members whose stores are here, and vote. */
  votersOf(configuration: Configuration): readonly StoppedStore[] {
    return this.all.filter(
      ({ identity, isWhole }) =>
        isWhole &&
        configuration.members.some(
          ({ id, storeUuid, role }) =>
            id === identity.replicaId && storeUuid === identity.storeUuid && role !== 'learner',
        ),
    );
  }

  close(): Promise<void> {
    return closeAll(this.all);
  }

  private isQuorumOf(configuration: Configuration): boolean {
    return this.votersOf(configuration).length >= new Quorum(configuration).size;
  }

  /** What the newest checkpoint says, and the stop-signs behind it. */
  private configurations(): { inForce: Configuration; next: Configuration | undefined } {
    let inForce = this.base.open.checkpoints.newest.meta.configuration;
    let next: Configuration | undefined;
    const signs = this.all.flatMap((store) => (store.isWhole ? signsOf(store, through(this.base)) : []));
    for (const { slot, configuration } of signs.sort((a, b) => a.slot - b.slot)) {
      if (configuration.number !== inForce.number + 1) continue;
      if (slot <= this.learnedThrough) inForce = configuration;
      else next ??= configuration;
    }
    return { inForce, next };
  }
}

function through({ open }: StoppedStore): Slot {
  return open.checkpoints.newest.meta.throughSlot;
}

/** A lost store vouches for nothing but its checkpoint. */
function learned(store: StoppedStore): Slot {
  return Math.max(through(store), store.isWhole ? store.open.log.recovered.learnedThrough : 0);
}

function signsOf(
  { open: { log } }: StoppedStore,
  above: Slot,
): { slot: Slot; configuration: Configuration }[] {
  return log.recovered.votes.flatMap(({ slot, kind, digest }) => {
    if (kind !== BatchKind.configuration || slot <= above) return [];
    const bytes = log.readVote(slot, digest);
    const configuration = bytes && decodeChange(bytes);
    return configuration === undefined ? [] : [{ slot, configuration }];
  });
}

async function opened(directory: string): Promise<StoppedStore> {
  const open = await openStore(directory, storedIn(directory));
  return { directory, identity: open.log.identity, open, isWhole: open.log.recovered.outcome !== 'lost' };
}

function checkTogether(all: readonly StoppedStore[]): void {
  const [first] = all;
  for (const { directory, identity } of all) {
    if (identity.clusterId === first?.identity.clusterId) continue;
    const sentence = `${directory} is of cluster ${identity.clusterId}, ${first?.directory} of ${first?.identity.clusterId}`;
    throw new IndelibleError(ErrorCode.storeForeign, sentence, { path: directory });
  }
  const seen = new Map<string, string>();
  for (const { directory, identity } of all) {
    const before = seen.get(identity.storeUuid);
    if (before !== undefined) throw argumentError(`${before} and ${directory} are copies of one store`);
    seen.set(identity.storeUuid, directory);
  }
}

async function closeAll(all: readonly StoppedStore[]): Promise<void> {
  for (const { open } of all) await open.close();
}
