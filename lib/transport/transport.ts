/**
 * The transport contract: how one replica's core reaches its peers.
 *
 * 1. A message arrives whole, unchanged, from who it says, or not at all. It may be lost, doubled or late.
 * 2. `send` only queues; `flush` hands what is queued to the medium in one write per peer. The host flushes
 *    once per turn.
 * 3. What a slow or absent peer has not taken is bounded: past the bound new messages to it are dropped,
 *    which the protocol takes for loss.
 * 4. A peer of another cluster, protocol version, id or store never gets through (`hello` refuses it).
 * 5. Views inside a received message stay valid and unchanged for as long as they are held.
 */
import type { Message } from '../paxos/messages.js';
import type { ReplicaId } from '../types.js';

export interface TransportEvents {
  message(from: ReplicaId, message: Message): void;
  /** All messages that arrived together have been handed over: the host commits, answers and flushes. */
  settled(): void;
  peerUp(peer: ReplicaId): void;
  peerDown(peer: ReplicaId): void;
}

export interface TransportCounters {
  readonly framesSent: number;
  readonly framesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly writes: number;
  readonly dropped: number;
}

export interface Transport {
  readonly counters: TransportCounters;
  start(events: TransportEvents): Promise<void>;
  send(to: ReplicaId, message: Message): void;
  flush(): void;
  close(): Promise<void>;
}
