/**
 * A replica's store: its acceptor log and its checkpoints, side by side in one directory.
 *
 * ```
 * DIRECTORY/region        the log of the modes pmem and emulated
 * DIRECTORY/log/          the log of the mode file
 * DIRECTORY/checkpoints/  the state machine's images, the first of them written by format
 * ```
 *
 * 1. `formatStore` writes the log last: a directory with a log is a formatted store, whatever was
 *    interrupted.
 * 2. `openStore` never formats, and refuses checkpoints of another cluster or a log of another member.
 */
import { join } from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import { type CheckpointStore, formatCheckpoints, openCheckpoints } from '../storage/checkpoint.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import type { Configuration } from '../types.js';
import { formatLog, openLog, type StorageChoice } from './log-kinds.js';

export type { StorageChoice } from './log-kinds.js';

export interface OpenStore {
  readonly log: Storage;
  readonly checkpoints: CheckpointStore;
  close(): Promise<void>;
}

/**
 * Writes the store of one member, once.
 * @throws ERR_INDELIBLE_STORE_EXISTS where one is; ERR_INDELIBLE_STORE_IO; RangeError for an impossible shape
 */
export async function formatStore(
  directory: string,
  storage: StorageChoice,
  shape: StoreShape,
  configuration: Configuration,
): Promise<void> {
  const { clusterId } = shape.identity;
  const checkpoints = join(directory, 'checkpoints');
  await formatCheckpoints(checkpoints, clusterId, configuration).catch(async (error: unknown) => {
    // An earlier format may have come this far and no further: then its checkpoint is as good as ours.
    if (!(error instanceof IndelibleError) || error.code !== ErrorCode.storeExists) throw error;
    const found = await openCheckpoints(checkpoints, clusterId);
    await found.close();
  });
  await formatLog(directory, storage, shape);
}

/** Opens both. @throws ERR_INDELIBLE_STORE_MISSING, _FOREIGN, _VERSION, _LOCKED, _CORRUPT, _IO and so on */
export async function openStore(directory: string, storage: StorageChoice): Promise<OpenStore> {
  const log = await openLog(directory, storage);
  try {
    const { clusterId, replicaId, storeUuid } = log.identity;
    const checkpoints = await openCheckpoints(join(directory, 'checkpoints'), clusterId);
    const { members } = checkpoints.newest.meta.configuration;
    if (!members.some((member) => member.id === replicaId && member.storeUuid === storeUuid)) {
      const sentence = `the log in ${directory} is of store ${storeUuid}, which is no member of the configuration`;
      throw new IndelibleError(ErrorCode.storeForeign, sentence, { path: directory });
    }
    return {
      log,
      checkpoints,
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
