/**
 * What a replica tells whoever listens, through node:diagnostics_channel: every event has a channel of its
 * own, and nothing is paid for one that nobody subscribed to. The events are rare (no channel per command).
 *
 * 1. A subscriber never changes what the replica does: what one that came by `subscribe` throws is told as a
 *    warning of the process. Of one that came by node:diagnostics_channel itself, Node.js makes an uncaught
 *    exception, outside the replica.
 * 2. Every event names the replica it is about, because several may live in one process.
 */
import { channel } from 'node:diagnostics_channel';
import { callbackReturned, callbackThrew } from '../callbacks.js';
import type { Role } from '../paxos/effects.js';
import type { Ballot, DurabilityClass, ReplicaId, Slot, SlotRange } from '../types.js';

export interface RoleEvent {
  readonly replica: ReplicaId;
  readonly role: Role;
  readonly ballot: Ballot;
  /** 0 while none is known. */
  readonly leader: ReplicaId;
}

export interface PeerEvent {
  readonly replica: ReplicaId;
  readonly peer: ReplicaId;
  readonly up: boolean;
}

/** The log was read at start. Any outcome but `intact` calls for a person. */
export interface RecoveryEvent {
  readonly replica: ReplicaId;
  readonly outcome: 'intact' | 'damaged' | 'lost';
  readonly reason: string;
  readonly durability: DurabilityClass;
  readonly trimThrough: Slot;
  readonly votes: number;
}

/** A checkpoint became durable here: written by this replica, or fetched from the peer `from`. */
export interface CheckpointEvent {
  readonly replica: ReplicaId;
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  readonly lengthBytes: number;
  /** 0 for a checkpoint of its own. */
  readonly from: ReplicaId;
}

/** No checkpoint can be written, or a peer's not be taken; `reason` is empty once one could again. */
export interface CheckpointProblemEvent {
  readonly replica: ReplicaId;
  readonly code: string;
  readonly reason: string;
  /** Attempts that have failed one after the other. */
  readonly failures: number;
  /** Milliseconds until the next one; 0 while one hangs. */
  readonly retryMs: number;
}

/** The disk with the checkpoints has come to be fuller, or emptier, than a bound. */
export interface DiskEvent {
  readonly replica: ReplicaId;
  /** `warn`: 85 % are in use; `reserve`, `full`: what grows the state is refused if a majority is so. */
  readonly state: 'ok' | 'warn' | 'reserve' | 'full';
  readonly bytes: number;
  readonly freeBytes: number;
  /** In use, 0 … 1. */
  readonly share: number;
  readonly reserveBytes: number;
}

/** A checkpoint moves between this replica and `peer`. */
export interface TransferChannelEvent {
  readonly replica: ReplicaId;
  readonly what: 'begun' | 'resumed' | 'source changed' | 'given up' | 'sending' | 'overtaken';
  readonly peer: ReplicaId;
  readonly throughSlot: Slot;
  /** Bytes that had been received, of `lengthBytes` (0 where that is not known yet). */
  readonly offset: number;
  readonly lengthBytes: number;
}

/** A scrub found damage in a log that is in use. It is repaired from memory and from peers. */
export interface DamageEvent {
  readonly replica: ReplicaId;
  readonly reason: string;
  /** Votes that have lost their bytes. */
  readonly votes: number;
  /** Slots whose votes the next open could not tell any more. */
  readonly uncertain: readonly SlotRange[];
}

/** The wall clock of the replica's machine has come off replicated time, or is well again. */
export interface ClockEvent {
  readonly replica: ReplicaId;
  readonly isOff: boolean;
  /** How far it is ahead of replicated time, in milliseconds; below 0 if behind. */
  readonly aheadMs: number;
}

/** The state machine has thrown at a command; slot 0, and no error: it goes on behind it. */
export interface HaltedEvent {
  readonly replica: ReplicaId;
  readonly slot: Slot;
  /** The command's place within the slot, from 0. */
  readonly ordinal: number;
  readonly error: Error | undefined;
}

/** The replica stops; `error` says why. Nothing more comes from it. */
export interface FailureEvent {
  readonly replica: ReplicaId;
  readonly error: Error;
}

export interface Events {
  'indelible:role': RoleEvent;
  'indelible:peer': PeerEvent;
  'indelible:recovery': RecoveryEvent;
  'indelible:checkpoint': CheckpointEvent;
  'indelible:checkpoint-problem': CheckpointProblemEvent;
  'indelible:disk': DiskEvent;
  'indelible:transfer': TransferChannelEvent;
  'indelible:damage': DamageEvent;
  'indelible:clock': ClockEvent;
  'indelible:halted': HaltedEvent;
  'indelible:failure': FailureEvent;
}

export function publish<Name extends keyof Events>(name: Name, event: Events[Name]): void {
  const target = channel(name);
  if (target.hasSubscribers) target.publish(event);
}

/** @returns what ends the subscription. */
export function subscribe<Name extends keyof Events>(
  name: Name,
  listener: (event: Events[Name]) => void,
): () => void {
  const target = channel(name);
  const receive = (event: unknown): void => {
    try {
      const returned: unknown = listener(event as Events[Name]);
      if (returned !== undefined) callbackReturned(`a subscriber of '${name}'`, returned);
    } catch (error) {
      callbackThrew(`a subscriber of '${name}'`, error);
    }
  };
  target.subscribe(receive);
  return () => {
    target.unsubscribe(receive);
  };
}
