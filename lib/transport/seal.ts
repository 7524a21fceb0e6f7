/**
 * What TLS knows of a connection, for the greeting that follows on it.
 */
import type { ReplicaId } from '../types.js';

export interface Seal {
  /** 32 bytes that only the two ends of this connection have: proofs cover them. */
  readonly binding: Uint8Array;
  /** Why the certificate of the other end is not accepted; undefined if it is, or there is none. */
  readonly fault: string | undefined;
  /** The replicas that its certificate names; undefined where keys and not certificates seal. */
  readonly replicas: readonly ReplicaId[] | undefined;
}
