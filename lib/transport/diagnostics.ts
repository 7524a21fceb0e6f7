/**
 * What happened on the network that is nobody's fault in this program: published on the diagnostics channel
 * `indelible:transport`, which costs nothing while nobody listens.
 */
import { channel } from 'node:diagnostics_channel';
import type { ReplicaId } from '../types.js';

export interface TransportDiagnostic {
  /**
   * - `peer-up`, `peer-down`: a connection to a peer is in use, or no longer;
   * - `dial-failed`: a peer could not be reached, or refused this replica; it is tried again;
   * - `accept-failed`: the system could not give this replica a connection that somebody opened;
   * - `refused`: this replica refused a connection;
   * - `malformed`: a connection was closed because of what came in;
   * - `client-lost`: a client's connection was closed because of an error, or because it took no answers.
   */
  readonly event:
    | 'peer-up'
    | 'peer-down'
    | 'dial-failed'
    | 'accept-failed'
    | 'refused'
    | 'malformed'
    | 'client-lost';
  /** Address of the other end. */
  readonly remote: string;
  readonly peer?: ReplicaId;
  readonly error?: Error;
}

const transportChannel = channel('indelible:transport');

export function publish(diagnostic: TransportDiagnostic): void {
  if (transportChannel.hasSubscribers) transportChannel.publish(diagnostic);
}
