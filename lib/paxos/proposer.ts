/**
 * The proposer in phase 2: it leads one ballot over a window of slots and counts votes until they are chosen.
 * (*Paxos Made Simple*, section 3; phase 1 is campaign.ts.)
 *
 * Invariants
 * 1. It proposes at its own ballot only, one batch for each slot (contracts 8, 11).
 * 2. What phase 1 found is proposed first, without a hole; new commands come behind (contract 12).
 *    Both only inside the window, which counts what this ballot has proposed and this replica has not
 *    learned: what is chosen above a gap cannot be applied, and so not be forgotten by any log.
 * 3. A vote counts once per member, at exactly this ballot; its own vote counts only when durable
 *    (contracts 5, 14).
 * 4. A stop-sign is the last that is proposed; when it is learned here the lead is over (contract 27).
 * 5. After a higher ballot was seen nothing more is proposed (contract 13).
 */
import { invariant, requires } from '../contract.js';
import type { Ballot, Batch, ReplicaId, Slot } from '../types.js';
import type { Acceptor } from './acceptor.js';
import type { Configurations } from './configurations.js';
import type { Effects } from './effects.js';
import { Feed } from './feed.js';
import type { Learner } from './learner.js';
import type { Accept, Heartbeat } from './messages.js';
import type { MemberSet, Quorum } from './quorum.js';

interface Open {
  readonly message: Accept;
  votes: MemberSet;
  /** The item of this replica's own vote; 0 while the log had no room for it. */
  ownItem: number;
}

/** What may be proposed and not learned at a time. One batch always may, however large. */
export interface Window {
  readonly slots: number;
  readonly bytes: number;
}

/** Open slots sent again in one answer to a heartbeat. */
const RESEND_SLOTS_MAX = 64;

export class Proposer {
  private readonly self: ReplicaId;
  private readonly configurations: Configurations;
  /** Of the ballot that is led, or was last. */
  private quorum: Quorum;
  private readonly acceptor: Acceptor;
  private readonly learner: Learner;
  private readonly effects: Effects;
  private readonly window: Window;
  /** What each peer has been sent of this ballot. */
  readonly feed: Feed;

  private leading: Ballot | undefined;
  private readonly open = new Map<Slot, Open>();
  /** Bytes of each slot proposed in this ballot and not learned here, and their sum. */
  private readonly unlearned = new Map<Slot, number>();
  private unlearnedBytes = 0;
  private firstSlot: Slot = 1;
  private next: Slot = 1;
  /** Every slot of this ballot through this one is chosen. */
  private chosen: Slot = 0;
  private chosenAtMark: Slot = 0;
  private recovered: Slot = 0;
  /** What phase 1 found for slots from `next` through `recovered`, last first. */
  private waiting: Batch[] = [];
  /** Open slots below this one have their own vote counted or staged without room. */
  private ownCounted: Slot = 0;
  private readonly lacking = new Set<Slot>();
  /** Where this ballot has proposed the end of its configuration; 0 if it has not. */
  private stop: Slot = 0;
  private foundStop = false;

  constructor(
    self: ReplicaId,
    configurations: Configurations,
    acceptor: Acceptor,
    learner: Learner,
    effects: Effects,
    window: Window,
  ) {
    this.self = self;
    this.configurations = configurations;
    this.quorum = configurations.quorum;
    this.acceptor = acceptor;
    this.learner = learner;
    this.effects = effects;
    this.window = window;
    this.feed = new Feed(configurations.peers, effects, window.bytes);
  }

  /** The ballot being led; undefined if none. */
  get ballot(): Ballot | undefined {
    return this.leading;
  }
  /** The last slot proposed in this ballot. */
  get lastSlot(): Slot {
    return this.next - 1;
  }
  /** A read is linearizable only at or above this slot: what earlier ballots may have chosen ends here. */
  get recoveredThrough(): Slot {
    return this.recovered;
  }
  /** What is not learned through here phase 1 was not told: somebody who answered had forgotten it. */
  get gapThrough(): Slot {
    return this.firstSlot - 1;
  }
  /** True while a change of members is proposed and not learned. */
  get isStopping(): boolean {
    return this.stop > 0;
  }
  /**
   * True if phase 1 has found the end of this ballot's configuration. It may have been learned elsewhere, and
   * the next one be in force: nothing that this one's quorum says confirms a read any more.
   */
  get isOutlived(): boolean {
    return this.foundStop;
  }
  /** True when one more batch may be proposed now. */
  get hasRoom(): boolean {
    if (this.leading === undefined || this.stop > 0) return false;
    if (this.lacking.size > 0 || this.learner.isFull) return false;
    return this.waiting.length === 0 && this.isWindowOpen;
  }

