/** A region's format parameters: what a caller may ask for, checked, with the defaults filled in. */
import { argumentError } from '../errors.js';
import { LOG_BYTES_DEFAULT, RECORD_BYTES_MAX, RECORD_VOTES_MAX, REPLICA_ID_MAX } from '../limits.js';
import type { NativeFormat } from '../native/log.js';
import type { Identity } from '../types.js';

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

/** @param incarnation keys the commit words; 0 lets the addon draw one. */
export function nativeFormat(format: RegionFormat, incarnation: number): NativeFormat {
  const { identity } = format;
  if (
    !Number.isInteger(identity.replicaId) ||
    identity.replicaId < 1 ||
    identity.replicaId > REPLICA_ID_MAX
  ) {
    throw argumentError(`identity.replicaId is 1 … ${REPLICA_ID_MAX}, not ${identity.replicaId}`);
  }
  return {
    clusterId: sixteenBytes('clusterId', identity.clusterId),
    storeUuid: sixteenBytes('storeUuid', identity.storeUuid),
    replicaId: identity.replicaId,
    alignment: format.alignment ?? 64,
    logBytes: format.logBytes ?? LOG_BYTES_DEFAULT,
    recordBytesMax: format.recordBytesMax ?? RECORD_BYTES_MAX,
    recordItemsMax: RECORD_VOTES_MAX,
    incarnation,
  };
}

function sixteenBytes(what: string, text: string): Uint8Array {
  if (!/^[0-9a-f]{32}$/.test(text)) throw argumentError(`identity.${what} is 32 lower-case hex digits`);
  return new Uint8Array(Buffer.from(text, 'hex'));
}
