/**
 * Repair: how this replica gets back what its log has lost (damage.ts). Most damage heals without it: a new
 * leader proposes anew all that it has not learned, and what a restarted replica has not applied it learns
 * again. This role is for the rest: votes for slots that are learned, and slots that phase 1 cannot decide.
 *
 * 1. What is still in memory, or still readable, is written again at once, at the vote's own ballot.
 * 2. Other learned slots are asked of the peers, one peer after the other: what they tell was chosen, and no
 *    other batch may take its place (contracts 10 and 15). A checkpoint that a peer offers instead will do.
 * 3. What no peer has is still in the state, if it is applied: then a checkpoint of it is wanted.
 * 4. Slots that hold up a campaign are asked of the peers too: one that lost its votes may have learned them.
 */
import type { Ballot, ReplicaId, Slot, SlotRange } from '../types.js';
import type { Acceptor } from './acceptor.js';
import type { Effects } from './effects.js';
import type { Learner } from './learner.js';

/** Votes written again, and slots asked for, at a time. */
const SLOTS_MAX = 64;

export class Repair {
  private readonly acceptor: Acceptor;
  private readonly learner: Learner;
  private readonly effects: Effects;
  private readonly peers: readonly ReplicaId[];
  private readonly fetchTicks: number;
  private age = 0;
  private nextPeer = 0;
  /** Peers asked since anything was healed last. */
  private asked = 0;
  private healedWhenAsked = 0;

  constructor(
    acceptor: Acceptor,
    learner: Learner,
    effects: Effects,
    peers: readonly ReplicaId[],
    fetchTicks: number,
  ) {
    this.acceptor = acceptor;
    this.learner = learner;
    this.effects = effects;
    this.peers = peers;
    this.fetchTicks = fetchTicks;
  }

  /** Slots through this one are applied here, and no peer that was asked has them; 0 for none. */
  get wantsCheckpointThrough(): Slot {
    if (this.asked < this.peers.length) return 0;
    return this.acceptor.damage.through(this.learner.appliedThrough, SLOTS_MAX).at(-1) ?? 0;
  }

  /** True while the next slot to apply is learned and has lost its bytes: nothing can be applied before. */
  get isBlocked(): boolean {
    const { appliedThrough, learnedThrough } = this.learner;
    const slot = appliedThrough + 1;
    return slot <= learnedThrough && this.acceptor.damage.unavailable.has(slot);
  }

  /**
   * Damage was found in a log that is in use: votes that have lost their bytes, and ranges in which the next
   * open would be uncertain.
   */
  found(votes: readonly { slot: Slot; ballot: Ballot }[], uncertain: readonly SlotRange[]): void {
    for (const { slot, ballot } of votes) this.acceptor.lose(slot, ballot);
    for (const range of uncertain) this.acceptor.endanger(range);
    // The newest mention of the promise may be among what is unreadable (contract 1).
    this.acceptor.restate();
    this.begin();
  }

  /** Mends what this replica can mend alone. */
  begin(): void {
    this.age = this.fetchTicks;
    this.rewrite();
  }

  /** `undecidedThrough` is the last slot that holds up a campaign of this replica; 0 if none does. */
  tick(undecidedThrough: Slot): void {
    if (this.acceptor.damage.isNone && undecidedThrough === 0) return;
    this.rewrite();
    if (++this.age < this.fetchTicks) return;
    this.age = 0;
    const { learnedThrough } = this.learner;
    const [slot] = this.acceptor.damage.through(learnedThrough, 1);
    if (slot !== undefined) this.ask(slot, this.endOfRun(slot, learnedThrough));
    else if (undecidedThrough > learnedThrough) this.ask(learnedThrough + 1, undecidedThrough);
    else this.asked = 0;
  }

  private rewrite(): void {
    const { acceptor, learner } = this;
    const { unavailable, endangered } = acceptor.damage;
    let left = SLOTS_MAX;
    for (const slot of [...endangered, ...unavailable]) {
      const mark = acceptor.vote(slot);
      const isNewest = mark !== undefined && !acceptor.damage.isUncertain(slot);
      const bytes = isNewest ? acceptor.bytesOf(slot, mark) : undefined;
      const held = learner.held(slot);
      if (bytes === undefined && held === undefined) continue;
      if (left-- === 0) return;
      const done = bytes ? acceptor.rewrite(slot, bytes) : acceptor.record(slot, held!.ballot, held!);
      if (!done) return;
      if (slot <= learner.appliedThrough) acceptor.release(slot);
    }
  }

  private endOfRun(slot: Slot, through: Slot): Slot {
    let end = slot;
    while (end < through && end - slot < SLOTS_MAX - 1 && this.acceptor.damage.touches(end + 1)) end++;
    return end;
  }

  private ask(fromSlot: Slot, throughSlot: Slot): void {
    const { healed } = this.acceptor.damage;
    if (healed > this.healedWhenAsked) this.asked = 0;
    this.healedWhenAsked = healed;
    this.asked++;
    if (this.peers.length === 0) return;
    this.nextPeer = (this.nextPeer + 1) % this.peers.length;
    this.effects.send(this.peers[this.nextPeer]!, { type: 'fetch', fromSlot, throughSlot }, 0);
  }
}
