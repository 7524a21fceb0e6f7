/**
 * Directories of stores as a command line names them: of replicas, or of a cluster with all that it holds.
 */

import fs from 'node:fs';
import path from 'node:path';
import { clusterFilePath, replicaDirectory } from '../cluster/cluster-file.js';
import { storesIn } from '../cluster/directory.js';
import { hasStore } from '../cluster/stores.js';
import { ErrorCode, IndelibleError } from '../errors.js';

/** @throws ERR_INDELIBLE_STORE_MISSING where a directory holds neither */
export function storeDirectories(named: readonly string[]): readonly string[] {
  return named.flatMap((directory) => {
    if (hasStore(directory)) return [directory];
    const isCluster = fs.existsSync(clusterFilePath(directory));
    const stores = isCluster ? storesIn(directory).map((id) => replicaDirectory(directory, id)) : [];
    if (stores.length > 0) return stores;
    const where = path.resolve(directory);
    throw new IndelibleError(
      ErrorCode.storeMissing,
      `${where} holds no store of a replica, nor those of a cluster`,
      {
        path: directory,
      },
    );
  });
}
