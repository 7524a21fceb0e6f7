/**
 * A campaign: phase 1 of one ballot, from the first `promised` to the choice of what to propose in every slot
 * that may already have been voted for. (*Paxos Made Simple*, section 2.2, P2c; *The Part-Time Parliament*,
 * B3.)
 *
 * Invariants
 * 1. Only whole answers count, one for each member, for exactly this ballot (contract 9). A member answers a
 *    ballot's prepare once, so parts of two answers, cut at different slots, never mix.
 * 2. A slot's batch is that of the highest-ballot vote among a quorum of clean answers; the choice is free
 *    only if none of a quorum voted. A sender that is uncertain or has lost the bytes may be left out of a
 *    slot's quorum if enough others remain; lost bytes come only from a vote at the same ballot; otherwise
 *    the slot is undecided, and the campaign waits and names it (contract 10).
 * 3. Nothing is proposed at or below the highest trim point answered: it was chosen and forgotten
 *    (contract 12).
 */
import { invariant } from '../contract.js';
import {
  type Ballot,
  type Batch,
  BatchKind,
  type Digest,
  type ReplicaId,
  type Slot,
  type SlotRange,
  type Vote,
} from '../types.js';
import { NO_BALLOT } from './ballot.js';
import { rangesOf } from './damage.js';
import type { Prepare, Promised } from './messages.js';
import type { MemberSet, Quorum } from './quorum.js';

/** One member's whole answer. */
interface Answer {
  readonly parts: Map<number, Promised>;
  readonly votes: Map<Slot, Vote>;
  complete: boolean;
}

/** What a member that is certain about a slot answered for it. */
interface Clean {
  readonly member: MemberSet;
  readonly vote: Vote | undefined;
}

export interface Recovery {
  /** The first slot this ballot proposes for. */
  readonly firstSlot: Slot;
  /**
   * What to propose in firstSlot, firstSlot + 1, …: every slot that may have been voted for, without a hole.
   */
  readonly batches: readonly Batch[];
}

export const NOOP: Batch = { kind: BatchKind.noop, digest: 0 as Digest, bytes: new Uint8Array(0) };

/** Ticks for which a campaign outlasts its timeout at the most. */
const AWAITED_TICKS_MAX = 1000;

export class Campaign {
  readonly ballot: Ballot;
  readonly fromSlot: Slot;
  private readonly quorum: Quorum;
  private readonly answers = new Map<ReplicaId, Answer>();
  private held: readonly SlotRange[] = [];
  private awaitedTicks = 0;

  constructor(ballot: Ballot, fromSlot: Slot, quorum: Quorum) {
    this.ballot = ballot;
    this.fromSlot = fromSlot;
    this.quorum = quorum;
  }

  get prepare(): Prepare {
    return { type: 'prepare', ballot: this.ballot, fromSlot: this.fromSlot };
  }

  /**
   * One tick. True while an answer that is lacking is on its way: then the campaign is not given up. Whoever
   * sends without end does not keep it for ever.
   */
  awaitsMore(isArriving: (from: ReplicaId) => boolean): boolean {
    if (this.awaitedTicks >= AWAITED_TICKS_MAX) return false;
    const { members } = this.quorum.configuration;
    const arrives = members.some(({ id }) => this.answers.get(id)?.complete !== true && isArriving(id));
    if (arrives) this.awaitedTicks++;
    return arrives;
  }

  /** Takes one part of a member's answer. Duplicates and answers to other prepares change nothing. */
  take(from: ReplicaId, message: Promised): void {
    if (message.ballot !== this.ballot || message.fromSlot !== this.fromSlot || !this.quorum.has(from))
      return;
    let answer = this.answers.get(from);
    if (answer === undefined) {
      answer = { parts: new Map(), votes: new Map(), complete: false };
      this.answers.set(from, answer);
    }
    if (answer.complete || message.part < 0 || message.part >= message.parts) return;
    answer.parts.set(message.part, message);
    if (answer.parts.size < message.parts) return;
    answer.complete = true;
    for (const part of answer.parts.values())
      for (const vote of part.votes) answer.votes.set(vote.slot, vote);
  }

