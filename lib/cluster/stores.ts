/** The stores of a cluster's replicas: what shape they get, and whether one is there. */
import fs from 'node:fs';
import path from 'node:path';
import { LOG_RECORDS_MIN, RECORD_BYTES_MAX } from '../limits.js';
import { formatStore, type StorageChoice } from '../replica/store.js';
import type { StoreShape } from '../storage/shape.js';
import type { Configuration, Identity } from '../types.js';
import type { Backend, Sync } from './cluster-file.js';
import { checkRegionBytes, PAGE_BYTES } from './region-size.js';

export interface FormatRequest {
  /** Must be there. */
  readonly directory: string;
  readonly backend: Backend;
  readonly sync: Sync;
  readonly regionBytes: number;
  readonly identity: Identity;
  /** That it starts from. */
  readonly configuration: Configuration;
  /** Left beside the store; undefined where it lies elsewhere. */
  readonly key: Uint8Array | undefined;
}

/** The largest record is as large as can be, while the log still holds enough of them. */
export function shapeOf(identity: Identity, regionBytes: number): StoreShape {
  checkRegionBytes(regionBytes);
  const share = Math.floor(regionBytes / LOG_RECORDS_MIN / PAGE_BYTES) * PAGE_BYTES;
  return { identity, logBytes: regionBytes, recordBytesMax: Math.min(RECORD_BYTES_MAX, share) };
}

/**
 * Writes one member's store: its log and its first checkpoint, both durable when this resolves.
 * @throws ERR_INDELIBLE_STORE_EXISTS, ERR_INDELIBLE_STORE_IO; RangeError for an impossible size
 */
export async function formatReplica(request: FormatRequest): Promise<void> {
  const { directory, backend, sync, regionBytes, identity, configuration, key } = request;
  const shape = shapeOf(identity, regionBytes);
  await formatStore(directory, storageChoice(backend, sync), shape, configuration, key);
}

/** What a replica is opened with, for a backend as the command line names it. */
export function storageChoice(backend: Backend, sync: Sync): StorageChoice {
  return backend === 'emulated' ? { mode: backend, sync } : { mode: backend };
}

/** Whether `format` finished here: it writes the log last. */
export function hasStore(directory: string): boolean {
  return ['region', path.join('log', 'identity')].some((name) => fs.existsSync(path.join(directory, name)));
}
