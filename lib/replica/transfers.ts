/**
 * State transfer: sending a checkpoint to a peer that lacks slots no log has any more, and taking one.
 *
 * 1. A peer's checkpoint replaces the state only if it is newer, of this cluster and configuration, and
 *    verifies whole (contract 26).
 * 2. It becomes the state before it becomes what this replica starts from: one that the state machine cannot
 *    restore never takes the place of one that it can. Nothing is trimmed before it is both.
 * 3. What has arrived is gone on with: from the same source, from another that has the very same file, and
 *    after a restart.
 * 4. A file behind which the log is gone already is not sent: its receiver would need another one.
 * 5. What is asked for is read and sent when the link has room for it, one chunk after the other: what a slow
 *    link has not taken lies on the disk, not in memory, and other bulk has its turn in between.
 */
import type { CheckpointChunk, CheckpointFetch, CheckpointOffer, Message } from '../paxos/messages.js';
import type { CheckpointStore } from '../storage/checkpoint.js';
import type { CheckpointFile } from '../storage/checkpoint-file.js';
import type { CheckpointReceiver } from '../storage/checkpoint-receiver.js';
import type { Digest, ReplicaId, Slot } from '../types.js';
import { INCOMING_PACE, Incoming, type IncomingPace, type Offered } from './incoming.js';
import { Pins } from './pins.js';
import { UnsentChunks } from './unsent-chunks.js';

const NO_BYTES = new Uint8Array(0);

/** Something that happened to a transfer, for people. `peer` is the other end. */
export interface TransferEvent {
  /** What has happened. */
  readonly what: 'begun' | 'resumed' | 'source changed' | 'given up' | 'sending' | 'overtaken';
  /** The other end. */
  readonly peer: ReplicaId;
  /** The last slot that the checkpoint covers. */
  readonly throughSlot: Slot;
  /** Bytes that had been received; of `lengthBytes`, which is 0 where nobody has said it yet. */
  readonly offset: number;
  /** The length of the checkpoint. */
  readonly lengthBytes: number;
}

/** Checkpoints that are under way, and counts since open. */
export interface TransferStatus {
  /** The checkpoint that is being received; absent if none is. */
  readonly receiving?: {
    /** The peer that sends it. */
    readonly from: ReplicaId;
    /** The last slot that it covers. */
    readonly throughSlot: Slot;
    /** Bytes that have arrived. */
    readonly receivedBytes: number;
    /** Bytes of the whole checkpoint. */
    readonly lengthBytes: number;
  };
  /** For whom a checkpoint, and the log behind it, is kept. */
  readonly sendingTo: readonly ReplicaId[];
  /** Checkpoints of peers that became the state here, since open. */
  readonly installed: number;
  /** Transfers that went on where an earlier one had ended, since open. */
  readonly resumed: number;
  /** Transfers that went on with another peer than they began with, since open. */
  readonly sourcesChanged: number;
  /** Transfers for whose end the log could not be kept, since open. */
  readonly overtaken: number;
}

/** What transfers need of those they belong to. */
export interface TransferSurroundings {
  readonly peers: readonly ReplicaId[];
  readonly appliedThrough: Slot;
  readonly trimThrough: Slot;
  post(to: ReplicaId, message: Message): void;
  /** The link takes bulk now; where it does not, {@link Transfers.roomAgain} is called when it does. */
  hasRoom(to: ReplicaId): boolean;
  /** Makes a checkpoint the state, at once. @throws what stops the replica */
  restore(file: CheckpointFile, from: ReplicaId): void;
  /** It is durable here, too. */
  adopted(file: CheckpointFile, from: ReplicaId): void;
  /** A peer's checkpoint could not be taken. */
  failed(error: Error): void;
  tell(event: TransferEvent): void;
  fail(error: Error): void;
}

interface Receiving {
  readonly incoming: Incoming;
  readonly receiver: CheckpointReceiver;
  /** Appends happen one after the other. */
  appending: Promise<unknown>;
}

export class Transfers {
  private readonly store: CheckpointStore;
  private readonly around: TransferSurroundings;
  private readonly pace: IncomingPace;
  private readonly pins = new Pins<CheckpointFile>();
  private readonly unsent = new UnsentChunks();
  private current: Receiving | undefined;
  /** From the decision to take one until it is taken, or has ended. */
  private busy = false;
  private ended = false;
  private installed = 0;
  private resumed = 0;
  private changes = 0;
  private overtaken = 0;

  constructor(store: CheckpointStore, around: TransferSurroundings, pace: IncomingPace = INCOMING_PACE) {
    this.store = store;
    this.around = around;
    this.pace = pace;
  }

  get isReceiving(): boolean {
    return this.busy;
  }
  /** The log above this slot is kept for receivers; Infinity if for none. */
  get keepsAbove(): Slot {
    return this.pins.keepsAbove;
  }

