/** What a host tells its owner, as it happens. */
import type { Role } from '../paxos/effects.js';
import type { CheckpointMeta } from '../storage/checkpoint-format.js';
import type { FoundDamage } from '../storage/storage.js';
import type { Ballot, Configuration, ReplicaId } from '../types.js';
import type { CheckpointProblem } from './checkpoint-writer.js';
import type { DiskStatus } from './disk.js';
import type { Halt } from './executor.js';
import type { ClockNews } from './time-keeping.js';
import type { TransferEvent } from './transfers.js';

export interface HostEvents {
  role(role: Role, ballot: Ballot, leader: ReplicaId): void;
  peer(peer: ReplicaId, up: boolean): void;
  /** A checkpoint became durable here: this replica's own (`from` 0), or that of the peer `from`. */
  checkpoint(meta: CheckpointMeta, lengthBytes: number, from: ReplicaId): void;
  /** What keeps checkpoints from being written or taken has changed; undefined: nothing does any more. */
  checkpointProblem(problem: CheckpointProblem | undefined): void;
  /** The disk has come to be fuller, or emptier, than a bound. */
  disk(status: DiskStatus): void;
  transfer(event: TransferEvent): void;
  /** A scrub found damage in the log. */
  damage(found: FoundDamage): void;
  /** This replica's wall clock has come off, or is well again. */
  clock(news: ClockNews): void;
  /** The state machine has thrown at a command, or (undefined) goes on behind it. */
  halted(halt: Halt | undefined): void;
  /**
   * These are the members from now on, by the change with that cookie or (undefined) as a checkpoint says.
   */
  members(configuration: Configuration, cookie: string | undefined): void;
  failure(error: Error): void;
  /** A tick is over. */
  ticked(nowMs: number): void;
}
