/**
 * What the core asks of its host. The core calls these methods and never waits: what comes of them returns
 * as an input (`durable`, `applied`, `receive`, `tick`).
 *
 * The law is `after`: a message leaves only when items through `after` are durable (contract 5). Items are
 * numbered as in storage.ts, 1 for the first one staged since open; 0 means "at once".
 */
import type { Ballot, Batch, Digest, ReplicaId, Slot } from '../types.js';
import type { Governing } from './configurations.js';
import type { CheckpointOffer, Message } from './messages.js';

/** What a replica does at the moment. A candidate asks the others whether it may lead. */
export type Role = 'follower' | 'candidate' | 'leader';

export interface Effects {
  /**
   * Stages a vote. False: the log has no room, nothing was staged, and nothing may be answered for it; the
   * host makes room with a checkpoint. `mayUseReserve`: the vote is for the first slot not learned here.
   */
  persistVote(slot: Slot, ballot: Ballot, batch: Batch, mayUseReserve: boolean): boolean;

  /** Stages a promise. False: no room even in the reserve. */
  persistPromise(ballot: Ballot): boolean;

  /** The bytes of this replica's own vote at `slot`, from its log; undefined if they are lost. */
  readVote(slot: Slot, digest: Digest): Uint8Array | undefined;

  send(to: ReplicaId, message: Message, after: number): void;

  /** True while a long message to `to` would leave at once; if not, `roomAgain` tells when it would. */
  hasRoom(to: ReplicaId): boolean;

  /** True if some of a long message from that peer has arrived since this was asked last. */
  isArriving(from: ReplicaId): boolean;

  /** Slots `from` … `through` are learned, in order; the host applies each exactly once (contract 16). */
  chosen(from: Slot, through: Slot): void;

  /** The read asked for as `readId` may be served by a state that has applied `slot`. */
  readReady(readId: number, slot: Slot): void;

  /** Reads through `readId` cannot be confirmed by this replica any more; ask the new leader. */
  readsLost(throughReadId: number): void;

  /** The role or the known leader changed; `leader` is 0 while none is known. */
  role(role: Role, ballot: Ballot, leader: ReplicaId): void;

  /**
   * From now on the members are these: a stop-sign was learned, which bears that cookie, or (undefined) a
   * checkpoint installed that is behind one. Called in the midst of a turn.
   */
  configured(governing: Governing, cookie: string | undefined): void;

  /** A peer no longer has the slots this replica needs: the host fetches that checkpoint from it. */
  needCheckpoint(from: ReplicaId, offer: CheckpointOffer): void;

  /** `from` named a ballot that no campaign can have led to: nothing was done; the link may be given up. */
  implausible(from: ReplicaId): void;

  /** A peer asked for slots that this replica has trimmed: the host answers with its newest checkpoint. */
  offerCheckpoint(to: ReplicaId): void;
}
