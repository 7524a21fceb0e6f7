/**
 * The learner: which batch was chosen in each slot, learned in order and handed to the host once.
 * (*Paxos Made Simple*, section 2.3; *Paxos Made Live*, section 3 on catching up.)
 *
 * Invariants
 * 1. A slot is learned only because a quorum voted for it at one ballot: seen by this replica as leader,
 *    told by a leader whose ballot is that of this replica's own vote, or told by a peer that learned it
 *    (contract 14).
 * 2. A slot has one digest, whoever says so (contract 15).
 * 3. `appliedThrough` ≤ `learnedThrough`; slots go to the host in order, each once (contract 16).
 * 4. Through `loggedThrough` this replica's own log holds the chosen batch of every slot above the trim
 *    point: the hint that goes into the log, and what peers can be served from.
 * 5. What was counted above the end of a configuration before that end was learned is dropped: it was counted
 *    by another quorum (contract 27).
 */
import { invariant } from '../contract.js';
import { MESSAGE_VOTES_BYTES_MAX } from '../limits.js';
import {
  type Ballot,
  type Batch,
  BatchKind,
  type Digest,
  type ReplicaId,
  type Slot,
  type Vote,
} from '../types.js';
import type { Acceptor } from './acceptor.js';
import { extendChain } from './chain.js';
import { ChainHistory } from './chain-history.js';
import type { Effects } from './effects.js';
import { UNLOGGED_BYTES_MAX } from './options.js';

/** A fetch whose answer may be arriving is waited for so many times as long as one that is not answered. */
const ANSWER_FETCHES_MAX = 10;

/** Told every configuration batch when its slot is learned. @returns true if it ends the configuration. */
export type EndsConfiguration = (slot: Slot, ballot: Ballot, batch: Batch) => boolean;

interface Learned extends Batch {
  readonly ballot: Ballot;
  readonly logged: boolean;
}

export class Learner {
  private readonly acceptor: Acceptor;
  private readonly effects: Effects;
  private readonly fetchTicks: number;
  private readonly peers: readonly ReplicaId[];
  private readonly ends: EndsConfiguration;
  /** Learned, and not yet applied: above `applied`, with gaps above `learned`. */
  private readonly batches = new Map<Slot, Learned>();
  private learned: Slot;
  private applied: Slot;
  private logged: Slot;
  private installedThrough: Slot = 0;
  private readonly chains: ChainHistory;
  private target: Slot = 0;
  /** Who is asked next, and who was asked last. */
  private source: ReplicaId = 0;
  private asked: ReplicaId = 0;
  /** True while `source` is whose turn it is, because who was asked before did not answer. */
  private inTurn = false;
  private fetchAge = 0;
  private fetching = false;
  private heldBytes = 0;
  private readonly heldBytesMax: number;
  private readonly votesBytesMax: number;

  constructor(
    acceptor: Acceptor,
    effects: Effects,
    start: {
      readonly through: Slot;
      readonly chain: Digest;
      readonly fetchTicks: number;
      readonly peers: readonly ReplicaId[];
      readonly ends?: EndsConfiguration;
      readonly unloggedBytesMax?: number | undefined;
      readonly votesBytesMax?: number | undefined;
    },
  ) {
    this.acceptor = acceptor;
    this.effects = effects;
    this.fetchTicks = start.fetchTicks;
    this.heldBytesMax = start.unloggedBytesMax ?? UNLOGGED_BYTES_MAX;
    this.votesBytesMax = start.votesBytesMax ?? MESSAGE_VOTES_BYTES_MAX;
    this.peers = start.peers;
    this.ends = start.ends ?? (() => false);
    this.learned = start.through;
    this.applied = start.through;
    this.logged = start.through;
    this.chains = new ChainHistory(start.through, start.chain);
    acceptor.learnedNow(start.through);
  }

