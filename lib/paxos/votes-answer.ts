/**
 * How an acceptor answers accepts: once a turn and cumulatively, with the run of votes at one ballot that it
 * knows to be without a gap (contract 14: a cumulative answer covers only contiguous votes of one ballot).
 */
import type { Ballot, ReplicaId, Slot } from '../types.js';
import type { Acceptor } from './acceptor.js';
import { NO_BALLOT, replicaOf } from './ballot.js';
import type { Effects } from './effects.js';

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
    } else if (slot === this.through + 1) {
      this.through = slot;
    } else if (slot < this.from || slot > this.through) {
      return this.send(slot, slot);
    }
    while (this.acceptor.vote(this.through + 1)?.ballot === ballot) this.through++;
    this.due = true;
  }

  /** The end of a turn: sends what is due. */
  settle(): void {
    if (!this.due) return;
    this.due = false;
    this.send(this.from, this.through);
  }

  private send(fromSlot: Slot, throughSlot: Slot): void {
    const message = { type: 'accepted', ballot: this.ballot, fromSlot, throughSlot } as const;
    this.effects.send(this.leader, message, this.acceptor.stagedThrough);
  }

  private get leader(): ReplicaId {
    return replicaOf(this.ballot);
  }
}
