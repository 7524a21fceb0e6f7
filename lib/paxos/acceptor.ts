/**
 * The acceptor: promises, votes, and what of both is durable. (*Paxos Made Simple*, section 2.2, P1a.)
 *
 * Invariants
 * 1. `promised` never decreases (contract 1), and no vote is above it unless it is the record of a batch
 *    known to be chosen (contract 3).
 * 2. A vote at (ballot, slot) is for one digest, always (contract 4).
 * 3. An answer's `after` is the number of the last item staged when it was made, so that it leaves only when
 *    everything it rests on is durable (contract 5).
 * 4. What it may have voted for above the trim point it knows, lost bytes as unavailable, unreadable
 *    stretches as uncertain: `promised` leaves none of it out (contract 6, promised-answer.ts).
 * 5. An acceptor whose store lost votes or promises neither promises nor votes (contract 7).
 * 6. Of the log's reserve only the vote for the first slot not learned here may take (contract 31).
 */
import { ensures, invariant, requires } from '../contract.js';
import { VOTE_SLOTS_MAX } from '../limits.js';
import type { Ballot, Batch, BatchKind, Digest, ReplicaId, Slot, SlotRange } from '../types.js';
import { NO_BALLOT } from './ballot.js';
import { Damage } from './damage.js';
import type { Effects } from './effects.js';

/** What the acceptor remembers of its newest vote for a slot. */
export interface VoteMark {
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
  /** The item that makes it durable; 0 for one that recovery found. */
  readonly item: number;
  /** False where the medium lost the bytes. */
  readonly available: boolean;
  /** Kept until the slot is applied; afterwards the log has them. */
  bytes: Uint8Array | undefined;
}

/** What the store's recovery found, as far as the acceptor is concerned. */
export interface AcceptorState {
  readonly promised: Ballot;
  readonly trimThrough: Slot;
  readonly votes: Iterable<Omit<VoteMark, 'item' | 'bytes'> & { readonly slot: Slot }>;
  readonly uncertain: readonly SlotRange[];
  /** False for a store that lost votes or promises. */
  readonly voting: boolean;
}

export type AcceptResult = 'voted' | 'refused' | 'no-room';

export class Acceptor {
  readonly voting: boolean;
  readonly damage: Damage;
  private readonly effects: Effects;
  private readonly marks = new Map<Slot, VoteMark>();
  private releasable: VoteMark[] = [];
  private promisedBallot: Ballot;
  private trimPoint: Slot;
  private highest: Slot;
  private staged = 0;
  private durable = 0;
  /** The first slot that this replica has not learned: what everything above it waits for. */
  private firstUnlearned: Slot;

  constructor(state: AcceptorState, effects: Effects) {
    this.effects = effects;
    this.voting = state.voting;
    this.promisedBallot = state.promised;
    this.trimPoint = state.trimThrough;
    this.highest = state.trimThrough;
    this.firstUnlearned = state.trimThrough + 1;
    // What a lost store still shows may have been superseded in what it lost: nothing is concluded from it.
    this.damage = new Damage(state.voting ? state.uncertain : []);
    if (!state.voting) return;
    for (const { slot, ...mark } of state.votes) {
      this.marks.set(slot, { ...mark, item: 0, bytes: undefined });
      if (!mark.available) this.damage.unavailable.add(slot);
      this.highest = Math.max(this.highest, slot);
    }
  }

  get promised(): Ballot {
    return this.promisedBallot;
  }
  get trimThrough(): Slot {
    return this.trimPoint;
  }
  get highestVoted(): Slot {
    return this.highest;
  }
  /** The number of the last item staged: what an answer given now must wait for. */
  get stagedThrough(): number {
    return this.staged;
  }
  get durableThrough(): number {
    return this.durable;
  }

  vote(slot: Slot): VoteMark | undefined {
    return this.marks.get(slot);
  }