  get learnedThrough(): Slot {
    return this.learned;
  }
  get appliedThrough(): Slot {
    return this.applied;
  }
  get loggedThrough(): Slot {
    return this.logged;
  }
  /** Bytes of learned batches that this replica's log does not hold: only a checkpoint lets go of them. */
  get unloggedBytes(): number {
    return this.heldBytes;
  }
  /** So much is held that the log does not have that no more is to be learned, nor proposed, for now. */
  get isFull(): boolean {
    return this.heldBytes >= this.heldBytesMax;
  }
  /** The digest chain at `learnedThrough`. */
  get chain(): Digest {
    return this.chains.newest;
  }
  /** The highest slot this replica has heard to be learned by anybody. */
  get targetThrough(): Slot {
    return Math.max(this.target, this.learned);
  }

  /**
   * Learns what the log of an earlier run vouches for: its votes through `hint` are of chosen batches. Where
   * the newest vote may be lost, an older one that is still there is vouched for by nobody.
   */
  recover(hint: Slot): void {
    const from = this.learned;
    while (this.learned < hint) {
      const slot = this.learned + 1;
      if (this.acceptor.damage.isUncertain(slot) || !this.takeOwnVote(slot)) break;
      this.advance();
    }
    this.announce(from);
  }

  /** A quorum voted for `batch` at (ballot, slot). */
  learn(slot: Slot, ballot: Ballot, batch: Batch): void {
    if (slot <= this.learned) return this.relearn(slot, ballot, batch);
    const before = this.batches.get(slot);
    if (before !== undefined) {
      invariant(
        before.digest === batch.digest && before.kind === batch.kind,
        15,
        'two batches chosen in one slot',
      );
      return;
    }
    const logged = this.acceptor.record(slot, ballot, batch);
    const { kind, digest, bytes } = batch;
    this.batches.set(slot, { ballot, kind, digest, bytes, logged });
    if (!logged) this.heldBytes += batch.bytes.length;
    const from = this.learned;
    while (this.batches.has(this.learned + 1)) this.advance();
    this.announce(from);
  }

  /** The leader of `ballot`, `from`, has learned every slot through `through`. */
  leaderLearned(from: ReplicaId, ballot: Ballot, through: Slot): void {
    if (through > this.target) this.target = through;
    if (!this.inTurn) this.source = from;
    const before = this.learned;
    while (this.learned < through) {
      const slot = this.learned + 1;
      if (!this.batches.has(slot)) {
        const mark = this.acceptor.vote(slot);
        if (mark === undefined || mark.ballot !== ballot || !this.takeOwnVote(slot)) break;
      }
      this.advance();
    }
    this.announce(before);
  }

  /** The leader's digest chain at `slot`. @throws ContractViolation 15 if it is another here */
  compareChain(slot: Slot, chain: Digest): void {
    this.chains.compare(slot, chain);
  }

  /** `from` has slots through `through`; what is missing will be fetched there. */
  seekFrom(from: ReplicaId, through: Slot): void {
    if (through <= this.target) return;
    this.target = through;
    this.source = from;
  }

  /** A peer's answer to a fetch. */
  takeChosen(from: ReplicaId, votes: readonly Vote[], peerLearnedThrough: Slot): void {
    const before = this.learned;
    this.seekFrom(from, peerLearnedThrough);
    for (const { slot, ballot, kind, digest, bytes } of votes) {
      if (this.isFull) break;
      if (bytes !== undefined) this.learn(slot, ballot, { kind, digest, bytes });
    }
    // Without progress the next fetch waits for its time, or two replicas would ask each other in circles.
    if (this.learned > before) this.fetching = false;
  }

  /** Asks for what is known to be learned elsewhere and missing here. Called at the end of a turn. */
  fetchMissing(): void {
    if (this.fetching || this.isFull || this.learned >= this.target || this.source === 0) return;
    this.fetching = true;
    this.fetchAge = 0;
    this.asked = this.source;
    this.inTurn = false;
    const message = { type: 'fetch', fromSlot: this.learned + 1, throughSlot: this.target } as const;
    this.effects.send(this.source, message, 0);
  }

