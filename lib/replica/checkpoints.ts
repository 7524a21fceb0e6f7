/**
 * When a replica writes a checkpoint, when it forgets votes, and what it keeps for peers that have fallen
 * behind what any log still holds.
 *
 * 1. A vote is forgotten only when a checkpoint that covers it is durable and verified (contract 24).
 * 2. While followers are near, a leader keeps what they have not learned, up to `trimAtShare` of the log:
 *    they then catch up from its log, which costs less than a checkpoint.
 * 3. While a checkpoint is being sent, the log behind it is kept, up to the share half way from there to a
 *    full log: its receiver then needs no second one. So is what a back-up has still to take of it.
 * 4. A checkpoint that cannot be written stops nothing: it is told of, and tried again later.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { NO_BALLOT } from '../paxos/ballot.js';
import type { Governing } from '../paxos/configurations.js';
import type { CheckpointChunk, CheckpointFetch, CheckpointOffer, Message } from '../paxos/messages.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { CheckpointStore } from '../storage/checkpoint.js';
import type { CheckpointFile } from '../storage/checkpoint-file.js';
import type { Storage } from '../storage/storage.js';
import type { Ballot, Digest, ReplicaId, Slot } from '../types.js';
import { type CheckpointProblem, CheckpointWriter } from './checkpoint-writer.js';
import type { Executor } from './executor.js';
import type { Tuning } from './options.js';
import type { SessionTable } from './sessions/session-table.js';
import { type Image, keepImage, restoreImage, takeImage } from './state-image.js';
import type { StateMachine } from './state-machine.js';
import { type TransferEvent, type TransferStatus, Transfers } from './transfers.js';

/** What checkpoints need of the host. */
export interface CheckpointSource {
  readonly core: ReplicaCore;
  readonly executor: Executor;
  post(to: ReplicaId, message: Message): void;
  /** The link to `to` takes bulk now. */
  hasRoom(to: ReplicaId): boolean;
  trim(through: Slot, checkpointId: number): void;
  /** One became durable here: this replica's own (`from` 0), or a peer's, which is the state already. */
  durableCheckpoint(file: CheckpointFile, from: ReplicaId): void;
  /** The state is that of a peer's checkpoint now. */
  restored(file: CheckpointFile, from: ReplicaId): void;
  /** What keeps checkpoints from being written or taken has changed; undefined: nothing does any more. */
  checkpointProblem(problem: CheckpointProblem | undefined): void;
  transfer(event: TransferEvent): void;
  fail(error: Error): void;
}

/** What the checkpoints of one replica are made of. */
export interface CheckpointParts {
  readonly store: CheckpointStore;
  readonly storage: Storage;
  readonly machine: StateMachine;
  /** What back-ups that are being taken need kept. */
  readonly backups?: { readonly keepsAbove: Slot };
  readonly sessions: SessionTable;
  readonly tuning: Tuning;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Milliseconds by the monotonic clock; without it nothing is timed. */
  readonly now?: () => number;
}

/** A follower that was silent for longer does not hold the leader's log. */
const NEAR_TICKS = 100;
/** A receiver that lacks no more slots than this has caught up. */
const CAUGHT_UP_SLOTS = 64;
/** What may be kept of the state that a machine is made with. */
const FIRST_IMAGE_BYTES_MAX: number = 4 << 20;

export class Checkpoints {
  private readonly parts: CheckpointParts;
  private readonly writer: CheckpointWriter;
  private transfers: Transfers | undefined;
  private host: CheckpointSource | undefined;
  /** The log has refused a vote and nothing has been forgotten since. */
  private refused = false;
  private ending: Promise<void> | undefined;
  /** The state is beyond that of a peer's checkpoint which is not durable here, nor is any later one. */
  private isAdopting = false;
  /** The state before the first slot, until there is a checkpoint. */
  private first: Image | undefined;

  constructor(parts: CheckpointParts) {
    this.parts = parts;
    this.writer = new CheckpointWriter({
      tickMs: parts.tuning.tickMs,
      random: parts.random,
      now: parts.now,
      problem: (problem) => this.host?.checkpointProblem(problem),
    });
  }

  /** The checkpoint in force: where it ends, and what goes on from there. */
  get base(): {
    readonly through: Slot;
    readonly chain: Digest;
    readonly timeMs: number;
    readonly ballot: Ballot;
    readonly governing: Governing;
  } {
    const { meta, governing } = this.parts.store.newest;
    const { throughSlot, chainDigest, timeMs, ballot = NO_BALLOT } = meta;
    const chain = chainDigest as Digest;
    return { through: throughSlot, chain, timeMs, ballot, governing };
  }

  /** What keeps checkpoints from being written; undefined if nothing does. */
  get problem(): CheckpointProblem | undefined {
    return this.writer.problem;
  }