  /** True if this log has a vote at (slot, ballot), bytes and all: what `accepted` may speak of. */
  holds(slot: Slot, ballot: Ballot): boolean {
    const mark = this.marks.get(slot);
    return mark !== undefined && mark.ballot === ballot && mark.available;
  }

  /** Through where every slot above `learnedThrough` has its vote at `ballot` here, up to `lastSlot`. */
  coveredThrough(ballot: Ballot, learnedThrough: Slot, lastSlot: Slot): Slot {
    let slot = learnedThrough;
    while (slot < lastSlot && this.holds(slot + 1, ballot)) slot++;
    return slot;
  }

  /** The bytes of the vote at `slot`, from memory or from the log; undefined if there are none to be had. */
  bytesOf(slot: Slot, mark: VoteMark): Uint8Array | undefined {
    if (mark.bytes !== undefined) return mark.bytes;
    const bytes = mark.available ? this.effects.readVote(slot, mark.digest) : undefined;
    if (bytes === undefined) this.lose(slot, mark.ballot);
    return bytes;
  }

  /** The log has lost the bytes of the vote at (slot, ballot): unavailable, if it is still the newest. */
  lose(slot: Slot, ballot: Ballot): void {
    const mark = this.marks.get(slot);
    if (mark === undefined || mark.ballot !== ballot || !mark.available) return;
    this.marks.set(slot, { ...mark, available: false });
    this.damage.unavailable.add(slot);
  }

  /** Whoever opens the log next could not tell the votes of these slots: those known here are endangered. */
  endanger({ from, through }: SlotRange): void {
    for (let slot = Math.max(from, this.trimPoint + 1); slot <= Math.min(through, this.highest); slot++) {
      // What is uncertain already cannot be told now either.
      if (this.marks.has(slot) && !this.damage.isUncertain(slot)) this.damage.endangered.add(slot);
    }
  }

  /** Stages the vote at `slot` once more, at its own ballot, with its bytes. False: no room. */
  rewrite(slot: Slot, bytes: Uint8Array): boolean {
    const mark = this.marks.get(slot);
    const isNewest = mark !== undefined && !this.damage.isUncertain(slot);
    requires(isNewest, 6, 'an older vote is never written again as if it were the newest');
    return this.stage(slot, mark.ballot, { kind: mark.kind, digest: mark.digest, bytes }, false);
  }

  /** Stages the promise once more, where the log may have lost its newest mention. False: no room. */
  restate(): boolean {
    if (!this.voting || this.promisedBallot === NO_BALLOT) return true;
    if (!this.effects.persistPromise(this.promisedBallot)) return false;
    this.staged++;
    return true;
  }

  /** Promises to refuse every ballot below `ballot`. False if this store may not vote or has no room. */
  promise(ballot: Ballot): boolean {
    if (!this.voting || ballot < this.promisedBallot) return false;
    if (ballot === this.promisedBallot) return true;
    if (!this.effects.persistPromise(ballot)) return false;
    this.staged++;
    this.raisePromise(ballot);
    return true;
  }

  /** Votes for the batch at (ballot, slot), unless a higher ballot was promised (contract 2). */
  accept(slot: Slot, ballot: Ballot, batch: Batch): AcceptResult {
    requires(slot > this.trimPoint, 12, 'an accept is for a slot above the trim point');
    if (!this.voting || ballot < this.promisedBallot) return 'refused';
    if (this.isOutOfReach(slot)) return 'no-room';
    const before = this.marks.get(slot);
    if (before !== undefined && before.ballot === ballot) {
      const same = before.digest === batch.digest && before.kind === batch.kind;
      invariant(same, 4, 'two different batches at the same ballot and slot');
      if (before.available) return 'voted';
    }
    const voted = this.stage(slot, ballot, batch, slot === this.firstUnlearned);
    ensures(!voted || this.promisedBallot >= ballot, 2, 'a vote is a promise to refuse lower ballots');
    return voted ? 'voted' : 'no-room';
  }

