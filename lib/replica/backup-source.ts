/**
 * What a replica gives to who takes a back-up of it: the newest checkpoint, as it lies in its file, and what
 * was learned behind it.
 *
 * 1. What is offered is of one moment: the checkpoint in force, and every slot learned behind it by then.
 * 2. While it is being taken the checkpoint's file stays, and the log behind it, until its last slot has been
 *    told; but not when the log fills up: then the rest is refused, and who takes it begins again.
 * 3. Nothing is kept for who has asked for nothing in {@link IDLE_MS_MAX}, or has hung up; nor for more than
 *    {@link BACKUPS_MAX} at a time.
 * 4. Nothing a client asks for throws.
 */
import { described } from '../callbacks.js';
import { CHECKPOINT_CHUNK_BYTES_MAX } from '../limits.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { Runtime } from '../runtime.js';
import type { CheckpointStore } from '../storage/checkpoint.js';
import type { CheckpointFile } from '../storage/checkpoint-file.js';
import type { ReplicaId, Slot } from '../types.js';
import { type BackupReply, type BackupRequest, BackupWhat } from '../wire/client-messages.js';
import { writeVotes } from '../wire/votes-codec.js';
import { Writer } from '../wire/writer.js';

/** What a replica has to give. */
export interface BackupOffer {
  readonly clusterId: string;
  readonly replicaId: ReplicaId;
  /** The state is that after this slot. */
  readonly checkpointThrough: Slot;
  /** The digest chain there. */
  readonly checkpointChain: number;
  /** Bytes of the checkpoint's file. */
  readonly checkpointBytes: number;
  /** The last slot behind it. */
  readonly throughSlot: Slot;
  /** The digest chain there. */
  readonly chain: number;
  /** When it was made, by the clock of this machine, in milliseconds since 1970. */
  readonly takenMs: number;
}

/** Back-ups that may be taken of one replica at a time. */
export const BACKUPS_MAX = 2;
/** Milliseconds without a request after which nothing is kept for a back-up any more. */
export const IDLE_MS_MAX = 30_000;

export interface BackupParts {
  readonly store: CheckpointStore;
  readonly replicaId: ReplicaId;
  readonly clock: Pick<Runtime, 'monotonicMs' | 'wallMs'>;
  core(): Pick<ReplicaCore, 'learner'>;
}

/** Those under way of one replica. */
export class BackupSources {
  private readonly parts: BackupParts;
  private readonly open = new Set<BackupSource>();

  constructor(parts: BackupParts) {
    this.parts = parts;
  }

  /** The lowest slot above which the log is kept; Infinity if for nobody. */
  get keepsAbove(): Slot {
    let least = Number.POSITIVE_INFINITY;
    for (const { keepsAbove } of this.open) least = Math.min(least, keepsAbove);
    return least;
  }

  /** For one connection. */
  source(): BackupSource {
    return new BackupSource(this.parts, this.open);
  }

  tick(nowMs: number): void {
    for (const source of [...this.open]) source.expire(nowMs);
  }
}

export class BackupSource {
  private readonly parts: BackupParts;
  private readonly open: Set<BackupSource>;
  private offer: BackupOffer | undefined;
  private file: CheckpointFile | undefined;
  private release: () => void = () => {};
  /** What has been told of the log. */
  private toldThrough: Slot = 0;
  private askedMs = 0;

  constructor(parts: BackupParts, open: Set<BackupSource>) {
    this.parts = parts;
    this.open = open;
  }

  get keepsAbove(): Slot {
    const { offer, toldThrough } = this;
    const isTold = offer === undefined || toldThrough >= offer.throughSlot;
    return isTold ? Number.POSITIVE_INFINITY : toldThrough;
  }

  answer({ what, at }: BackupRequest): BackupReply {
    this.askedMs = this.parts.clock.monotonicMs();
    try {
      const body = what === BackupWhat.offer ? this.begin() : this.give(what, at);
      return { type: 'backupReply', isGiven: true, body };
    } catch (error) {
      this.end();
      const why = error instanceof Error ? error.message : described(error);
      return { type: 'backupReply', isGiven: false, body: Buffer.from(why) };
    }
  }

  /** Nothing is kept for it any more. Idempotent. */
  end(): void {
    this.offer = undefined;
    this.file = undefined;
    this.release();
    this.release = () => {};
    this.open.delete(this);
  }

  expire(nowMs: number): void {
    if (nowMs - this.askedMs > IDLE_MS_MAX) this.end();
  }

  private begin(): Uint8Array {
    const { store, replicaId, clock } = this.parts;
    this.end();
    if (this.open.size >= BACKUPS_MAX)
      throw new Error(`${BACKUPS_MAX} back-ups are being taken of replica ${replicaId} already`);
    const { learner } = this.parts.core();
    const { newest } = store;
    const { throughSlot: checkpointThrough, chainDigest: checkpointChain } = newest.meta;
    if (checkpointThrough > learner.learnedThrough)
      throw new Error(`replica ${replicaId} is taking over a peer's state: ask again in a moment`);
    this.offer = {
      clusterId: store.clusterId,
      replicaId,
      checkpointThrough,
      checkpointChain,
      checkpointBytes: newest.lengthBytes,
      throughSlot: learner.learnedThrough,
      chain: learner.chain,
      takenMs: Math.max(0, Math.floor(clock.wallMs())),
    };
    this.file = newest;
    this.release = store.hold(newest);
    this.toldThrough = checkpointThrough;
    this.open.add(this);
    return Buffer.from(JSON.stringify(this.offer));
  }

  private give(what: BackupWhat, at: number): Uint8Array {
    const { offer, file } = this;
    if (offer === undefined || file === undefined)
      throw new Error('nothing is kept for this back-up any more: it stood still for too long, or failed');
    return what === BackupWhat.log ? this.log(at, offer.throughSlot) : checkpointAt(file, at);
  }

  /** Batches from `slot` on, as many as one message carries. */
  private log(slot: Slot, throughSlot: Slot): Uint8Array {
    if (slot <= this.toldThrough || slot > throughSlot) throw new Error(`slot ${slot} is not to be told now`);
    const votes = this.parts.core().learner.tell(slot, throughSlot);
    const last = votes.at(-1);
    if (last === undefined)
      throw new Error(
        `replica ${this.parts.replicaId} has forgotten slot ${slot}, or lost its bytes, meanwhile`,
      );
    this.toldThrough = last.slot;
    const writer = new Writer();
    writeVotes(writer, votes);
    return writer.bytes.subarray(0, writer.length);
  }
}

function checkpointAt(file: CheckpointFile, at: number): Uint8Array {
  const bytes = file.read(at, CHECKPOINT_CHUNK_BYTES_MAX);
  if (bytes === undefined || bytes.length === 0)
    throw new Error(`the checkpoint has no bytes at ${at} any more`);
  return bytes;
}
