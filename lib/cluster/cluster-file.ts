/**
 * `cluster.json`: what the directory of a cluster on one machine holds, and how far its formatting came.
 *
 * 1. It is durable before the first store is formatted, and names every store beforehand.
 * 2. While it says `forming`, no replica has ever run: a store that is missing may be formatted as planned.
 * 3. Once it says `formed`, a store that is missing may have voted. It is never formatted again under the
 *    same identity; that would be an acceptor without its memory.
 * 4. Once it says `formed`, only who replaces a replica changes it, one step at a time; whoever supervises
 *    the replicas follows. A store that is to replace one is named before it is formatted, and is among the
 *    members before it runs.
 */
import path from 'node:path';
import * as v from 'valibot';
import { ErrorCode, IndelibleError } from '../errors.js';
import { LOG_BYTES_MIN, REPLICA_ID_MAX } from '../limits.js';
import type { Member, ReplicaId } from '../types.js';
import { readFileIfThere, replaceFile } from './durable-file.js';
import { type ClusterPlan, checkPlan, issueSentence } from './plan.js';

export type Backend = 'emulated' | 'pmem' | 'file';
export const BACKENDS: readonly Backend[] = ['emulated', 'pmem', 'file'];

/** What makes an emulated region's fence: nothing but the processor's, or an msync as well. */
export type Sync = 'none' | 'msync';
export const SYNCS: readonly Sync[] = ['none', 'msync'];

/**
 * One replica takes the place of another.
 *
 * | phase   | meaning                                                     | next                      |
 * |---------|-------------------------------------------------------------|---------------------------|
 * | forming | the heir's store is being formatted; it is no member, and   | store is whole → joining  |
 * |         | has never run                                               |                           |
 * | joining | the heir is a member here, and runs                         | it votes → leaving        |
 * |         |                                                             | its store is lost:        |
 * |         |                                                             | another heir → forming    |
 * | leaving | who is gone is no member here: its process ends, its store  | set aside → no replacement|
 * |         | is set aside                                                |                           |
 */
export interface Replacement {
  /** Who is replaced; behind it, heirs that were lost half-way. */
  readonly gone: readonly [ReplicaId, ...ReplicaId[]];
  readonly heir: Pick<Member, 'id' | 'storeUuid'>;
  readonly phase: 'forming' | 'joining' | 'leaving';
}

export interface ClusterFile extends ClusterPlan {
  readonly state: 'forming' | 'formed';
  readonly backend: Backend;
  readonly sync: Sync;
  /** Bytes of each replica's log. */
  readonly regionBytes: number;
  /** Absent while none is under way. */
  readonly replacement?: Replacement;
}

const replicaId = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(REPLICA_ID_MAX));

const replacementSchema = v.strictObject({
  gone: v.tupleWithRest([replicaId], replicaId),
  heir: v.strictObject({ id: replicaId, storeUuid: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)) }),
  phase: v.picklist(['forming', 'joining', 'leaving']),
});

const clusterSchema = v.strictObject({
  cluster: v.literal(1),
  state: v.picklist(['forming', 'formed']),
  backend: v.picklist(['emulated', 'pmem', 'file']),
  sync: v.picklist(['none', 'msync']),
  regionBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(LOG_BYTES_MIN)),
  clusterId: v.unknown(),
  members: v.unknown(),
  replacement: v.exactOptional(replacementSchema),
});

export function clusterFilePath(directory: string): string {
  return path.join(directory, 'cluster.json');
}

/** Where the store of one replica lies. */
export function replicaDirectory(directory: string, replicaId: number): string {
  return path.join(directory, `replica-${replicaId}`);
}

/**
 * The places in the cluster that these replicas have. One that takes the place of another has the same one:
 * of the two, one votes.
 */
export function placesOf({ replacement }: ClusterFile, ids: readonly ReplicaId[]): ReadonlySet<ReplicaId> {
  if (replacement === undefined) return new Set(ids);
  const { gone, heir } = replacement;
  return new Set(ids.map((id) => (id === heir.id || gone.includes(id) ? gone[0] : id)));
}

/** @throws ERR_INDELIBLE_STORE_IO */
export function writeClusterFile(directory: string, file: ClusterFile): void {
  const { state, backend, sync, regionBytes, clusterId, members, replacement } = file;
  const json = { cluster: 1, state, backend, sync, regionBytes, clusterId, members, replacement };
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
  const { clusterId, members, cluster: _, ...rest } = result.output;
  try {
    return { ...rest, ...checkPlan({ clusterId, members }, 'its plan') };
  } catch (error) {
    const message = `${file} does not describe a cluster: ${(error as Error).message}`;
    throw new IndelibleError(ErrorCode.storeForeign, message, { cause: error, path: file });
  }
}
