/**
 * What to format before a cluster may start: decided here from what is on the disk and what was asked for,
 * without touching either.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { LOG_BYTES_DEFAULT } from '../limits.js';
import type { ReplicaId } from '../types.js';
import { type Backend, type ClusterFile, placesOf, type Sync } from './cluster-file.js';
import { drawPlan } from './plan.js';
import { checkRegionBytes } from './region-size.js';
import { checkSync } from './serve-config.js';

/** What the caller asked for; undefined leaves it to the data, or to the default. */
export interface Wish {
  readonly replicas: number | undefined;
  readonly backend: Backend | undefined;
  readonly sync: Sync | undefined;
  readonly regionBytes: number | undefined;
}

export interface Formation {
  readonly file: ClusterFile;
  /** True when the plan was drawn just now and is not on the disk yet. */
  readonly isNew: boolean;
  /** Replicas whose stores are to be formatted, by rising id. */
  readonly missing: readonly ReplicaId[];
}

const REPLICAS_DEFAULT = 3;

/**
 * @param found the cluster file of the directory
 * @param stores ids of the replicas whose stores are there
 * @throws ERR_INDELIBLE_STORE_FOREIGN when the data is not what was asked for, ERR_INDELIBLE_STORE_MISSING
 *   when too few replicas have a store for a majority; RangeError for a wish that cannot be
 */
export function decideFormation(
  directory: string,
  found: ClusterFile | undefined,
  stores: readonly ReplicaId[],
  wish: Wish,
): Formation {
  if (found === undefined) return newFormation(directory, stores, wish);
  checkAgreement(directory, found, wish);
  const ids = idsIn(found);
  const missing = ids.filter((id) => !stores.includes(id));
  if (found.state === 'formed') {
    // The others go on without a few; what these voted for is lost with them, and nothing is formatted anew.
    const left = placesOf(
      found,
      ids.filter((id) => stores.includes(id)),
    );
    if (left.size * 2 > placesOf(found, ids).size) return { file: found, isNew: false, missing: [] };
    const which = missing.join(', ');
    throw new IndelibleError(
      ErrorCode.storeMissing,
      `${directory} no longer has the store of replica ${which}, and its votes are lost with it. A new ` +
        'store with the same id could make the cluster forget commands that it has answered',
      { path: directory },
    );
  }
  return { file: found, isNew: false, missing };
}

function newFormation(directory: string, stores: readonly ReplicaId[], wish: Wish): Formation {
  if (stores.length > 0) {
    throw new IndelibleError(
      ErrorCode.storeForeign,
      `${directory} holds replica-${stores[0]} but no cluster.json that says whose it is`,
      { path: directory },
    );
  }
  const regionBytes = wish.regionBytes ?? LOG_BYTES_DEFAULT;
  checkRegionBytes(regionBytes);
  checkSync(wish.backend ?? 'emulated', wish.sync ?? 'none');
  const plan = drawPlan(wish.replicas ?? REPLICAS_DEFAULT);
  const file: ClusterFile = {
    ...plan,
    state: 'forming',
    backend: wish.backend ?? 'emulated',
    sync: wish.sync ?? 'none',
    regionBytes,
  };
  return { file, isNew: true, missing: plan.members.map(({ id }) => id) };
}

function checkAgreement(directory: string, found: ClusterFile, wish: Wish): void {
  const differences: string[] = [];
  const compare = <T>(name: string, has: T, wanted: T | undefined): void => {
    if (wanted !== undefined && wanted !== has) differences.push(`${name} ${has}, not ${wanted}`);
  };
  compare('--replicas', placesOf(found, idsIn(found)).size, wish.replicas);
  compare('--backend', found.backend, wish.backend);
  compare('--sync', found.sync, wish.sync);
  compare('--region-size', found.regionBytes, wish.regionBytes);
  if (differences.length === 0) return;
  throw new IndelibleError(
    ErrorCode.storeForeign,
    `the data in ${directory} was formatted with ${differences.join('; ')}`,
    { path: directory },
  );
}

function idsIn({ members }: ClusterFile): readonly ReplicaId[] {
  return members.map(({ id }) => id);
}