  tick(): void {
    if (!this.fetching || ++this.fetchAge < this.fetchTicks) return;
    // A long answer that is on its way is waited for, but not for ever: it may be something else that comes.
    if (this.fetchAge < ANSWER_FETCHES_MAX * this.fetchTicks && this.effects.isArriving(this.asked)) return;
    this.fetching = false;
    // Whoever was asked is down, or has lost those bytes itself: ask the next one, in a round that a leader's
    // heartbeats in between do not begin anew.
    this.inTurn = true;
    this.source = this.peers[(this.peers.indexOf(this.asked) + 1) % this.peers.length] ?? this.asked;
  }

  /** Learned slots for a peer, as many as one message carries, up to the first that is not to be had. */
  tell(fromSlot: Slot, throughSlot: Slot): Vote[] {
    const votes: Vote[] = [];
    let sizeBytes = 0;
    for (let slot = fromSlot; slot <= throughSlot; slot++) {
      const vote = this.voteOf(slot);
      if (vote?.bytes === undefined) break;
      sizeBytes += 64 + vote.bytes.length;
      if (votes.length > 0 && sizeBytes > this.votesBytesMax) break;
      votes.push(vote);
    }
    return votes;
  }

  /** A learned batch that is still in memory, and its ballot; undefined if only a log may have it. */
  held(slot: Slot): (Batch & { readonly ballot: Ballot }) | undefined {
    return slot <= this.learned ? this.batches.get(slot) : undefined;
  }

  /** The batch to apply at `slot`: learned, not yet applied. Undefined if the log lost its bytes since. */
  batchAt(slot: Slot): Batch | undefined {
    invariant(
      slot > this.applied && slot <= this.learned,
      16,
      'only learned slots are applied, and only once',
    );
    const batch = this.batches.get(slot);
    if (batch !== undefined) return batch;
    const mark = this.acceptor.vote(slot);
    const bytes = mark && this.acceptor.bytesOf(slot, mark);
    return mark && bytes && { kind: mark.kind, digest: mark.digest, bytes };
  }

  /** The batch of a learned slot above the checkpoint in force; undefined if its bytes are lost. */
  learnedBatch(slot: Slot): Batch | undefined {
    const vote = this.voteOf(slot);
    return vote?.bytes && { kind: vote.kind, digest: vote.digest, bytes: vote.bytes };
  }

  appliedNow(through: Slot): void {
    invariant(
      through >= this.applied && through <= this.learned,
      16,
      'applied in order, after being learned',
    );
    for (let slot = this.applied + 1; slot <= through; slot++) {
      this.acceptor.release(slot);
      if (slot <= this.logged) this.drop(slot);
    }
    this.applied = through;
  }

  /**
   * A checkpoint through `through` has replaced the state (contract 26: only a newer one may). Who sent it
   * has kept what came behind it, and is asked for that first.
   */
  installed(through: Slot, chain: Digest, from: ReplicaId = 0): void {
    invariant(through > this.applied, 26, 'a checkpoint is installed only if it is newer than the state');
    for (const slot of this.batches.keys()) if (slot <= through) this.drop(slot);
    this.fetching = false;
    if (from !== 0) this.source = from;
    this.inTurn = from !== 0;
    this.applied = through;
    this.installedThrough = through;
    if (through < this.learned) return;
    this.learned = through;
    this.acceptor.learnedNow(through);
    this.chains.jump(through, chain);
    while (this.batches.has(this.learned + 1)) this.advance();
    this.announce(through);
  }

  /** The log has forgotten its votes through `through`, which a durable checkpoint covers. */
  trimmed(through: Slot): void {
    while (this.logged < through) this.stepLogged();
    this.advanceLogged();
  }

