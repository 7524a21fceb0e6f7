/**
 * The replica's end of one client's connection: what a transport hands to the host for each client that
 * said hello on the peer port.
 *
 * 1. The handler sets the `on…` callbacks before it returns; nothing has been delivered until then.
 * 2. The handler sends `leaderIs` at once, whenever the leader changes, and now and then.
 * 3. A client that does not take its answers is not read from either. What is queued for it is bounded:
 *    past a share of the bound long results are left out, and past all of it its connection is closed.
 */
import type { ClientMessage, RequestOutcome } from '../wire/client-messages.js';
import type { Caller } from './hello.js';

export interface ClientConnection {
  /** Counts the connections of this transport, from 1. */
  readonly number: number;
  /** Who asks. */
  readonly caller: Caller;
  /** It asks for the clients of another replica, and has the key of replicas. */
  readonly isFrontEnd: boolean;
  /** Address of the other end, for people. */
  readonly remote: string;
  /** True while more is queued than the client takes; {@link onDrain} follows. */
  readonly writableNeedDrain: boolean;

  /** Views inside `message` stay valid for as long as they are held. */
  onMessage: (message: ClientMessage) => void;
  /** All messages that arrived together have been handed over. */
  onSettled: () => void;
  /** What was queued when `writableNeedDrain` was true has been taken. */
  onDrain: () => void;
  /** Nothing arrives and nothing is sent any more. Called once. */
  onClose: () => void;

  /** Queues a message; its bytes are copied, and may change as soon as this returns. */
  send(message: ClientMessage): void;
  /**
   * Queues the outcome of a run of requests, in as many frames as the results need: the form of
   * `Requester.outcome`. What is queued is bounded: the fuller the queue, the shorter a result must be to
   * have room; a request whose result has none is given the outcome `withoutRoom`, *unknown* unless told
   * otherwise.
   */
  sendOutcomes(
    first: number,
    count: number,
    outcome: RequestOutcome,
    results: Uint8Array,
    start: number,
    end: number,
    withoutRoom?: RequestOutcome,
  ): void;
  /** Hands what is queued to the socket in one write. `Transport.flush` does it for all connections. */
  flush(): void;
  /** Stops delivery, from the very next message on, until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  close(): void;
  /** Closes at once, whatever is queued or has arrived. */
  destroy(): void;
}
