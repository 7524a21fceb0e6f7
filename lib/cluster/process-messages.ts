/** What a replica's process and its supervisor say to each other over the IPC channel. Plain data. */
import type { Role } from '../paxos/effects.js';
import type { DiskStatus } from '../replica/disk.js';
import type { Ballot, DurabilityClass, ReplicaId, Slot, StorageMode } from '../types.js';

/** The replica has recovered, and listens for peers and clients. */
export interface Ready {
  readonly kind: 'ready';
  readonly mode: StorageMode;
  readonly durability: DurabilityClass;
  /** `intact`, `damaged` or `lost`; anything but the first calls for a person. */
  readonly recovery: string;
}

/** The role or the known leader changed; `leader` is 0 while none is known. */
export interface RoleChanged {
  readonly kind: 'role';
  readonly role: Role;
  readonly ballot: Ballot;
  readonly leader: ReplicaId;
}

/** The process is about to exit, and why. */
export interface Failed {
  readonly kind: 'failed';
  /** An ERR_INDELIBLE_* code where there is one. */
  readonly code: string;
  readonly message: string;
}

/** The replica's state machine has thrown at a command: it goes on, and serves nobody. */
export interface Halted {
  readonly kind: 'halted';
  readonly slot: Slot;
  /** The command's place within the slot, from 0. */
  readonly command: number;
  readonly message: string;
}

/** The disk of the replica has come to be fuller, or emptier, than a bound. */
export interface DiskChanged extends DiskStatus {
  readonly kind: 'disk';
}

export type FromReplica = Ready | RoleChanged | Halted | DiskChanged | Failed;

/** Close in order, then exit. The end of the channel means the same. */
export interface Stop {
  readonly kind: 'stop';
}

/** Read again what may have changed in files: certificates. */
export interface Reload {
  readonly kind: 'reload';
}

/** Another replica has joined, or one has left: where all of them are reached. */
export interface Peers {
  readonly kind: 'peers';
  /** As `serve` takes them: 1=host:port,2=host:port,… */
  readonly peers: string;
}

export type ToReplica = Stop | Reload | Peers;