  /** A learned slot; undefined, or without bytes, if it is not learned here or they are not to be had. */
  private voteOf(slot: Slot): Vote | undefined {
    if (slot > this.learned) return undefined;
    // What the log had no room for is still in memory; a log that holds every slot through here may be asked.
    const batch = this.batches.get(slot);
    if (batch !== undefined && !batch.logged) {
      const { ballot, kind, digest, bytes } = batch;
      return { slot, ballot, kind, digest, bytes };
    }
    if (slot > this.logged && slot <= this.installedThrough) return undefined;
    const mark = this.acceptor.vote(slot);
    const bytes = mark && this.acceptor.bytesOf(slot, mark);
    return mark && { slot, ballot: mark.ballot, kind: mark.kind, digest: mark.digest, bytes };
  }

  private takeOwnVote(slot: Slot): boolean {
    const mark = this.acceptor.vote(slot);
    if (mark === undefined || !mark.available) return false;
    // Who the members are must be known as soon as the slot is learned; other bytes can wait.
    const isMembers = mark.kind === BatchKind.configuration;
    const bytes = isMembers ? this.acceptor.bytesOf(slot, mark) : mark.bytes;
    if (isMembers && bytes === undefined) return false;
    if (bytes !== undefined) {
      const { ballot, kind, digest } = mark;
      this.batches.set(slot, { ballot, kind, digest, bytes, logged: true });
    }
    return true;
  }

  private advance(): void {
    const slot = this.learned + 1;
    const batch = this.batches.get(slot);
    const digest = batch?.digest ?? this.acceptor.vote(slot)?.digest;
    invariant(digest !== undefined, 14, 'a learned slot has a digest');
    this.learned = slot;
    this.acceptor.learnedNow(slot);
    this.chains.extend(extendChain(this.chains.newest, slot, digest));
    this.advanceLogged();
    if (batch?.kind === BatchKind.configuration && this.ends(slot, batch.ballot, batch)) this.dropAbove(slot);
  }

  private advanceLogged(): void {
    // Below an installed checkpoint the log may hold votes for batches that were never chosen, until it is
    // trimmed.
    if (this.logged < this.installedThrough) return;
    while (this.logged < this.learned) {
      const batch = this.batches.get(this.logged + 1);
      if (batch !== undefined && !batch.logged) return;
      this.stepLogged();
    }
  }

  private stepLogged(): void {
    this.logged++;
    if (this.logged <= this.applied) this.drop(this.logged);
  }

  /** What is held above `slot` was counted, or told, before the configuration of those slots was known. */
  dropAbove(slot: Slot): void {
    for (const held of this.batches.keys()) if (held > slot) this.drop(held);
  }

  private drop(slot: Slot): void {
    const batch = this.batches.get(slot);
    if (batch === undefined) return;
    if (!batch.logged) this.heldBytes -= batch.bytes.length;
    this.batches.delete(slot);
  }

  private announce(from: Slot): void {
    if (this.learned > from) this.effects.chosen(from + 1, this.learned);
  }

  /** A learned slot is told of again: its batch takes the place of what the log has lost since. */
  private relearn(slot: Slot, ballot: Ballot, batch: Batch): void {
    this.check(slot, batch);
    if (!this.acceptor.damage.touches(slot)) return;
    const logged = this.acceptor.record(slot, ballot, batch);
    if (slot <= this.applied) return this.acceptor.release(slot);
    if (this.batches.has(slot)) return;
    const { kind, digest, bytes } = batch;
    this.batches.set(slot, { ballot, kind, digest, bytes, logged });
    if (!logged) this.heldBytes += bytes.length;
  }

  private check(slot: Slot, batch: Batch): void {
    const own = this.batches.get(slot) ?? (slot <= this.logged ? this.acceptor.vote(slot) : undefined);
    if (own === undefined) return;
    invariant(own.digest === batch.digest && own.kind === batch.kind, 15, 'two batches chosen in one slot');
  }
}
