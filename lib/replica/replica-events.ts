/** What a replica tells its program, as it happens. */
import type { Role } from '../paxos/effects.js';
import type { CheckpointMeta } from '../storage/checkpoint-format.js';
import type { FoundDamage } from '../storage/storage.js';
import type { Ballot, Configuration, ReplicaId } from '../types.js';
import type { CheckpointProblem } from './checkpoint-writer.js';
import type { DiskStatus } from './disk.js';
import type { Halt } from './executor.js';
import type { ClockNews } from './time-keeping.js';
import type { TransferEvent } from './transfers.js';

/** The events of a `Replica`, each with its arguments. A listener that throws only causes a warning. */
export interface ReplicaEvents {
  /** This replica’s role, its ballot or the known leader has changed. */
  role: [role: Role, ballot: Ballot, leader: ReplicaId];
  /** The connection to a peer is up, or down. */
  peer: [peer: ReplicaId, up: boolean];
  /**
   * A checkpoint became durable: this replica's own (`from` 0) or that of a peer, which replaced the state.
   */
  checkpoint: [meta: CheckpointMeta, lengthBytes: number, from: ReplicaId];
  /**
   * No checkpoint can be written, or a peer's not be taken, and why; or (undefined) one could again. The
   * replica goes on; its log can be forgotten no further meanwhile, and fills up.
   */
  checkpointProblem: [problem: CheckpointProblem | undefined];
  /** The disk has come to be fuller, or emptier, than a bound: see {@link DiskStatus}. */
  disk: [status: DiskStatus];
  /** A checkpoint moves between this replica and a peer. */
  transfer: [event: TransferEvent];
  /** A scrub found damage in the log; it is repaired from memory and from peers, as far as they have it. */
  damage: [found: FoundDamage];
  /** This replica's wall clock has come off replicated time, or is well again. */
  clock: [news: ClockNews];
  /**
   * The state machine has thrown at a command: this replica votes, and may lead, but executes nothing behind
   * it, and serves nobody. Undefined: it goes on. See `Replica.skip`.
   */
  halted: [halt: Halt | undefined];
  /**
   * These are the members from now on, by the change with that cookie; without one where a checkpoint of a
   * peer says so.
   */
  members: [configuration: Configuration, cookie: string | undefined];
  /** The replica has stopped and will not go on; close it. */
  failure: [error: Error];
}
