/**
 * What the core asks for, done: votes and promises are staged in the store, messages wait in the outbox for
 * what they rest on (contract 5), and news goes to whom it concerns. Nothing here decides anything.
 */
import type { Governing } from '../paxos/configurations.js';
import type { Effects, Role } from '../paxos/effects.js';
import type { CheckpointOffer, Message } from '../paxos/messages.js';
import type { Storage } from '../storage/storage.js';
import type { Transport } from '../transport/transport.js';
import type { Ballot, Batch, Configuration, Digest, ReplicaId, Slot } from '../types.js';
import type { Checkpoints } from './checkpoints.js';
import type { Forwarder } from './forwarder.js';
import type { Groups } from './groups.js';
import type { HostEvents } from './host-events.js';
import type { Meters } from './meters.js';
import type { Outbox } from './outbox.js';
import type { Placing } from './placing.js';
import type { StandingBack } from './standing-back.js';
import type { TimeKeeping } from './time-keeping.js';

/** What a replica is made of, as far as its core asks anything of it. */
export interface CoreEffectsParts {
  readonly storage: Storage;
  readonly checkpoints: Checkpoints;
  readonly transport: Transport;
  readonly forwarder: Forwarder;
  readonly events: Pick<HostEvents, 'role'>;
  readonly groups: Groups;
  readonly outbox: Outbox;
  readonly placing: Placing;
  readonly standingBack: StandingBack;
  readonly meters: Meters;
  readonly time: TimeKeeping;
  /** Of the last batch applied. */
  readonly stampMs: () => number;
  readonly hangUp: (from: ReplicaId, what: string) => void;
  /** Called in the midst of a step. */
  readonly configured: (configuration: Configuration, cookie: string | undefined) => void;
}

export class CoreEffects implements Effects {
  private readonly parts: CoreEffectsParts;

  constructor(parts: CoreEffectsParts) {
    this.parts = parts;
  }

  persistVote(slot: Slot, ballot: Ballot, batch: Batch, mayUseReserve: boolean): boolean {
    const { storage, checkpoints, groups, standingBack } = this.parts;
    const { kind, digest, bytes } = batch;
    const { length } = bytes;
    if (standingBack.isStalled || !groups.backlog.hasRoom(length)) return false;
    if (storage.stageVote(slot, ballot, kind, digest, bytes, 0, length, mayUseReserve)) {
      groups.backlog.staged(length);
      return true;
    }
    checkpoints.logRefused();
    return false;
  }

  persistPromise(ballot: Ballot): boolean {
    return this.parts.storage.stagePromise(ballot);
  }

  readVote(slot: Slot, digest: Digest): Uint8Array | undefined {
    return this.parts.storage.readVote(slot, digest);
  }

  send(to: ReplicaId, message: Message, after: number): void {
    this.parts.outbox.send(to, message, after);
  }

  hasRoom(to: ReplicaId): boolean {
    return this.parts.transport.hasRoom(to);
  }

  isArriving(from: ReplicaId): boolean {
    return this.parts.transport.isArriving(from);
  }

  chosen(): void {
    // The turn that is under way, or that this input ends with, applies it.
  }

  readReady(readId: number, slot: Slot): void {
    this.parts.placing.queries.ready(readId, slot);
  }

  readsLost(throughReadId: number): void {
    this.parts.placing.queries.lost(throughReadId);
  }

  role(role: Role, ballot: Ballot, leader: ReplicaId): void {
    const { meters, forwarder, time, events } = this.parts;
    meters.roleIs(role, leader);
    forwarder.follow(leader);
    time.lead(role === 'leader', this.parts.stampMs());
    events.role(role, ballot, leader);
  }

  configured({ configuration }: Governing, cookie: string | undefined): void {
    this.parts.configured(configuration, cookie);
  }

  needCheckpoint(from: ReplicaId, offer: CheckpointOffer): void {
    this.parts.checkpoints.take(from, offer);
  }

  implausible(from: ReplicaId): void {
    this.parts.hangUp(from, 'names a ballot that no campaign can have led to');
  }

  offerCheckpoint(to: ReplicaId): void {
    this.parts.checkpoints.offer(to);
  }
}
