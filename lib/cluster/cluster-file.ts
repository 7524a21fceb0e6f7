/**
 * `cluster.json`: what the directory of a cluster on one machine holds, and how far its formatting came.
 *
 * 1. It is durable before the first store is formatted, and names every store beforehand.
 * 2. While it says `forming`, no replica has ever run: a store that is missing may be formatted as planned.
 * 3. Once it says `formed`, a store that is missing may have voted. It is never formatted again under the
 *    same identity; that would be an acceptor without its memory.
 */
import path from 'node:path';
import * as v from 'valibot';
import { ErrorCode, IndelibleError } from '../errors.js';
import { LOG_BYTES_MIN } from '../limits.js';
import { readFileIfThere, replaceFile } from './durable-file.js';
import { type ClusterPlan, checkPlan, issueSentence } from './plan.js';

export type Backend = 'emulated' | 'pmem' | 'file';
export const BACKENDS: readonly Backend[] = ['emulated', 'pmem', 'file'];

/** What makes an emulated region's fence: nothing but the processor's, or an msync as well. */
export type Sync = 'none' | 'msync';
export const SYNCS: readonly Sync[] = ['none', 'msync'];

export interface ClusterFile extends ClusterPlan {
  readonly state: 'forming' | 'formed';
  readonly backend: Backend;
  readonly sync: Sync;
  /** Bytes of each replica's log. */
  readonly regionBytes: number;
}

const clusterSchema = v.strictObject({
  cluster: v.literal(1),
  state: v.picklist(['forming', 'formed']),
  backend: v.picklist(['emulated', 'pmem', 'file']),
  sync: v.picklist(['none', 'msync']),
  regionBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(LOG_BYTES_MIN)),
  clusterId: v.unknown(),
  members: v.unknown(),
});

export function clusterFilePath(directory: string): string {
  return path.join(directory, 'cluster.json');
}

/** Where the store of one replica lies. */
export function replicaDirectory(directory: string, replicaId: number): string {
  return path.join(directory, `replica-${replicaId}`);
}

/** @throws ERR_INDELIBLE_STORE_IO */
export function writeClusterFile(directory: string, file: ClusterFile): void {
  const { state, backend, sync, regionBytes, clusterId, members } = file;
  const json = { cluster: 1, state, backend, sync, regionBytes, clusterId, members };
  replaceFile(clusterFilePath(directory), `${JSON.stringify(json, null, 2)}\n`);
}

/**
 * @returns undefined where there is none
 * @throws ERR_INDELIBLE_STORE_FOREIGN when the file is something else, ERR_INDELIBLE_STORE_VERSION when a
 *   later program wrote it
 */
export function readClusterFile(directory: string): ClusterFile | undefined {
  const file = clusterFilePath(directory);
  const text = readFileIfThere(file);
  if (text === undefined) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new IndelibleError(ErrorCode.storeForeign, `${file} is not JSON`, { cause: error, path: file });
  }
  const version = (json as { cluster?: unknown } | null)?.cluster;
  if (typeof version === 'number' && version !== 1) {
    const message = `${file} has format ${version}; this program knows format 1`;
    throw new IndelibleError(ErrorCode.storeVersion, message, { path: file });
  }
  const result = v.safeParse(clusterSchema, json);
  if (!result.success) {
    const message = `${file} does not describe a cluster: ${issueSentence(result.issues)}`;
    throw new IndelibleError(ErrorCode.storeForeign, message, { path: file });
  }
  const { state, backend, sync, regionBytes, clusterId, members } = result.output;
  try {
    return { state, backend, sync, regionBytes, ...checkPlan({ clusterId, members }, 'its plan') };
  } catch (error) {
    const message = `${file} does not describe a cluster: ${(error as Error).message}`;
    throw new IndelibleError(ErrorCode.storeForeign, message, { cause: error, path: file });
  }
}
