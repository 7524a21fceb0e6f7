/** What a store is formatted for: whose it is and how much it holds. */
import { argumentError } from '../errors.js';
import {
  LOG_BYTES_MIN,
  LOG_RECORDS_MIN,
  RECORD_BYTES_MAX,
  RECORD_BYTES_MIN,
  REPLICA_ID_MAX,
} from '../limits.js';
import type { Identity } from '../types.js';

/** What a store is made for: its member, and how much its log holds. */
export interface StoreShape {
  /** The member that this store belongs to. */
  readonly identity: Identity;
  /** Bytes of the log area; at least LOG_BYTES_MIN and LOG_RECORDS_MIN largest records. */
  readonly logBytes: number;
  /**
   * Bytes of the largest record, RECORD_BYTES_MIN … RECORD_BYTES_MAX; a largest batch is a little smaller.
   */
  readonly recordBytesMax: number;
}

const HEX_32 = /^[0-9a-f]{32}$/;

function checkInteger(value: number, min: number, max: number, name: string): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw argumentError(`${name} must be an integer from ${min} to ${max}, not ${value}`);
}

/** @throws RangeError ERR_INDELIBLE_ARGUMENT for a shape that no store can have. */
export function checkShape(shape: StoreShape): void {
  const { clusterId, replicaId, storeUuid } = shape.identity;
  if (!HEX_32.test(clusterId)) throw argumentError('clusterId must be 32 lower-case hex digits');
  if (!HEX_32.test(storeUuid)) throw argumentError('storeUuid must be 32 lower-case hex digits');
  checkInteger(replicaId, 1, REPLICA_ID_MAX, 'replicaId');
  checkInteger(shape.recordBytesMax, RECORD_BYTES_MIN, RECORD_BYTES_MAX, 'recordBytesMax');
  const least = Math.max(LOG_BYTES_MIN, LOG_RECORDS_MIN * shape.recordBytesMax);
  checkInteger(shape.logBytes, least, 2 ** 42, 'logBytes');
}