  /** The members that have answered in whole. */
  private answered(): MemberSet {
    let members: MemberSet = 0;
    for (const [id, answer] of this.answers) if (answer.complete) members |= this.quorum.bitOf(id);
    return members;
  }

  /** The highest learned slot a member spoke of, and who: where missing slots can be fetched. */
  mostLearned(): { readonly from: ReplicaId; readonly through: Slot } {
    let from: ReplicaId = 0;
    let through: Slot = 0;
    for (const [id, answer] of this.answers) {
      const first = answer.parts.get(0);
      if (answer.complete && first !== undefined && first.learnedThrough > through) {
        from = id;
        through = first.learnedThrough;
      }
    }
    return { from, through };
  }

  /** Slots that hold it up although a quorum has answered: what they may hold was lost, or is not known. */
  get undecided(): readonly SlotRange[] {
    return this.held;
  }

  /**
   * What this ballot must propose; undefined while a quorum is missing or a slot is undecided. Slots through
   * `learnedThrough` are known to be chosen by now, whatever was answered about them.
   */
  recovery(learnedThrough: Slot): Recovery | undefined {
    if (!this.quorum.isReached(this.answered())) return undefined;
    let firstSlot = Math.max(this.fromSlot, learnedThrough + 1);
    let lastSlot = firstSlot - 1;
    for (const answer of this.answers.values()) {
      const part = answer.complete ? answer.parts.get(0) : undefined;
      if (part === undefined) continue;
      firstSlot = Math.max(firstSlot, part.trimThrough + 1);
      for (const slot of answer.votes.keys()) lastSlot = Math.max(lastSlot, slot);
      for (const range of part.uncertain) lastSlot = Math.max(lastSlot, range.through);
    }
    const batches: Batch[] = [];
    const undecided: Slot[] = [];
    for (let slot = firstSlot; slot <= lastSlot; slot++) {
      const batch = this.choose(slot);
      if (batch === undefined) undecided.push(slot);
      else batches.push(batch);
    }
    this.held = rangesOf(undecided);
    return undecided.length > 0 ? undefined : { firstSlot, batches };
  }

  /** P2c: the batch of the highest vote among a quorum of clean answers, its bytes from whoever has them. */
  private choose(slot: Slot): Batch | undefined {
    const clean: Clean[] = [];
    const bytesAt = new Map<Ballot, Vote>();
    for (const [id, answer] of this.answers) {
      if (!answer.complete) continue;
      const vote = answer.votes.get(slot);
      // Even a vote that may not be its member's newest has the bytes of its own ballot.
      if (vote?.bytes !== undefined) bytesAt.set(vote.ballot, vote);
      if (!isUncertain(answer.parts.get(0)!, slot)) clean.push({ member: this.quorum.bitOf(id), vote });
    }
    clean.sort((a, b) => (b.vote?.ballot ?? NO_BALLOT) - (a.vote?.ballot ?? NO_BALLOT));
    let left: MemberSet = 0;
    for (const { member, vote } of clean) {
      left |= member;
      const known = vote && bytesAt.get(vote.ballot);
      if (vote !== undefined && known !== undefined) mustAgree(vote, known);
    }
    for (const { member, vote } of clean) {
      if (!this.quorum.isReached(left)) return undefined;
      if (vote === undefined) return NOOP;
      const known = bytesAt.get(vote.ballot);
      if (known !== undefined) return batchOf(known);
      // The bytes of this ballot are lost: leave out who voted at it, if a quorum remains without.
      left &= ~member;
    }
    return undefined;
  }
}

function isUncertain(answer: Promised, slot: Slot): boolean {
  return answer.uncertain.some((range) => range.from <= slot && slot <= range.through);
}

function mustAgree(one: Vote, other: Vote): void {
  const same = one.digest === other.digest && one.kind === other.kind;
  invariant(same, 4, 'two batches voted for at one ballot');
}

function batchOf(vote: Vote): Batch {
  return { kind: vote.kind, digest: vote.digest, bytes: vote.bytes! };
}