  get status(): TransferStatus {
    const { installed, resumed, overtaken, changes } = this;
    const { incoming } = this.current ?? {};
    const counts = { sendingTo: this.pins.receivers, installed, resumed, overtaken };
    const sourcesChanged = changes + (incoming?.sourcesChanged ?? 0);
    if (incoming === undefined) return { ...counts, sourcesChanged };
    const { source, receivedBytes, totalBytes: lengthBytes } = incoming;
    const { throughSlot } = incoming.wanted;
    return {
      ...counts,
      sourcesChanged,
      receiving: { from: source, throughSlot, receivedBytes, lengthBytes },
    };
  }

  // The sending end.

  /** A peer lacks slots that this log has forgotten. */
  offer(to: ReplicaId): void {
    const { meta, digest, lengthBytes } = this.pins.of(to) ?? this.store.newest;
    const { checkpointId, throughSlot } = meta;
    this.around.post(to, {
      type: 'checkpointOffer',
      checkpointId,
      throughSlot,
      digest: digest as Digest,
      lengthBytes,
    });
  }

  serve(to: ReplicaId, message: CheckpointFetch): void {
    this.unsent.add(to, message);
    this.roomAgain(to);
  }

  /** The link to `to` takes bulk again. */
  roomAgain(to: ReplicaId): void {
    while (this.unsent.areFor(to) && this.around.hasRoom(to)) this.answer(to, this.unsent.take(to)!);
  }

  private answer(to: ReplicaId, message: CheckpointFetch): void {
    const file = this.store.findOpen(message);
    if (file !== undefined) return this.send(to, message, file);
    // An older one that was not read since open is verified first.
    this.store.find(message).then(
      (found) => {
        if (!this.ended) this.send(to, message, found);
      },
      () => {},
    );
  }

  private send(to: ReplicaId, message: CheckpointFetch, file: CheckpointFile | undefined): void {
    const { checkpointId, throughSlot, digest, offset, bytesMax } = message;
    const isOfUse = file !== undefined && throughSlot >= this.around.trimThrough;
    const bytes = isOfUse ? file.read(offset, bytesMax) : undefined;
    const name = { type: 'checkpointChunk', checkpointId, throughSlot, digest, offset } as const;
    if (file === undefined || bytes === undefined) {
      this.pins.end(to);
      this.around.post(to, { ...name, lengthBytes: 0, bytes: NO_BYTES });
      return this.offer(to);
    }
    if (bytes.length === 0) return;
    const isNew = this.pins.of(to) !== file;
    this.pins.sends(to, file, throughSlot, offset + bytes.length, () => this.store.hold(file));
    this.around.post(to, { ...name, lengthBytes: file.lengthBytes, bytes });
    if (isNew) this.tell('sending', to, throughSlot, offset, file.lengthBytes);
  }

  /** The log has been trimmed through `through`. */
  trimmed(through: Slot): void {
    for (const peer of this.pins.trimmed(through)) {
      const file = this.pins.of(peer);
      this.overtaken++;
      this.tell('overtaken', peer, file?.meta.throughSlot ?? 0, 0, file?.lengthBytes ?? 0);
    }
  }

  // The receiving end.

  /** `from` offers a checkpoint that this replica needs. */
  take(from: ReplicaId, offer: CheckpointOffer): void {
    if (this.current !== undefined) return this.current.incoming.offer(from, offer);
    if (this.busy || this.ended || offer.throughSlot <= this.store.newest.meta.throughSlot) return;
    this.begin({ from, offer }, undefined);
  }

  chunk(from: ReplicaId, chunk: CheckpointChunk): void {
    const { current } = this;
    if (current === undefined) return;
    const { incoming } = current;
    const before = incoming.source;
    incoming.chunk(from, chunk);
    if (incoming.source !== before) this.tellOf(incoming, 'source changed');
  }

  peerUp(peer: ReplicaId): void {
    this.current?.incoming.peerUp(peer);
  }

  peerDown(peer: ReplicaId): void {
    this.unsent.forget(peer);
    this.current?.incoming.peerDown(peer);
  }

  /** @param near who has learned through here, of `learnedOf`, needs nothing kept for it any more */
  tick(near: Slot, learnedOf: (peer: ReplicaId) => Slot): void {
    this.pins.tick(near, learnedOf);
    const { current } = this;
    if (current === undefined) return;
    const { incoming } = current;
    // What it was for may have been learned in another way meanwhile.
    if (incoming.wanted.throughSlot <= this.around.appliedThrough) return this.leave(current, true);
    const verdict = incoming.tick();
    if (verdict === 'goes on') return;
    const { offered } = incoming;
    this.tellOf(incoming, 'given up');
    if (verdict === 'begin another' && offered !== undefined) this.begin(offered, this.quit(current));
    else this.leave(current, false);
  }

  /** Ends what is under way; what has arrived stays for the next life. */
  async close(): Promise<void> {
    this.ended = true;
    const { current } = this;
    this.current = undefined;
    await current?.receiver.leave().catch(() => {});
  }

