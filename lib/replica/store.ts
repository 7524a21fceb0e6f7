/**
 * A replica's store: its acceptor log and its checkpoints, side by side in one directory.
 *
 * ```
 * DIRECTORY/region        the log of the modes pmem and emulated
 * DIRECTORY/log/          the log of the mode file
 * DIRECTORY/known-stores  which openings of the peers' stores were met
 * DIRECTORY/checkpoints/  the state machine's images, the first of them written by format
 * ```
 *
 * 1. `formatStore` writes the log last: a directory with a log is a formatted store, whatever was
 *    interrupted.
 * 2. `openStore` never formats, and refuses checkpoints of another cluster, a log of another store of the
 *    same member, or a log without checkpoints, before anything is written. A store of no member is opened:
 *    that of a newcomer, or of a replica that was removed, which hears so from the others.
 */
import { join } from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import {
  type CheckpointStore,
  formatCheckpoints,
  openCheckpoints,
  readNewestMeta,
} from '../storage/checkpoint.js';
import { KnownStoresFile } from '../storage/known-stores.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import { checkKey } from '../transport/proof.js';
import type { Configuration, Identity } from '../types.js';
import { clusterKeyPath, readClusterKey, writeKeyFile } from './key-file.js';
import { checkMedium, formatLog, identifyLog, openLog, type StorageChoice } from './log-kinds.js';

export type { StorageChoice } from './log-kinds.js';

export interface OpenStore {
  readonly log: Storage;
  readonly checkpoints: CheckpointStore;
  readonly known: Pick<KnownStoresFile, 'of' | 'remember'>;
  close(): Promise<void>;
}

/**
 * Writes the store of one member, once, and beside it the cluster's key, if one is given: the same for all
 * members, 32 random bytes.
 * @throws ERR_INDELIBLE_STORE_EXISTS where one is; ERR_INDELIBLE_NOT_PERSISTENT_MEMORY, with nothing written;
 * ERR_INDELIBLE_STORE_IO; RangeError for an impossible shape
 */
export async function formatStore(
  directory: string,
  storage: StorageChoice,
  shape: StoreShape,
  configuration: Configuration,
  key?: Uint8Array,
): Promise<void> {
  if (key !== undefined) checkKey(key);
  checkMedium(directory, storage);
  const { clusterId } = shape.identity;
  const checkpoints = join(directory, 'checkpoints');
  await formatCheckpoints(checkpoints, clusterId, configuration).catch(async (error: unknown) => {
    // An earlier format may have come this far and no further: then its checkpoint is as good as ours.
    if (!(error instanceof IndelibleError) || error.code !== ErrorCode.storeExists) throw error;
    const found = await openCheckpoints(checkpoints, clusterId);
    await found.close();
  });
  if (key !== undefined) keepKey(directory, key);
  await formatLog(directory, storage, shape);
}

/** An earlier format may have come this far: then it is the same key, or somebody else's directory. */
function keepKey(directory: string, key: Uint8Array): void {
  const path = clusterKeyPath(directory);
  const found = readClusterKey(path);
  if (found === undefined) return writeKeyFile(path, 'cluster', key);
  if (Buffer.compare(found, key) === 0) return;
  throw new IndelibleError(ErrorCode.storeExists, `${path} holds another key`, { path });
}

/**
 * Opens both. @param storeUuid the store that must be found here; undefined takes any
 * @throws ERR_INDELIBLE_STORE_MISSING, _FOREIGN, _VERSION, _LOCKED, _CORRUPT, _IO and so on
 */
export async function openStore(
  directory: string,
  storage: StorageChoice,
  storeUuid?: string,
): Promise<OpenStore> {
  const identity = await identifyLog(directory, storage);
  if (identity !== undefined) await checkMembership(directory, identity, storeUuid);
  const log = await openLog(directory, storage, identity ?? {});
  try {
    const checkpoints = await openCheckpoints(join(directory, 'checkpoints'), log.identity.clusterId);
    return {
      log,
      checkpoints,
      known: new KnownStoresFile(directory),
      close: async () => {
        await log.close();
        await checkpoints.close();
      },
    };
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** That the log is the one that was meant, and by its checkpoints no other one's. Writes nothing. */
async function checkMembership(
  directory: string,
  { clusterId, replicaId, storeUuid }: Identity,
  expected: string | undefined,
): Promise<void> {
  const refuse = (sentence: string): never => {
    throw new IndelibleError(ErrorCode.storeForeign, sentence, { path: directory });
  };
  if (expected !== undefined && expected !== storeUuid) {
    const whose = `store ${storeUuid} of replica ${replicaId}, cluster ${clusterId}`;
    refuse(`${directory} holds ${whose}; expected was ${expected}`);
  }
  const meta = await readNewestMeta(join(directory, 'checkpoints'));
  if (meta.clusterId !== clusterId) {
    refuse(`the log in ${directory} is of cluster ${clusterId}, its checkpoints are of ${meta.clusterId}`);
  }
  const member = meta.configuration.members.find(({ id }) => id === replicaId);
  if (member === undefined || member.storeUuid === storeUuid) return;
  refuse(`the log in ${directory} is of store ${storeUuid}, and replica ${replicaId} is ${member.storeUuid}`);
}
