/** The directory of a cluster on one machine: made ready, looked over, filled with what is missing. */
import fs from 'node:fs';
import path from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import { clusterKeyPath, writeKeyFile } from '../replica/key-file.js';
import { checkMedium } from '../replica/log-kinds.js';
import { newClusterKey } from '../transport/proof.js';
import type { ReplicaId } from '../types.js';
import { type Backend, type ClusterFile, replicaDirectory, writeClusterFile } from './cluster-file.js';
import { ioError, makeDirectory } from './durable-file.js';
import type { Formation } from './formation.js';
import { firstConfiguration, identityIn } from './plan.js';
import { formatReplica, hasStore, storageChoice } from './stores.js';

/** What a store needs besides its log, for its first checkpoints. */
const STORE_SLACK_BYTES = 1 << 20;

/**
 * Makes sure that the directory is there and can be written. Only its last part is created, so that a mount
 * point that is absent is not mistaken for an empty disk; for persistent memory not even that.
 * @throws ERR_INDELIBLE_STORE_IO
 */
export function prepareDirectory(directory: string, backend: Backend | undefined): void {
  try {
    if (backend !== 'pmem') makeDirectory(directory);
  } catch (error) {
    throw ioError(`cannot create ${directory}`, directory, error);
  }
  try {
    if (!fs.statSync(directory).isDirectory()) {
      throw Object.assign(new Error('it is a file'), { code: 'ENOTDIR' });
    }
    fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK);
  } catch (error) {
    throw ioError(`cannot use ${directory}`, directory, error);
  }
}

/** Ids of the replicas whose stores lie in the directory. */
export function storesIn(directory: string): readonly ReplicaId[] {
  const ids: ReplicaId[] = [];
  for (const name of fs.readdirSync(directory)) {
    const id = Number(/^replica-([1-9]\d{0,4})$/.exec(name)?.[1]);
    if (id >= 1 && hasStore(path.join(directory, name))) ids.push(id);
  }
  return ids.sort((a, b) => a - b);
}

/**
 * Formats what a formation found missing, the plan first, and marks the cluster formed.
 * @throws ERR_INDELIBLE_STORE_IO, among them a disk too small, and ERR_INDELIBLE_NOT_PERSISTENT_MEMORY, both
 * before anything is written
 */
export async function form(
  directory: string,
  formation: Formation,
  onReplica: (id: ReplicaId) => void,
): Promise<ClusterFile> {
  const { file, isNew, missing } = formation;
  if (file.state === 'formed') return file;
  checkRoom(directory, missing.length, file.regionBytes);
  checkMedium(directory, storageChoice(file.backend, file.sync));
  if (isNew) writeClusterFile(directory, file);
  for (const id of missing) {
    onReplica(id);
    const { backend, sync, regionBytes } = file;
    const where = replicaDirectory(directory, id);
    makeDirectory(where);
    await formatReplica({
      directory: where,
      backend,
      sync,
      regionBytes,
      identity: identityIn(file, id),
      configuration: firstConfiguration(file),
      key: undefined,
    });
  }
  const formed: ClusterFile = { ...file, state: 'formed' };
  writeClusterFile(directory, formed);
  return formed;
}

/**
 * Where the key of the cluster in the directory lies; it is drawn where there is none yet, be it that the
 * cluster was formatted before there were keys.
 * @throws ERR_INDELIBLE_STORE_IO
 */
export function clusterKeyIn(directory: string): string {
  const file = clusterKeyPath(directory);
  if (!fs.existsSync(file)) writeKeyFile(file, 'cluster', newClusterKey());
  return file;
}

/** @throws ERR_INDELIBLE_STORE_IO where so many stores do not fit */
export function checkRoom(directory: string, stores: number, regionBytes: number): void {
  const { bavail, bsize } = fs.statfsSync(directory);
  const needed = stores * (regionBytes + STORE_SLACK_BYTES);
  const free = bavail * bsize;
  if (free >= needed) return;
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new IndelibleError(
    ErrorCode.storeIo,
    `${stores} stores take ${megabytes(needed)}, and ${directory} has ${megabytes(free)} free`,
    { path: directory, cause: Object.assign(new Error('the disk is too small'), { code: 'ENOSPC' }) },
  );
}