  /** Begins to receive: what is here already, if it is to be had; or, after `another`, the one offered. */
  private begin(offered: Offered, another: Promise<void> | undefined): void {
    this.busy = true;
    this.prepare(offered, another).catch((error: Error) => this.drop(error));
  }

  private async prepare({ from, offer }: Offered, another: Promise<void> | undefined): Promise<void> {
    await another;
    const partial = another === undefined ? await this.store.partial() : undefined;
    const isUsed = partial !== undefined && !this.ended && partial.throughSlot > this.around.appliedThrough;
    if (partial !== undefined && !isUsed) await partial.leave();
    if (this.ended) return;
    const receiver = isUsed ? partial : await this.store.receive(offer, offer.lengthBytes);
    if (this.ended) return receiver.leave();
    const { offset } = receiver;
    const isOffered = receiver.isOf(offer);
    if (isOffered) receiver.announced(offer.lengthBytes);
    const { checkpointId, throughSlot, digest, lengthBytes } = receiver;
    const wanted = { checkpointId, throughSlot, digest: digest as Digest, lengthBytes };
    const receiving: Receiving = {
      receiver,
      appending: Promise.resolve(),
      incoming: new Incoming(
        wanted,
        from,
        offset,
        {
          peers: this.around.peers,
          ask: (to, message) => this.around.post(to, message),
          store: (at, bytes) => this.append(receiving, at, bytes),
        },
        this.pace,
      ),
    };
    this.current = receiving;
    if (offset > 0) this.resumed++;
    this.tellOf(receiving.incoming, offset > 0 ? 'resumed' : 'begun');
    if (!isOffered) receiving.incoming.offer(from, offer);
    if (receiver.complete) await this.finish(receiving);
    else receiving.incoming.pump();
  }

  private append(receiving: Receiving, offset: number, bytes: Uint8Array): void {
    const { receiver, incoming } = receiving;
    receiving.appending = receiving.appending
      .then(async () => {
        if (this.current !== receiving) return;
        receiver.announced(incoming.totalBytes);
        await receiver.append(offset, bytes);
        if (this.current !== receiving) return;
        incoming.wrote(receiver.offset);
        if (incoming.isComplete) await this.finish(receiving);
      })
      .catch((error: Error) => {
        if (this.current === receiving) this.drop(error);
      });
  }

  /** All of it is here: it becomes the state, and then what this replica starts from. */
  private async finish(receiving: Receiving): Promise<void> {
    const { incoming, receiver } = receiving;
    const file = await receiver.finish();
    if (this.current !== receiving) return file.close();
    this.current = undefined;
    this.changes += incoming.sourcesChanged;
    if (file.meta.throughSlot <= this.around.appliedThrough) {
      await file.close();
      await this.store.dropPartial();
      this.busy = false;
      return;
    }
    try {
      this.around.restore(file, incoming.source);
    } catch (error) {
      // The state is gone with it. The next life starts from the checkpoint before, and not with this one.
      await file.close();
      await this.store.dropPartial();
      return this.around.fail(error as Error);
    }
    try {
      await this.store.adopt(file);
    } catch (error) {
      return this.drop(error as Error);
    }
    this.installed++;
    this.busy = false;
    if (!this.ended) this.around.adopted(file, incoming.source);
  }

  /** What was received cannot be used, or not be written: it goes, and its room with it. */
  private drop(error: Error): void {
    const { current } = this;
    this.busy = true;
    (current === undefined ? Promise.resolve() : this.quit(current))
      .then(() => this.store.dropPartial())
      .then(() => {
        this.busy = false;
        if (!this.ended) this.around.failed(error);
      })
      .catch((other: Error) => this.around.fail(other));
  }

  /** Ends a transfer; what has arrived stays, or goes if it is of no more use. */
  private leave(receiving: Receiving, isObsolete: boolean): void {
    this.quit(receiving)
      .then(() => (isObsolete ? this.store.dropPartial() : undefined))
      .then(() => {
        this.busy = false;
      })
      .catch((error: Error) => this.around.fail(error));
  }

  /** Resolves when nothing more is written to its file. */
  private async quit(receiving: Receiving): Promise<void> {
    this.changes += receiving.incoming.sourcesChanged;
    this.current = undefined;
    await receiving.appending;
    await receiving.receiver.leave().catch(() => {});
  }

  private tellOf(incoming: Incoming, what: TransferEvent['what']): void {
    const { source, receivedBytes, totalBytes, wanted } = incoming;
    this.tell(what, source, wanted.throughSlot, receivedBytes, totalBytes);
  }

  private tell(
    what: TransferEvent['what'],
    peer: ReplicaId,
    throughSlot: Slot,
    offset: number,
    lengthBytes: number,
  ): void {
    this.around.tell({ what, peer, throughSlot, offset, lengthBytes });
  }
}
