/**
 * What checkpoints ask of their replica, done: the log is trimmed, the state stands where a peer's
 * checkpoint ends, messages leave, and the owner hears.
 */
import type { Message } from '../paxos/messages.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { CheckpointFile } from '../storage/checkpoint-file.js';
import type { Storage } from '../storage/storage.js';
import type { Transport } from '../transport/transport.js';
import type { Digest, ReplicaId, Slot } from '../types.js';
import type { CheckpointProblem } from './checkpoint-writer.js';
import type { CheckpointSource, Checkpoints } from './checkpoints.js';
import type { Executor } from './executor.js';
import type { HostEvents } from './host-events.js';
import type { Meters } from './meters.js';
import type { TransferEvent } from './transfers.js';

export interface CheckpointEffectsParts {
  readonly core: ReplicaCore;
  readonly executor: Executor;
  readonly storage: Storage;
  readonly checkpoints: Checkpoints;
  readonly transport: Transport;
  readonly events: Pick<HostEvents, 'checkpoint' | 'checkpointProblem' | 'transfer'>;
  readonly meters: Meters;
  /** Runs a step; what it throws stops the replica. */
  readonly guard: (step: () => void) => void;
  readonly requestTurn: () => void;
  readonly fail: (error: Error) => void;
}

export class CheckpointEffects implements CheckpointSource {
  readonly core: ReplicaCore;
  readonly executor: Executor;
  private readonly parts: CheckpointEffectsParts;

  constructor(parts: CheckpointEffectsParts) {
    this.core = parts.core;
    this.executor = parts.executor;
    this.parts = parts;
  }

  post(to: ReplicaId, message: Message): void {
    this.parts.transport.send(to, message);
    this.parts.requestTurn();
  }

  hasRoom(to: ReplicaId): boolean {
    return this.parts.transport.hasRoom(to);
  }

  trim(through: Slot, checkpointId: number): void {
    // A lost store is not written to again: it stays as it was found.
    if (this.core.acceptor.voting) this.parts.storage.trim(through, checkpointId);
    this.core.trimmed(through);
    // A log that was full has room again.
    this.parts.requestTurn();
  }

  durableCheckpoint(file: CheckpointFile, from: ReplicaId): void {
    this.parts.meters.checkpointDurable(from, this.parts.checkpoints.tookMs);
    this.parts.events.checkpoint(file.meta, file.lengthBytes, from);
  }

  restored(file: CheckpointFile, from: ReplicaId): void {
    const { throughSlot, chainDigest, timeMs, ballot } = file.meta;
    this.parts.guard(() => {
      this.executor.jump(throughSlot, timeMs, ballot);
      this.core.installed(throughSlot, chainDigest as Digest, from, file.governing);
    });
    this.parts.requestTurn();
  }

  checkpointProblem(problem: CheckpointProblem | undefined): void {
    this.parts.events.checkpointProblem(problem);
  }

  transfer(event: TransferEvent): void {
    this.parts.events.transfer(event);
  }

  fail(error: Error): void {
    this.parts.fail(error);
  }
}
