/**
 * What the receiver of a checkpoint asks for, of whom, and when: no file, no clock, no promise.
 *
 * 1. Several chunks are asked for ahead, as many as come quickly: a slow link is never full of them, and what
 *    has not been written to the disk yet counts as on its way.
 * 2. It stays with one file of one checkpoint, whatever newer ones are offered meanwhile, for as long as
 *    anybody sends it.
 * 3. A source that is down, or silent for long, is given up: all others are asked for the very same file, and
 *    whoever sends it next is the source. If nobody does, a checkpoint that was offered meanwhile is begun,
 *    but not before as much time has passed as what is here already has cost.
 */
import { CHECKPOINT_CHUNK_BYTES_MAX } from '../limits.js';
import type { CheckpointChunk, CheckpointFetch, CheckpointOffer } from '../paxos/messages.js';
import type { Digest, ReplicaId } from '../types.js';

/** Which file, and how long it is: 0 where only a source can say. */
export type Wanted = Pick<CheckpointOffer, 'checkpointId' | 'throughSlot' | 'digest' | 'lengthBytes'>;

export interface Offered {
  readonly from: ReplicaId;
  readonly offer: CheckpointOffer;
}

export interface IncomingPort {
  /** Everybody who may have it. */
  readonly peers: readonly ReplicaId[];
  ask(to: ReplicaId, message: CheckpointFetch): void;
  /** Takes the next bytes, in order, each once; {@link Incoming.wrote} says when they are in place. */
  store(offset: number, bytes: Uint8Array): void;
}

/** Ticks, bytes and chunks; a test or a simulation has others. */
export interface IncomingPace {
  readonly chunkBytes: number;
  readonly windowChunksMax: number;
  /** A chunk that took no longer widens the window, one that took longer than the second narrows it. */
  readonly quickTicks: number;
  readonly slowTicks: number;
  /** Silence after which what is missing is asked for again, and after which the source is given up. */
  readonly askAgainTicks: number;
  readonly lostTicks: number;
  /** How long at most a source is missed before another checkpoint is begun, and before all is given up. */
  readonly missedTicksMax: number;
  readonly giveUpTicks: number;
}

export const INCOMING_PACE: IncomingPace = {
  chunkBytes: CHECKPOINT_CHUNK_BYTES_MAX,
  windowChunksMax: 16,
  quickTicks: 3,
  slowTicks: 12,
  askAgainTicks: 50,
  lostTicks: 150,
  missedTicksMax: 300,
  giveUpTicks: 600,
};

/** What is to be done with the transfer as a whole. */
export type Verdict = 'goes on' | 'begin another' | 'give up';

export class Incoming {
  readonly wanted: Wanted;
  private readonly port: IncomingPort;
  private readonly pace: IncomingPace;
  private from: ReplicaId;
  private lengthBytes: number;
  /** Without a gap: bytes that have come, that are where they belong, and that have been asked for. */
  private arrived: number;
  private written: number;
  private asked: number;
  private readonly early = new Map<number, Uint8Array>();
  private readonly askedAt = new Map<number, number>();
  private windowChunks = 1;
  private narrowedAt = 0;
  private ticks = 0;
  private silentTicks = 0;
  /** Ticks since the source was given up; undefined while there is one. */
  private missedTicks: number | undefined;
  private patienceTicks = 0;
  private another: Offered | undefined;
  private changes = 0;
  private isRefused = false;

  constructor(wanted: Wanted, from: ReplicaId, offset: number, port: IncomingPort, pace: IncomingPace) {
    this.wanted = wanted;
    this.lengthBytes = wanted.lengthBytes;
    this.from = from;
    this.arrived = offset;
    this.written = offset;
    this.asked = offset;
    this.port = port;
    this.pace = pace;
  }

  get source(): ReplicaId {
    return this.from;
  }
  /** Times that another source went on where one had ended. */
  get sourcesChanged(): number {
    return this.changes;
  }
  get receivedBytes(): number {
    return this.written;
  }
  /** 0 while nobody has said it. */
  get totalBytes(): number {
    return this.lengthBytes;
  }
  get isComplete(): boolean {
    return this.lengthBytes > 0 && this.written === this.lengthBytes;
  }
  /** The newest other checkpoint that was offered meanwhile. */
  get offered(): Offered | undefined {
    return this.another;
  }

  /** Asks for what the window has room for. */
  pump(): void {
    if (this.missedTicks !== undefined) return;
    const { chunkBytes } = this.pace;
    // Before anybody has said how long it is, one chunk is asked for.
    const end = this.lengthBytes > 0 ? this.lengthBytes : this.arrived + 1;
    while (this.asked < end && this.asked < this.written + this.windowChunks * chunkBytes) {
      this.askedAt.set(this.asked, this.ticks);
      this.ask(this.from, this.asked);
      this.asked += chunkBytes;
    }
  }

