/**
 * How an acceptor answers accepts: once a turn and cumulatively, with the run of votes at one ballot that it
 * knows to be without a gap (contract 14: a cumulative answer covers only contiguous votes of one ballot).
 * An answer may be lost, so it is given again when a heartbeat shows that the leader still counts.
 */
import type { Ballot, Slot } from '../types.js';
import type { Acceptor } from './acceptor.js';
import { NO_BALLOT, replicaOf } from './ballot.js';
import type { Effects } from './effects.js';
import type { Learner } from './learner.js';
import type { Heartbeat, Heartbeaten } from './messages.js';

export class VotesAnswer {
  private readonly acceptor: Acceptor;
  private readonly effects: Effects;
  private ballot: Ballot = NO_BALLOT;
  private from: Slot = 0;
  private through: Slot = 0;
  private due = false;

  constructor(acceptor: Acceptor, effects: Effects) {
    this.acceptor = acceptor;
    this.effects = effects;
  }

  /** There is a vote at (slot, ballot) to be answered for. */
  note(slot: Slot, ballot: Ballot): void {
    if (ballot !== this.ballot) {
      this.settle();
      this.ballot = ballot;
      this.from = slot;
      this.through = slot;
    } else if (slot < this.from || slot > this.through + 1) {
      return this.send(ballot, slot, slot);
    }
    while (this.acceptor.holds(this.through + 1, ballot)) this.through++;
    this.due = true;
  }

  /** The end of a turn: sends what is due. */
  settle(): void {
    if (!this.due) return;
    this.due = false;
    this.send(this.ballot, this.from, this.through);
  }

  /** Answers once more for every vote at `ballot` from `fromSlot` through `throughSlot`, run by run. */
  repeat(ballot: Ballot, fromSlot: Slot, throughSlot: Slot): void {
    let start = fromSlot;
    // Above the last vote here there is nothing to answer for, whatever the leader says that it sent.
    const through = Math.min(throughSlot, this.acceptor.highestVoted);
    for (let slot = fromSlot; slot <= through + 1; slot++) {
      if (slot <= through && this.acceptor.holds(slot, ballot)) continue;
      if (slot > start) this.send(ballot, start, slot - 1);
      start = slot + 1;
    }
  }

  /** The answer to a heartbeat. */
  heartbeaten({ ballot, round, lastSlot }: Heartbeat, learner: Learner, isShort: boolean): Heartbeaten {
    const { learnedThrough, appliedThrough } = learner;
    const coveredThrough = this.acceptor.coveredThrough(ballot, learnedThrough, lastSlot);
    const { trimThrough } = this.acceptor;
    return {
      type: 'heartbeaten',
      ballot,
      round,
      coveredThrough,
      learnedThrough,
      appliedThrough,
      trimThrough,
      isShort,
    };
  }

  private send(ballot: Ballot, fromSlot: Slot, throughSlot: Slot): void {
    const message = { type: 'accepted', ballot, fromSlot, throughSlot } as const;
    this.effects.send(replicaOf(ballot), message, this.acceptor.stagedThrough);
  }
}
