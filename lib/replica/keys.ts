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
    if (key !== undefined) throw argumentError('give a key, or say `insecure: true`, but not both');
    return undefined;
  }
  const path = clusterKeyPath(directory);
  const found = key ?? readClusterKey(path);
  if (found === undefined) {
    throw argumentError(
      `no key was given, and there is no file ${path}: give the key that all replicas of the cluster have`,
    );
  }
  return clusterKeys(found);
}