  /** Refuses `ballot`, if this replica votes at all. */
  reject(to: ReplicaId, ballot: Ballot): void {
    if (!this.voting) return;
    // Only a durable promise may be spoken of, or a crash could lower it after others have relied on it.
    this.effects.send(to, { type: 'rejected', ballot, promised: this.promisedBallot }, this.staged);
  }

  /**
   * Writes a batch known to be chosen into the log, at a ballot not below the first that chose it. Legal
   * whatever was promised: every higher ballot can only carry the same batch (P2c). A vote for it at a lower
   * ballot is renewed, so that what this log vouches for can be told on with a ballot that outdoes every
   * other vote. False if it is not in the log.
   */
  record(slot: Slot, ballot: Ballot, batch: Batch): boolean {
    if (slot <= this.trimPoint) return true;
    const before = this.marks.get(slot);
    const same = before?.digest === batch.digest && before.kind === batch.kind;
    const isSure = before?.available && !this.damage.isUncertain(slot);
    if (same && isSure && before.ballot >= ballot) return true;
    if (!this.voting || this.isOutOfReach(slot)) return false;
    invariant(
      before === undefined || same || before.ballot < ballot,
      15,
      'a vote at or above the ballot of a chosen batch is for another batch',
    );
    const highest = Math.max(before?.ballot ?? NO_BALLOT, ballot) as Ballot;
    return this.stage(slot, highest, batch, false);
  }

  /**
   * This replica has learned every slot through `through`. Votes above the next one wait for it: had they the
   * whole log, it could not be voted for again, and nothing in the log would ever be forgotten.
   */
  learnedNow(through: Slot): void {
    this.firstUnlearned = through + 1;
  }

  /** Every item through `item` is durable now. */
  durableNow(item: number): void {
    invariant(item >= this.durable && item <= this.staged, 5, 'durability neither shrinks nor runs ahead');
    this.durable = item;
    if (this.releasable.length === 0) return;
    this.releasable = this.releasable.filter((mark) => {
      if (mark.item > item) return true;
      mark.bytes = undefined;
      return false;
    });
  }

  /** Forgets votes through `through`, which a durable checkpoint covers (contract 24). */
  trim(through: Slot): void {
    if (through <= this.trimPoint) return;
    if (through - this.trimPoint > this.marks.size) {
      for (const slot of this.marks.keys()) if (slot <= through) this.marks.delete(slot);
    } else {
      for (let slot = this.trimPoint + 1; slot <= through; slot++) this.marks.delete(slot);
    }
    this.trimPoint = through;
    this.highest = Math.max(this.highest, through);
    this.damage.trim(through);
  }

  /** Lets go of the bytes of an applied slot, as soon as the log has them. */
  release(slot: Slot): void {
    const mark = this.marks.get(slot);
    // Bytes that the log has lost stay until they are in it again.
    if (mark === undefined || !mark.available) return;
    if (mark.item <= this.durable) mark.bytes = undefined;
    else this.releasable.push(mark);
  }

  /** Nobody votes so far ahead: what the log would have to tell of has no end (limits.ts). */
  private isOutOfReach(slot: Slot): boolean {
    return slot - this.trimPoint > VOTE_SLOTS_MAX;
  }

  private stage(slot: Slot, ballot: Ballot, batch: Batch, mayUseReserve: boolean): boolean {
    requires(this.voting, 7, 'a store that lost votes or promises votes no more');
    if (!this.effects.persistVote(slot, ballot, batch, mayUseReserve)) return false;
    this.staged++;
    if (ballot > this.promisedBallot) this.raisePromise(ballot);
    const { kind, digest, bytes } = batch;
    this.marks.set(slot, { ballot, kind, digest, bytes, item: this.staged, available: true });
    this.highest = Math.max(this.highest, slot);
    this.damage.heal(slot);
    return true;
  }

  private raisePromise(ballot: Ballot): void {
    invariant(ballot > this.promisedBallot, 1, 'a promise only rises');
    this.promisedBallot = ballot;
  }
}
