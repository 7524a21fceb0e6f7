/**
 * New clusters, and stores of new clusters, that begin with a state out of a history: a back-up, or stores of
 * a cluster that is no more. Each directory is filled whole or not at all (staging.ts).
 */

import path from 'node:path';
import { type Replay, slotThrough, type Through } from '../backup/replay.js';
import { writeRestoredStore } from '../backup/restored-store.js';
import { fillDirectory } from '../backup/staging.js';
import { ErrorCode, IndelibleError } from '../errors.js';
import { clusterKeyPath, writeKeyFile } from '../replica/key-file.js';
import { checkMedium } from '../replica/log-kinds.js';
import { newClusterKey } from '../transport/proof.js';
import type { ReplicaId } from '../types.js';
import {
  type Backend,
  clusterFilePath,
  replicaDirectory,
  type Sync,
  writeClusterFile,
} from './cluster-file.js';
import { checkRoom } from './directory.js';
import { makeDirectory } from './durable-file.js';
import { type ClusterPlan, drawPlan, firstConfiguration, identityIn } from './plan.js';
import { shapeOf, storageChoice } from './stores.js';

/** The logs of the new stores. */
export interface NewLogs {
  readonly backend: Backend;
  readonly sync: Sync;
  readonly regionBytes: number;
}

/** Goes through the history as far as is meant. @throws RangeError, ERR_INDELIBLE_STATE_MACHINE */
export function runThrough(replay: Replay, wish: Through | undefined): void {
  replay.run(slotThrough(replay.history, wish));
}

/**
 * A cluster on this machine, which `cluster` then starts, from where `replay` is.
 * @throws ERR_INDELIBLE_STORE_EXISTS where the directory is not empty, _STORE_IO, _STATE_MACHINE
 */
export async function restoreCluster(
  directory: string,
  replicas: number,
  { backend, sync, regionBytes }: NewLogs,
  replay: Replay,
): Promise<ClusterPlan> {
  const plan = drawPlan(replicas);
  const choice = storageChoice(backend, sync);
  await fillDirectory(directory, async (aside) => {
    checkRoom(aside, replicas, regionBytes);
    checkMedium(aside, choice);
    for (const { id } of plan.members) {
      const store = replicaDirectory(aside, id);
      makeDirectory(store);
      const shape = shapeOf(identityIn(plan, id), regionBytes);
      await writeRestoredStore(store, choice, shape, firstConfiguration(plan), replay, undefined);
    }
    writeKeyFile(clusterKeyPath(aside), 'cluster', newClusterKey());
    writeClusterFile(aside, { ...plan, state: 'formed', backend, sync, regionBytes });
    const stores = plan.members.map(({ id }) => path.basename(replicaDirectory(aside, id)));
    return [...stores, path.basename(clusterKeyPath(aside)), path.basename(clusterFilePath(aside))];
  });
  return plan;
}

/**
 * The store of one member of a cluster on several machines, from where `replay` is, which must be where the
 * plan says: all members begin with one state.
 * @throws ERR_INDELIBLE_STORE_FOREIGN where the history is another one; as {@link restoreCluster}
 */
export async function restoreReplica(
  directory: string,
  plan: ClusterPlan,
  id: ReplicaId,
  { backend, sync, regionBytes }: NewLogs,
  key: Uint8Array,
  replay: Replay,
): Promise<void> {
  if (replay.slot !== plan.restores?.throughSlot || replay.chain !== plan.restores.chain) {
    throw new IndelibleError(
      ErrorCode.storeForeign,
      `at slot ${replay.slot} ${replay.history.path} has another history than the back-up that the plan was drawn for`,
      { path: replay.history.path },
    );
  }
  const choice = storageChoice(backend, sync);
  await fillDirectory(directory, async (aside) => {
    checkRoom(aside, 1, regionBytes);
    const shape = shapeOf(identityIn(plan, id), regionBytes);
    await writeRestoredStore(aside, choice, shape, firstConfiguration(plan), replay, key);
    return ['checkpoints', path.basename(clusterKeyPath(aside)), backend === 'file' ? 'log' : 'region'];
  });
}
