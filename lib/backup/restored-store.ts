/**
 * The store of a member of a new cluster that begins with a state of another one's.
 *
 * 1. Cluster, members and stores are new: nobody of the cluster that the state is of can join, or be joined.
 *    Ballots begin again too, so that nothing of the old ones is carried over.
 * 2. The log is written last, and is empty: all the state is in the checkpoint. The members must all begin at
 *    the same slot, with the same chain.
 */
import { join } from 'node:path';
import { clusterKeyPath, writeKeyFile } from '../replica/key-file.js';
import { checkMedium, formatLog, type StorageChoice } from '../replica/log-kinds.js';
import { type TakenImage, takeImage } from '../replica/state-image.js';
import { writeFirstCheckpoint } from '../storage/checkpoint.js';
import type { StoreShape } from '../storage/shape.js';
import type { Configuration } from '../types.js';
import type { Replay } from './replay.js';

/** The state that a new cluster begins with. */
type RestoredState = Pick<Replay, 'slot' | 'chain' | 'timeMs' | 'machine' | 'sessions'>;

/**
 * The first checkpoint of the new cluster: the state of `replay`, sessions included, and nothing else of the
 * old one.
 */
export function restoredImage(
  replay: RestoredState,
  clusterId: string,
  configuration: Configuration,
): TakenImage {
  const { slot, chain, timeMs } = replay;
  const checkpointId = slot === 0 ? 0 : 1;
  const meta = { clusterId, checkpointId, throughSlot: slot, configuration, chainDigest: chain, timeMs };
  return slot === 0 ? { meta, chunks: [] } : takeImage(replay, meta);
}

/**
 * Writes it into a directory that is there and empty. Durable when this resolves.
 * @param key of the new cluster; undefined where it lies elsewhere
 * @throws ERR_INDELIBLE_STORE_EXISTS, _STORE_IO, _STATE_MACHINE; RangeError for an impossible shape
 */
export async function writeRestoredStore(
  directory: string,
  storage: StorageChoice,
  shape: StoreShape,
  configuration: Configuration,
  replay: Replay,
  key: Uint8Array | undefined,
): Promise<void> {
  checkMedium(directory, storage);
  const { meta, chunks } = restoredImage(replay, shape.identity.clusterId, configuration);
  await writeFirstCheckpoint(join(directory, 'checkpoints'), meta, chunks);
  if (key !== undefined) writeKeyFile(clusterKeyPath(directory), 'cluster', key);
  await formatLog(directory, storage, shape);
}
