/**
 * The bounds of a transport over sockets, with their defaults.
 */

import { argumentError } from '../errors.js';
import { FRAME_BYTES_MAX } from '../limits.js';

export interface TcpBounds {
  /** Most bytes that wait for one peer; beyond, messages to it are dropped. */
  readonly peerQueueBytesMax: number;
  /** Most bytes that wait for one client; beyond, its connection is closed. */
  readonly clientQueueBytesMax: number;
  /** A client for which more than this waits is not read from until it has taken all of it. */
  readonly clientDrainBytes: number;
  /** Most clients at a time; one more is refused. */
  readonly clientsMax: number;
  /** Milliseconds within which a connection must be open and both ends have said hello. */
  readonly helloMsMax: number;
  /** Milliseconds between two beats of the keep-alive clock. */
  readonly keepAliveMs: number;
  /** A peer that says nothing for more beats than this is given up. */
  readonly silentBeatsMax: number;
  /** Shortest and longest wait before a peer is dialled again, in milliseconds. */
  readonly redialMsMin: number;
  readonly redialMsMax: number;
  /** Milliseconds without a connection after which a peer that is to dial is dialled. */
  readonly patienceMs: number;
  /** Milliseconds for which the link to a peer that is no member any more is kept. */
  readonly farewellMs: number;
  /** Milliseconds that `close` gives what is still queued to leave. */
  readonly closeMsMax: number;
}

export const TCP_BOUNDS_DEFAULT: TcpBounds = {
  peerQueueBytesMax: 32 << 20,
  clientQueueBytesMax: 64 << 20,
  clientDrainBytes: 1 << 20,
  clientsMax: 1000,
  helloMsMax: 2000,
  keepAliveMs: 500,
  silentBeatsMax: 6,
  redialMsMin: 20,
  redialMsMax: 1000,
  patienceMs: 3000,
  farewellMs: 1000,
  closeMsMax: 500,
};

/** The defaults with `given` over them. @throws RangeError for a bound that is not a positive number. */
export function tcpBounds(given: Partial<TcpBounds>): TcpBounds {
  const bounds = { ...TCP_BOUNDS_DEFAULT, ...given };
  for (const [name, value] of Object.entries(bounds)) {
    if (!Number.isFinite(value) || value <= 0) throw argumentError(`${name} is ${value}`);
  }
  if (bounds.peerQueueBytesMax < FRAME_BYTES_MAX || bounds.clientQueueBytesMax < FRAME_BYTES_MAX) {
    throw argumentError(`a queue must hold one frame of ${FRAME_BYTES_MAX} bytes`);
  }
  return bounds;
}
