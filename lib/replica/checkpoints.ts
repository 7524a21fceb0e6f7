/**
 * When a replica writes a checkpoint, when it forgets votes, and how it brings a peer up to date that has
 * fallen behind what any log still holds.
 *
 * 1. A vote is forgotten only when a checkpoint that covers it is durable and verified (contract 24).
 * 2. A peer's checkpoint replaces the state only if it is newer and verifies whole (contract 26).
 * 3. While followers are near, a leader keeps what they have not learned, up to `trimAtShare` of the log:
 *    they then catch up from its log, which costs less than a checkpoint.
 */

import { CHECKPOINT_CHUNK_BYTES_MAX } from '../limits.js';
import { NO_BALLOT } from '../paxos/ballot.js';
import type { CheckpointChunk, CheckpointFetch, Message } from '../paxos/messages.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { CheckpointStore } from '../storage/checkpoint.js';
import type { CheckpointFile } from '../storage/checkpoint-file.js';
import type { CheckpointReceiver } from '../storage/checkpoint-receiver.js';
import type { Storage } from '../storage/storage.js';
import type { Ballot, Configuration, Digest, ReplicaId, Slot } from '../types.js';
import type { Executor } from './executor.js';
import type { Tuning } from './options.js';
import { restoreImage, takeImage } from './state-image.js';
import type { StateMachine } from './state-machine.js';

/** What checkpoints need of the host. */
export interface CheckpointSource {
  readonly core: ReplicaCore;
  readonly executor: Executor;
  post(to: ReplicaId, message: Message): void;
  trim(through: Slot, checkpointId: number): void;
  written(file: CheckpointFile): void;
  installed(file: CheckpointFile, from: ReplicaId): void;
  fail(error: Error): void;
}

interface Offer {
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  readonly lengthBytes: number;
}

interface Transfer {
  readonly from: ReplicaId;
  readonly receiver: CheckpointReceiver;
  silentTicks: number;
}

/**
 * Ticks without a chunk after which the next one is asked for again, and after which the transfer is
 * dropped.
 */
const CHUNK_TICKS = 50;
const TRANSFER_TICKS = 500;
/** A follower that was silent for longer does not hold the leader's log. */
const NEAR_TICKS = 100;

export class Checkpoints {
  private readonly store: CheckpointStore;
  private readonly storage: Storage;
  private readonly machine: StateMachine;
  private readonly configuration: Configuration;
  private readonly tuning: Tuning;
  private busy = false;
  /** The log has refused a vote and nothing has been forgotten since. */
  private refused = false;
  private writing: Promise<void> = Promise.resolve();
  private transfer: Transfer | undefined;

  constructor(
    store: CheckpointStore,
    storage: Storage,
    machine: StateMachine,
    configuration: Configuration,
    tuning: Tuning,
  ) {
    this.store = store;
    this.storage = storage;
    this.machine = machine;
    this.configuration = configuration;
    this.tuning = tuning;
  }

  /** The checkpoint in force: where it ends, and what goes on from there. */
  get base(): {
    readonly through: Slot;
    readonly chain: Digest;
    readonly timeMs: number;
    readonly ballot: Ballot;
  } {
    const { throughSlot, chainDigest, timeMs, ballot = NO_BALLOT } = this.store.newest.meta;
    return { through: throughSlot, chain: chainDigest as Digest, timeMs, ballot };
  }

  get newestId(): number {
    return this.store.newest.meta.checkpointId;
  }

  /** Puts the state machine where the checkpoint in force ends. Called once, before anything is applied. */
  restore(): void {
    if (this.base.through > 0) restoreImage(this.machine, this.store.newest);
  }

  /** The log had no room for a vote: whatever share is in use, room must be made now. */
  logRefused(): void {
    this.refused = true;
  }

  /** Writes one when the log fills, forgets what can be forgotten, and keeps a transfer going. */
  tick(host: CheckpointSource): void {
    const { usedBytes, capacityBytes } = this.storage;
    const { throughSlot } = this.store.newest.meta;
    const worthIt = host.executor.appliedThrough > throughSlot;
    // A replica that does not vote logs nothing; what it learned weighs as much as if it did.
    const weightBytes = Math.max(usedBytes, host.core.learner.unloggedBytes);
    const isDue =
      this.refused ||
      weightBytes > capacityBytes * this.tuning.checkpointAtShare ||
      host.core.wantsCheckpointThrough > throughSlot;
    if (isDue && worthIt && !this.busy) this.write(host);
    this.forget(host);
    this.tickTransfer(host);
  }

  /** Begins a checkpoint of the state as it is now. Resolves when it is durable, or was not begun. */
  write(host: CheckpointSource): Promise<void> {
    const { executor, core } = host;
    // The chain is known where learning stands; between two turns the state may be a step behind it.
    if (this.busy || executor.appliedThrough !== core.learner.learnedThrough) return Promise.resolve();
    this.busy = true;
    const meta = {
      clusterId: this.store.clusterId,
      checkpointId: this.newestId + 1,
      throughSlot: executor.appliedThrough,
      configuration: this.configuration,
      chainDigest: core.learner.chain,
      timeMs: executor.timeMs,
      ballot: executor.ballotThrough,
      ...(this.machine.digest === undefined ? {} : { stateDigest: this.machine.digest() }),
    };
    this.writing = this.store
      .write(meta, takeImage(this.machine))
      .then((file) => {
        this.busy = false;
        host.written(file);
        this.forget(host);
      })
      .catch((error: Error) => {
        this.busy = false;
        host.fail(error);
      });
    return this.writing;
  }