  /** @throws nothing: what does not fit is ignored. */
  chunk(from: ReplicaId, chunk: CheckpointChunk): void {
    if (!this.names(chunk)) return;
    if (chunk.bytes.length === 0) {
      if (from === this.from && this.missedTicks === undefined) this.isRefused = true;
      return;
    }
    if (from !== this.from && this.missedTicks === undefined) return;
    if (this.lengthBytes === 0) this.lengthBytes = chunk.lengthBytes;
    if (chunk.lengthBytes !== this.lengthBytes) return;
    this.goOnWith(from);
    this.silentTicks = 0;
    this.adapt(chunk.offset);
    // Only what was asked for is taken: that is what bounds the memory.
    if (chunk.offset > this.arrived && chunk.offset < this.asked) {
      this.early.set(chunk.offset, chunk.bytes);
    } else if (chunk.offset === this.arrived && chunk.offset < this.asked) {
      this.take(chunk.bytes);
      for (let next = this.early.get(this.arrived); next !== undefined; next = this.early.get(this.arrived)) {
        this.early.delete(this.arrived);
        this.take(next);
      }
    }
    this.pump();
  }

  /** Bytes through `written` are where they belong. */
  wrote(written: number): void {
    this.written = written;
    this.pump();
  }

  /** A peer offers a checkpoint. */
  offer(from: ReplicaId, offer: CheckpointOffer): void {
    if (!this.names(offer)) {
      if (this.another === undefined || offer.throughSlot >= this.another.offer.throughSlot) {
        this.another = { from, offer };
      }
    } else if (this.missedTicks !== undefined) {
      this.goOnWith(from);
      this.rewind();
      this.pump();
    }
  }

  peerUp(peer: ReplicaId): void {
    if (this.missedTicks !== undefined) this.ask(peer, this.arrived);
  }

  peerDown(peer: ReplicaId): void {
    if (this.another?.from === peer) this.another = undefined;
    if (peer === this.from && this.missedTicks === undefined) this.miss();
  }

  tick(): Verdict {
    const { askAgainTicks, lostTicks, giveUpTicks } = this.pace;
    this.ticks++;
    if (this.isRefused) return this.another === undefined ? 'give up' : 'begin another';
    if (this.missedTicks === undefined) {
      // What waits for the disk is no silence of the source.
      if (this.written === this.arrived) this.silentTicks++;
      if (this.silentTicks >= lostTicks) this.miss();
      else if (this.silentTicks > 0 && this.silentTicks % askAgainTicks === 0) this.askAgain();
      return 'goes on';
    }
    this.missedTicks++;
    if (this.another !== undefined && this.missedTicks >= this.patienceTicks) return 'begin another';
    if (this.missedTicks >= giveUpTicks) return 'give up';
    if (this.missedTicks % askAgainTicks === 0) this.askAll();
    return 'goes on';
  }

  private names({ checkpointId, throughSlot, digest }: Omit<Wanted, 'lengthBytes'>): boolean {
    const { wanted } = this;
    return (
      checkpointId === wanted.checkpointId && throughSlot === wanted.throughSlot && digest === wanted.digest
    );
  }

  private take(bytes: Uint8Array): void {
    const offset = this.arrived;
    this.arrived += bytes.length;
    this.port.store(offset, bytes);
  }

  /** The window follows the time that chunks take: what queues on a slow link delays all else on it. */
  private adapt(offset: number): void {
    const at = this.askedAt.get(offset);
    if (at === undefined) return;
    this.askedAt.delete(offset);
    const took = this.ticks - at;
    if (took <= this.pace.quickTicks) {
      this.windowChunks = Math.min(this.windowChunks + 1, this.pace.windowChunksMax);
    } else if (took > this.pace.slowTicks && at >= this.narrowedAt) {
      this.windowChunks = Math.max(1, this.windowChunks >> 1);
      this.narrowedAt = this.ticks;
    }
  }

  private goOnWith(from: ReplicaId): void {
    if (this.missedTicks === undefined) return;
    this.missedTicks = undefined;
    this.silentTicks = 0;
    if (from !== this.from) this.changes++;
    this.from = from;
  }

  private miss(): void {
    this.missedTicks = 0;
    this.patienceTicks = Math.min(this.ticks, this.pace.missedTicksMax);
    this.rewind();
    this.askAll();
  }

  private askAgain(): void {
    this.rewind();
    this.pump();
  }

  /** What was asked for and has not come is asked for anew, one chunk at first. */
  private rewind(): void {
    this.early.clear();
    this.askedAt.clear();
    this.asked = this.arrived;
    this.windowChunks = 1;
  }

  private askAll(): void {
    for (const peer of this.port.peers) this.ask(peer, this.arrived);
    this.asked = this.arrived + this.pace.chunkBytes;
  }

  private ask(to: ReplicaId, offset: number): void {
    const { checkpointId, throughSlot } = this.wanted;
    const digest = this.wanted.digest as Digest;
    const bytesMax = this.pace.chunkBytes;
    this.port.ask(to, { type: 'checkpointFetch', checkpointId, throughSlot, digest, offset, bytesMax });
  }
}