  /** How long the last checkpoint written here took, in milliseconds. */
  get tookMs(): number {
    return this.writer.tookMs;
  }

  /** The state may be put back to the newest checkpoint: no image is being taken, and it follows that one. */
  get mayRestore(): boolean {
    return !this.writer.isWriting && !this.isAdopting;
  }

  /** What a disk has to hold for one is being written or received. */
  get isMoving(): boolean {
    return this.writer.isWriting || this.transfers?.isReceiving === true;
  }

  get transferStatus(): TransferStatus {
    return this.transfers?.status ?? NO_TRANSFERS;
  }

  /**
   * Puts the state machine where the checkpoint in force ends. Called once, before anything is applied; the
   * checkpoint that format wrote holds no state, and the machine starts as it was made.
   */
  restore(): void {
    const { machine, store } = this.parts;
    if (this.base.through > 0) restoreImage(this.parts, store.newest);
    else this.first = keepImage(machine, FIRST_IMAGE_BYTES_MAX);
  }

  /**
   * Puts the state machine there again: it has thrown half way through a command.
   * @throws ERR_INDELIBLE_STATE_MACHINE where it cannot be put back
   */
  restoreAgain(): void {
    const { store } = this.parts;
    const image = this.base.through > 0 ? store.newest : this.first;
    if (image !== undefined) return restoreImage(this.parts, image);
    throw new IndelibleError(
      ErrorCode.stateMachine,
      `there is no checkpoint yet, and the initial state of the state machine has no image of at most ` +
        `${FIRST_IMAGE_BYTES_MAX} bytes: open the replica again; it then continues after the skipped command`,
    );
  }

  /** Called once, when the host runs. */
  start(host: CheckpointSource): void {
    this.host = host;
    const { store } = this.parts;
    const { core, executor } = host;
    this.transfers = new Transfers(store, {
      peers: core.configurations.peers,
      get appliedThrough() {
        return executor.appliedThrough;
      },
      get trimThrough() {
        return core.acceptor.trimThrough;
      },
      post: (to, message) => host.post(to, message),
      hasRoom: (to) => host.hasRoom(to),
      restore: (file, from) => {
        restoreImage(this.parts, file);
        this.first = undefined;
        this.isAdopting = true;
        host.restored(file, from);
      },
      adopted: (file, from) => {
        this.isAdopting = false;
        this.writer.durable(file.meta.throughSlot);
        host.durableCheckpoint(file, from);
        this.forget(host);
      },
      failed: (error) => this.writer.failed(error, 0),
      tell: (event) => host.transfer(event),
      fail: (error) => host.fail(error),
    });
  }

  /** The log had no room for a vote: whatever share is in use, room must be made now. */
  logRefused(): void {
    this.refused = true;
  }

  /**
   * Resolves when a checkpoint of the state as it is now, or of a later one, is durable.
   * @throws (by rejection) ERR_INDELIBLE_STORE_IO, _STATE_MACHINE, _CHECKPOINT_STALLED: what kept it from
   * being written; ERR_INDELIBLE_STOPPED
   */
  ask(through: Slot): Promise<void> {
    return this.writer.ask(through);
  }

  /** Forgets what can be forgotten, writes a checkpoint when one is due, and keeps transfers going. */
  tick(host: CheckpointSource): void {
    const { core } = host;
    const near = Math.max(this.base.through, core.learner.learnedThrough - CAUGHT_UP_SLOTS);
    this.transfers?.tick(near, (peer) => core.progress.of(peer)?.learnedThrough ?? 0);
    this.writer.tick();
    this.forget(host);
    if (this.isDue(host)) this.write(host);
  }

  private isDue({ core, executor }: CheckpointSource): boolean {
    if (this.writer.isAsked) return true;
    const { usedBytes, capacityBytes } = this.parts.storage;
    const { through } = this.base;
    if (executor.appliedThrough <= through || !this.writer.mayTry) return false;
    // What the state goes back to in need is nowhere: a peer's checkpoint could not be made durable.
    if (this.isAdopting) return true;
    // Whether there is room again, only another attempt tells.
    if (this.problem?.noRoom === true) return true;
    if (this.refused || core.learner.isFull || core.wantsCheckpointThrough > through) return true;
    // What the newest one covers is forgotten first, as soon as nobody needs it: another one frees no more.
    if (core.acceptor.trimThrough < through) return false;
    // A replica that does not vote logs nothing; what it learned weighs as much as if it did.
    const weightBytes = Math.max(usedBytes, core.learner.unloggedBytes);
    return weightBytes > capacityBytes * this.parts.tuning.checkpointAtShare;
  }