  /** Resolves when no checkpoint is being written and no transfer is under way. */
  async settled(): Promise<void> {
    await this.writing;
    const transfer = this.transfer;
    this.transfer = undefined;
    await transfer?.receiver.abandon();
  }

  /** A peer lacks slots that this log has forgotten. */
  offer(to: ReplicaId, host: CheckpointSource): void {
    const { meta, lengthBytes } = this.store.newest;
    const { checkpointId, throughSlot } = meta;
    host.post(to, { type: 'checkpointOffer', checkpointId, throughSlot, lengthBytes });
  }

  /** `from` offers a checkpoint that this replica needs. */
  fetch(from: ReplicaId, offer: Offer, host: CheckpointSource): void {
    if (this.transfer !== undefined || this.busy || offer.throughSlot <= this.base.through) return;
    this.busy = true;
    this.store
      .receive(offer.checkpointId, offer.throughSlot, offer.lengthBytes)
      .then((receiver) => {
        this.transfer = { from, receiver, silentTicks: 0 };
        this.askNext(host);
      })
      .catch((error: Error) => {
        this.busy = false;
        host.fail(error);
      });
  }

  receive(from: ReplicaId, message: CheckpointFetch | CheckpointChunk, host: CheckpointSource): void {
    if (message.type === 'checkpointFetch') this.serve(from, message, host);
    else this.take(from, message, host).catch((error: Error) => host.fail(error));
  }

  private serve(to: ReplicaId, message: CheckpointFetch, host: CheckpointSource): void {
    const { checkpointId, throughSlot, offset } = message;
    const file = this.store.find(checkpointId, throughSlot);
    if (file === undefined) return this.offer(to, host);
    const { lengthBytes } = file;
    if (offset >= lengthBytes) return;
    const bytes = file.read(offset, CHECKPOINT_CHUNK_BYTES_MAX);
    if (bytes === undefined) return this.offer(to, host);
    host.post(to, { type: 'checkpointChunk', checkpointId, throughSlot, offset, lengthBytes, bytes });
  }

  private async take(from: ReplicaId, chunk: CheckpointChunk, host: CheckpointSource): Promise<void> {
    const transfer = this.transfer;
    if (transfer === undefined || transfer.from !== from) return;
    const { receiver } = transfer;
    if (receiver.checkpointId !== chunk.checkpointId || receiver.throughSlot !== chunk.throughSlot) return;
    transfer.silentTicks = 0;
    if (!(await receiver.append(chunk.offset, chunk.bytes))) return;
    if (!receiver.complete) return this.askNext(host);
    this.transfer = undefined;
    let file: CheckpointFile;
    try {
      file = await receiver.finish();
    } catch {
      // It does not verify, or a newer one is here by now: what was received is gone, and is asked for anew.
      this.busy = false;
      return;
    }
    this.busy = false;
    if (file.meta.throughSlot > host.executor.appliedThrough) {
      restoreImage(this.machine, file);
      host.installed(file, from);
    }
    this.forget(host);
  }

  private askNext(host: CheckpointSource): void {
    const transfer = this.transfer;
    if (transfer === undefined) return;
    const { checkpointId, throughSlot, offset } = transfer.receiver;
    host.post(transfer.from, { type: 'checkpointFetch', checkpointId, throughSlot, offset });
  }

  private tickTransfer(host: CheckpointSource): void {
    const transfer = this.transfer;
    if (transfer === undefined) return;
    transfer.silentTicks++;
    if (transfer.silentTicks >= TRANSFER_TICKS) {
      this.transfer = undefined;
      this.busy = false;
      transfer.receiver.abandon().catch((error: Error) => host.fail(error));
    } else if (transfer.silentTicks % CHUNK_TICKS === 0) {
      this.askNext(host);
    }
  }

  /** Trims through the newest checkpoint, as far as near followers allow. */
  private forget(host: CheckpointSource): void {
    const { core, executor } = host;
    let through = this.base.through;
    // A peer's checkpoint is the newest from the moment it is durable, and the state only a moment later.
    if (through > executor.appliedThrough) return;
    if (through <= core.acceptor.trimThrough) return;
    const { usedBytes, capacityBytes } = this.storage;
    const isPressed = this.refused || usedBytes >= capacityBytes * this.tuning.trimAtShare;
    if (core.role === 'leader' && !isPressed) {
      for (const { id } of this.configuration.members) {
        const peer = core.progress.of(id);
        if (peer !== undefined && peer.silentTicks < NEAR_TICKS)
          through = Math.min(through, peer.learnedThrough);
      }
    }
    // What the logs have lost is only in this checkpoint: nobody can catch up from the log through there.
    through = Math.max(through, Math.min(this.base.through, core.wantsCheckpointThrough));
    if (through <= core.acceptor.trimThrough) return;
    host.trim(through, this.newestId);
    this.refused = false;
  }
}