  private get isWindowOpen(): boolean {
    return this.unlearned.size < this.window.slots && this.unlearnedBytes < this.window.bytes;
  }

  /** Takes the lead: phase 1 of `ballot` is done, and these batches are what it found from `firstSlot` on. */
  lead(ballot: Ballot, firstSlot: Slot, batches: readonly Batch[]): void {
    requires(this.leading === undefined, 13, 'one ballot is led at a time');
    requires(
      ballot === this.acceptor.promised,
      8,
      'a ballot is led only while it is this replica’s own promise',
    );
    this.leading = ballot;
    this.quorum = this.configurations.quorum;
    this.firstSlot = firstSlot;
    this.next = firstSlot;
    this.chosen = firstSlot - 1;
    this.recovered = firstSlot + batches.length - 1;
    this.foundStop = batches.some((batch) => this.configurations.isStop(batch));
    this.ownCounted = firstSlot;
    this.stop = 0;
    this.feed.begin(firstSlot);
    this.waiting = batches.toReversed();
    this.proposeWaiting();
  }

  /** Proposes a batch in the next slot. @returns that slot, or 0 when there is no room in window or log. */
  propose(batch: Batch): Slot {
    if (!this.hasRoom) return 0;
    invariant(this.next > this.recovered, 12, 'holes are proposed before new commands');
    return this.send(batch);
  }

  /** A member's durable votes at `ballot` for `fromSlot` … `throughSlot`. */
  accepted(from: ReplicaId, ballot: Ballot, fromSlot: Slot, throughSlot: Slot): void {
    if (ballot !== this.leading) return;
    const bit = this.quorum.bitOf(from);
    for (
      let slot = Math.max(fromSlot, this.chosen + 1);
      slot <= Math.min(throughSlot, this.next - 1);
      slot++
    ) {
      this.count(slot, bit);
    }
  }

  /** Items through `item` are durable: own votes among them count now. */
  durableNow(item: number): void {
    if (this.leading === undefined) return;
    const own = this.quorum.bitOf(this.self);
    while (this.ownCounted < this.next) {
      const open = this.open.get(this.ownCounted);
      if (open !== undefined && open.ownItem > item) return;
      const slot = this.ownCounted++;
      if (open !== undefined && open.ownItem > 0) this.count(slot, own);
    }
  }

  /**
   * Slots through `through` are learned: those still open were chosen without this ballot, and are done with.
   * What waits for the window through there is proposed first: each peer is fed without a hole.
   * @returns false if slots are learned that this ballot never proposed. Phase 1 found every slot in which a
   * lower
   *   ballot may have chosen anything, so a higher one has: this ballot must be led no longer (contract 13).
   */
  learnedNow(through: Slot): boolean {
    if (this.leading === undefined) return true;
    if (through > Math.max(this.lastSlot, this.recovered)) return false;
    while (this.next <= through) this.send(this.waiting.pop()!);
    for (let slot = this.chosen + 1; slot <= through; slot++) this.close(slot);
    this.advanceChosen();
    this.countLearned(through);
    this.proposeWaiting();
    return true;
  }

  /** Sends `to` again what is open above `coveredThrough`; it lost those accepts or had no room for them. */
  resend(to: ReplicaId, coveredThrough: Slot, throughSlot: Slot): void {
    const from = Math.max(coveredThrough, this.chosen) + 1;
    for (let slot = from; slot <= Math.min(throughSlot, from + RESEND_SLOTS_MAX - 1); slot++) {
      const open = this.open.get(slot);
      if (open === undefined) continue;
      if (!this.effects.hasRoom(to)) return;
      this.effects.send(to, open.message, 0);
    }
  }

