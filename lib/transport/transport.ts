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
 * 6. Messages are of two classes. *Bulk* is what carries batches, votes or checkpoints: accept, promised,
 *    chosen, checkpointChunk. All others are *control*. Of bulk no more is under way to a peer than it takes
 *    within about a tenth of a second; the rest waits here, and control overtakes it. Each class keeps its
 *    order, and while nothing waits both leave in the order in which they were sent.
 *
 * How to send much: while `hasRoom(to)`, send one more bulk message. When it says false, stop;
 * `roomAgain(to)` comes when everything has left, and when the peer comes up. So what waits here is a message
 * or so for each sender, the link is never idle, and nobody needs a timer or an answer to know how fast the
 * peer is.
 */
import type { IndelibleError } from '../errors.js';
import type { Message } from '../paxos/messages.js';
import type { Configuration, ReplicaId } from '../types.js';

export interface TransportEvents {
  message(from: ReplicaId, message: Message): void;
  /** All messages that arrived together have been handed over: the host commits, answers and flushes. */
  settled(): void;
  peerUp(peer: ReplicaId): void;
  /**
   * `isEnded`: the connection was ended at its other end, as the kernel does when the process there dies, or
   * on the way; neither was it given up here, nor did another one take its place.
   */
  peerDown(peer: ReplicaId, isEnded: boolean): void;
  /** `hasRoom(peer)` said false and would say true now. The host takes a turn of its own for it. */
  roomAgain(peer: ReplicaId): void;
}

/** Counters of the connections to peers, since open. */
export interface TransportCounters {
  /** Frames sent. */
  readonly framesSent: number;
  /** Frames received. */
  readonly framesReceived: number;
  /** Bytes sent. */
  readonly bytesSent: number;
  /** Bytes received. */
  readonly bytesReceived: number;
  /** Calls that wrote to a socket. */
  readonly writes: number;
  /** Messages dropped because the peer was not connected or took too little. */
  readonly dropped: number;
  /** Connections that were refused: strangers, who do not have the key, and clients beyond the most. */
  readonly refused: number;
  /** Connections that were closed because of what came in. */
  readonly malformed: number;
}

/** How the way to a peer is. */
export interface PeerLink {
  readonly id: ReplicaId;
  readonly connected: boolean;
  /** Connections to it that came into use, since open. */
  readonly connections: number;
  /** Bytes for it that have not left this process, or that it has not taken. */
  readonly untakenBytes: number;
}

export interface Transport {
  readonly counters: TransportCounters;
  start(events: TransportEvents): Promise<void>;
  send(to: ReplicaId, message: Message): void;
  flush(): void;
  /** True while bulk sent now would wait behind nothing. False too for who is absent. */
  hasRoom(to: ReplicaId): boolean;
  /** Bulk bytes sent to a peer that it has not taken yet: those that wait, and those under way. */
  untakenBytes(to: ReplicaId): number;
  /** True if some of a long message from that peer has arrived since this was asked last. */
  isArriving(from: ReplicaId): boolean;
  /** Ends the connection to a peer that says what nobody can mean; `error` says what, for the diagnostics. */
  hangUp(to: ReplicaId, error: IndelibleError): void;
  /**
   * The members from now on, beside those whose hello told of a later configuration. Who is none any more has
   * its link for a moment longer, to hear so and to ask what it lacks, and no new one.
   */
  configured(configuration: Configuration): void;
  close(): Promise<void>;
}
