/** Effects that only remember, for tests of one role at a time. */
import type { Effects, Role } from '../../lib/paxos/effects.js';
import type { Message } from '../../lib/paxos/messages.js';
import type { Ballot, Batch, ReplicaId, Slot } from '../../lib/types.js';

export class RecordedEffects implements Effects {
  items: { slot: Slot; ballot: Ballot }[] = [];
  readonly bytes: Map<Slot, Uint8Array> = new Map();
  sent: { to: ReplicaId; message: Message; after: number }[] = [];
  learned: [Slot, Slot][] = [];
  ready: { readId: number; slot: Slot }[] = [];
  lostReads: number[] = [];
  roles: Role[] = [];
  logHasRoom = true;
  /** Room for votes that may use the reserve. */
  hasReserve = false;

  persistVote(slot: Slot, ballot: Ballot, batch: Batch, mayUseReserve: boolean): boolean {
    if (!this.logHasRoom && !(mayUseReserve && this.hasReserve)) return false;
    this.items.push({ slot, ballot });
    this.bytes.set(slot, batch.bytes);
    return true;
  }
  persistPromise(ballot: Ballot): boolean {
    if (!this.logHasRoom) return false;
    this.items.push({ slot: 0, ballot });
    return true;
  }
  readVote(slot: Slot): Uint8Array | undefined {
    return this.bytes.get(slot);
  }
  send(to: ReplicaId, message: Message, after: number): void {
    this.sent.push({ to, message, after });
  }
  /** Peers whose link takes nothing now. */
  readonly choked: Set<ReplicaId> = new Set();
  hasRoom(to: ReplicaId): boolean {
    return !this.choked.has(to);
  }
  isArriving(): boolean {
    return false;
  }
  chosen(from: Slot, through: Slot): void {
    this.learned.push([from, through]);
  }
  readReady(readId: number, slot: Slot): void {
    this.ready.push({ readId, slot });
  }
  readsLost(throughReadId: number): void {
    this.lostReads.push(throughReadId);
  }
  role(role: Role): void {
    this.roles.push(role);
  }
  configured(): void {}
  needCheckpoint(): void {}
  implausible(): void {}
  offerCheckpoint(): void {}
}