  /** Sends a heartbeat; `isMarked` says that answers to it tell what was lost. */
  beat(heartbeat: Heartbeat, isMarked: boolean): void {
    this.feed.beat(heartbeat, isMarked);
    if (isMarked) this.chosenAtMark = this.chosen;
  }

  /**
   * `from` has everything through `covered`. `tellsLoss`: it has answered a marked heartbeat, and what it
   * lacks of what it was sent before that is lost. Who is behind and may be needed, because nothing was
   * chosen since then, is fed again from the first slot that is open.
   */
  coveredNow(from: ReplicaId, covered: Slot, tellsLoss: boolean): void {
    if (this.leading === undefined) return;
    this.feed.resume(from, covered);
    if (!tellsLoss) return;
    if (!this.feed.isBehind(from)) this.resend(from, covered, this.feed.markedThrough(from));
    else if (this.chosen === this.chosenAtMark) this.feed.resume(from, Math.max(covered, this.chosen));
  }

  /** Votes anew for slots the log had no room for. */
  retryOwnVotes(): void {
    for (const slot of this.lacking) {
      if (!this.voteFor(this.open.get(slot)!)) return;
      this.lacking.delete(slot);
    }
  }

  /** Gives up the lead. What is open may still be chosen, by whoever leads next. */
  resign(): void {
    this.leading = undefined;
    this.open.clear();
    this.unlearned.clear();
    this.unlearnedBytes = 0;
    this.waiting = [];
    this.lacking.clear();
    this.feed.end();
  }

  private proposeWaiting(): void {
    while (this.waiting.length > 0 && this.isWindowOpen) this.send(this.waiting.pop()!);
  }

  private countLearned(through: Slot): void {
    for (const [slot, bytes] of this.unlearned) {
      if (slot > through) return;
      this.unlearned.delete(slot);
      this.unlearnedBytes -= bytes;
    }
  }

  private send(batch: Batch): Slot {
    const ballot = this.leading!;
    const slot = this.next++;
    invariant(!this.open.has(slot), 11, 'one batch for each ballot and slot');
    invariant(this.stop === 0, 27, 'nothing is proposed behind the end of a configuration');
    if (this.configurations.isStop(batch)) this.stop = slot;
    const { kind, digest, bytes } = batch;
    const learnedThrough = this.learner.learnedThrough;
    const message: Accept = { type: 'accept', ballot, slot, kind, digest, bytes, learnedThrough };
    const open: Open = { message, votes: 0, ownItem: 0 };
    this.open.set(slot, open);
    this.unlearned.set(slot, bytes.length);
    this.unlearnedBytes += bytes.length;
    this.feed.add(message);
    if (!this.voteFor(open)) this.lacking.add(slot);
    return slot;
  }

  private voteFor(open: Open): boolean {
    const { slot, ballot } = open.message;
    // Neither what is forgotten nor what is learned is voted for again.
    if (slot <= Math.max(this.acceptor.trimThrough, this.learner.learnedThrough)) return true;
    if (this.acceptor.accept(slot, ballot, open.message) !== 'voted') return false;
    open.ownItem = this.acceptor.stagedThrough;
    if (slot < this.ownCounted) this.ownCounted = slot;
    return true;
  }

  private count(slot: Slot, member: MemberSet): void {
    const open = this.open.get(slot);
    if (open === undefined) return;
    open.votes |= member;
    if (!this.quorum.isReached(open.votes)) return;
    const isOurs = this.quorum === this.configurations.quorum;
    invariant(isOurs, 27, 'votes are counted in slots of the ballot’s own configuration');
    this.close(slot);
    this.advanceChosen();
    this.learner.learn(slot, open.message.ballot, open.message);
    this.countLearned(this.learner.learnedThrough);
  }

  private close(slot: Slot): void {
    this.open.delete(slot);
    this.lacking.delete(slot);
  }

  private advanceChosen(): void {
    while (this.chosen < this.next - 1 && !this.open.has(this.chosen + 1)) this.chosen++;
    this.feed.forget(this.chosen);
  }
}
