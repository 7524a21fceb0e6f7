/**
 * Which key a replica asks for: the one given, the one that `format` left beside its store, or, where the
 * program says so, none. Without any of them nothing is opened.
 */
import { argumentError } from '../errors.js';
import { type ClusterKeys, clusterKeys } from '../transport/proof.js';
import { clusterKeyPath, readClusterKey } from './key-file.js';

export interface KeyChoice {
  readonly directory: string;
  readonly key?: Uint8Array;
  readonly insecure?: boolean;
}

/** @throws RangeError where there is no key and nobody said that there is to be none, or there are both */
export function keysOf({ directory, key, insecure = false }: KeyChoice): ClusterKeys | undefined {
  if (insecure) {
    if (key !== undefined) throw argumentError('a replica has a key or is insecure, not both');
    return undefined;
  }
  const path = clusterKeyPath(directory);
  const found = key ?? readClusterKey(path);
  if (found === undefined) {
    throw argumentError(
      `no key of the cluster was given, and there is no ${path}: give the key that all its replicas have`,
    );
  }
  return clusterKeys(found);
}
