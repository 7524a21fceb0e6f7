/**
 * What checkers are told, at the moment it happens. A checker implements what it needs, keeps what it has to
 * remember, and throws a Violation when its one promise is broken.
 */
import type { Governing } from '../paxos/configurations.js';
import type { Message } from '../paxos/messages.js';
import type { Recovered } from '../storage/storage.js';
import type { Ballot, Batch, BatchKind, Digest, ReplicaId, Slot } from '../types.js';
import type { DiskFault } from './disk.js';
import type { StateView, ToyCommand } from './machine.js';

/** An item that has become durable: a vote, or a promise (slot 0). */
export interface DurableItem {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
}

/** Something a client asked. Ids count up from 1 over the whole simulation; a write's id is its command's. */
export interface Operation {
  readonly id: number;
  readonly key: number;
  readonly type: 'read' | 'write';
}

/** A replica at the end of a simulation. */
export interface FinalState {
  readonly replica: ReplicaId;
  readonly machine: StateView;
}

export interface Observer {
  /** A store was opened by production recovery; `checkpointThrough` is where the state machine starts. */
  opened?(replica: ReplicaId, recovered: Recovered, checkpointThrough: Slot): void;
  /** Recovery found this vote; told before `opened`, by rising ballots. */
  recovered?(replica: ReplicaId, vote: DurableItem): void;
  /** The store has said that this item is durable. Called before the core hears of it. */
  durable?(replica: ReplicaId, item: DurableItem): void;
  /** The disk of a replica has lost something of these slots; of all of them if it is the store. */
  rotted?(replica: ReplicaId, fault: DiskFault, slots: readonly Slot[]): void;
  /** A change of members is proposed in `slot`. */
  proposed?(leader: ReplicaId, slot: Slot, batch: Batch): void;
  /** A replica is in another configuration from now on. */
  configured?(replica: ReplicaId, governing: Governing): void;
  /** A message leaves its replica. */
  leaves?(from: ReplicaId, to: ReplicaId, message: Message): void;
  /** The core says that this batch was chosen. */
  learned?(replica: ReplicaId, slot: Slot, batch: Batch): void;
  /** The state machine executes a command of `slot`; those of a slot come in order. */
  executed?(replica: ReplicaId, slot: Slot, command: ToyCommand): void;
  /** It has executed `slot`, and is as shown; undefined if it is further by now. */
  applied?(replica: ReplicaId, slot: Slot, machine: StateView | undefined): void;
  /** Commands that were told unknown are older than one of their requester that was answered for `slot`. */
  overtaken?(commands: readonly number[], slot: Slot): void;
  /** The state machine was replaced by a checkpoint. */
  restored?(replica: ReplicaId, machine: StateView): void;
  /** A client asked for something, and a replica took it. */
  asked?(operation: Operation): void;
  /** A write was answered: executed in `slot`. */
  wrote?(operation: Operation, slot: Slot): void;
  /** A read was answered with the id of the write it saw, 0 for none. */
  read?(operation: Operation, value: number): void;
  /** A write was answered: it never was and never will be executed. */
  notExecuted?(command: ToyCommand): void;
  /** Faults have ended, the replicas have settled. */
  finished?(replicas: readonly FinalState[]): void;
}

/** Passes what happens on to every checker, in the order given. */
export class Observers {
  private readonly all: readonly Observer[];

  constructor(all: readonly Observer[]) {
    this.all = all;
  }

  tell<K extends keyof Observer>(what: K, ...facts: Parameters<NonNullable<Observer[K]>>): void {
    for (const one of this.all) {
      const hear = one[what] as ((...facts: unknown[]) => void) | undefined;
      hear?.apply(one, facts);
    }
  }
}