  /** Begins a checkpoint of the state as it is now, unless one is being written or received. */
  private write(host: CheckpointSource): void {
    const { writer, transfers } = this;
    const { executor, core } = host;
    // A state that may be half way through a command is nobody's.
    if (writer.isWriting || transfers?.isReceiving === true || executor.halt !== undefined) return;
    // The chain is known where learning stands; between two turns the state may be a step behind it.
    if (executor.appliedThrough !== core.learner.learnedThrough) return;
    const { store } = this.parts;
    const { configuration, above } = core.configurations.at(executor.appliedThrough + 1);
    const place = {
      clusterId: store.clusterId,
      checkpointId: store.newest.meta.checkpointId + 1,
      throughSlot: executor.appliedThrough,
      configuration,
      ...(above === NO_BALLOT ? {} : { configurationAbove: above }),
      chainDigest: core.learner.chain,
      timeMs: executor.timeMs,
      ballot: executor.ballotThrough,
    };
    writer
      .run(place.throughSlot, async (attempt) => {
        const { meta, chunks } = takeImage(this.parts, place);
        return store.write(meta, chunks, attempt);
      })
      .then((file) => {
        if (file === undefined) return;
        this.first = undefined;
        this.isAdopting = false;
        host.durableCheckpoint(file, 0);
        this.forget(host);
      })
      .catch((error: Error) => host.fail(error));
  }

  /** The state machine has thrown: who waits for a checkpoint that nothing will give hears so. */
  halted(error: Error): void {
    this.writer.refuse(error);
  }

  /** Nothing is begun any more; who waits for a checkpoint hears so. */
  stop(): void {
    this.host = undefined;
    this.writer.end(new IndelibleError(ErrorCode.stopped, 'the replica is closed'));
    this.parts.store.stop();
    this.ending = this.transfers?.close();
  }

  /** Resolves when nothing of a transfer is under way any more. */
  async settled(): Promise<void> {
    await this.ending;
  }

  /** A peer lacks slots that this log has forgotten. */
  offer(to: ReplicaId): void {
    this.transfers?.offer(to);
  }

  /** `from` offers a checkpoint that this replica needs. */
  take(from: ReplicaId, offer: CheckpointOffer): void {
    if (this.writer.isWriting || !this.writer.mayTry) return;
    this.transfers?.take(from, offer);
  }

  receive(from: ReplicaId, message: CheckpointFetch | CheckpointChunk): void {
    if (message.type === 'checkpointFetch') this.transfers?.serve(from, message);
    else this.transfers?.chunk(from, message);
  }

  peerUp(peer: ReplicaId): void {
    this.transfers?.peerUp(peer);
  }

  /** The link to `peer` takes bulk again. */
  roomAgain(peer: ReplicaId): void {
    this.transfers?.roomAgain(peer);
  }

  peerDown(peer: ReplicaId): void {
    this.transfers?.peerDown(peer);
  }

  /** Trims through the newest checkpoint, as far as near followers and receivers allow. */
  private forget(host: CheckpointSource): void {
    const { core, executor } = host;
    const { through: newest } = this.base;
    // A peer's checkpoint is the newest from the moment it is durable, and the state a moment before.
    if (newest > executor.appliedThrough || newest <= core.acceptor.trimThrough) return;
    let through = Math.min(newest, this.neededThrough(host));
    // What the logs have lost is only in this checkpoint: nobody can catch up from the log through there.
    through = Math.max(through, Math.min(newest, core.wantsCheckpointThrough));
    if (through <= core.acceptor.trimThrough) return;
    host.trim(through, this.parts.store.newest.meta.checkpointId);
    this.refused = false;
    this.transfers?.trimmed(through);
  }

  /** What is above this slot somebody may still need, and the log has room for. */
  private neededThrough({ core }: CheckpointSource): Slot {
    const { usedBytes, capacityBytes } = this.parts.storage;
    const { trimAtShare } = this.parts.tuning;
    const share = this.refused || core.learner.isFull ? 1 : usedBytes / capacityBytes;
    let through = Number.POSITIVE_INFINITY;
    if (share < (1 + trimAtShare) / 2) {
      const { transfers, parts } = this;
      through = Math.min(transfers?.keepsAbove ?? through, parts.backups?.keepsAbove ?? through);
    }
    if (core.role !== 'leader' || share >= trimAtShare) return through;
    for (const id of core.configurations.peers) {
      const peer = core.progress.of(id);
      if (peer !== undefined && peer.silentTicks < NEAR_TICKS)
        through = Math.min(through, peer.learnedThrough);
    }
    return through;
  }
}

const NO_TRANSFERS: TransferStatus = {
  sendingTo: [],
  installed: 0,
  resumed: 0,
  sourcesChanged: 0,
  overtaken: 0,
};
