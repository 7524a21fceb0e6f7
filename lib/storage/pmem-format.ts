/** A region's format parameters: what a caller may ask for, checked, with the defaults filled in. */
import { argumentError } from '../errors.js';
import { LOG_BYTES_DEFAULT, RECORD_BYTES_MAX, RECORD_VOTES_MAX } from '../limits.js';
import type { NativeFormat } from '../native/log.js';
import type { Identity } from '../types.js';
import { checkShape } from './shape.js';

export interface RegionFormat {
  readonly identity: Identity;
  /** Bytes of the log area, a multiple of 4096 and of `alignment`; at least eight largest records. */
  readonly logBytes?: number;
  /** Largest batch record in bytes, a multiple of `alignment`, at least 4 KiB. */
  readonly recordBytesMax?: number;
  /** Where records start: 64 (cache lines), 256 (Optane's blocks), 4096 (needed by `sync: 'msync'`). */
  readonly alignment?: number;
}

export const REGION_FORMAT_KEYS: readonly string[] = ['identity', 'logBytes', 'recordBytesMax', 'alignment'];

/** Refuses option names nobody knows: a misspelt one must not silently mean the default. */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw argumentError(`${what}: unknown option '${key}'`);
  }
}

/**
 * @param incarnation keys the commit words; 0 lets the addon draw one.
 * @throws RangeError ERR_INDELIBLE_ARGUMENT for a shape no region can have.
 */
export function nativeFormat(format: RegionFormat, incarnation: number): NativeFormat {
  const { identity, logBytes = LOG_BYTES_DEFAULT, recordBytesMax = RECORD_BYTES_MAX } = format;
  checkShape({ identity, logBytes, recordBytesMax });
  return {
    clusterId: new Uint8Array(Buffer.from(identity.clusterId, 'hex')),
    storeUuid: new Uint8Array(Buffer.from(identity.storeUuid, 'hex')),
    replicaId: identity.replicaId,
    alignment: format.alignment ?? 64,
    logBytes,
    recordBytesMax,
    recordItemsMax: RECORD_VOTES_MAX,
    incarnation,
  };
}
