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
 *    the slot is undecided and the campaign waits (contract 10).
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
  type Vote,
} from '../types.js';
import type { Promised } from './messages.js';
import type { MemberSet, Quorum } from './quorum.js';

/** One member's whole answer. */
interface Answer {
  readonly parts: Map<number, Promised>;
  readonly votes: Map<Slot, Vote>;
  complete: boolean;
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

export class Campaign {
  readonly ballot: Ballot;
  readonly fromSlot: Slot;
  private readonly quorum: Quorum;
  private readonly answers = new Map<ReplicaId, Answer>();

  constructor(ballot: Ballot, fromSlot: Slot, quorum: Quorum) {
    this.ballot = ballot;
    this.fromSlot = fromSlot;
    this.quorum = quorum;
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

  /** What this ballot must propose; undefined while a quorum is missing or a slot is undecided. */
  recovery(): Recovery | undefined {
    if (!this.quorum.isReached(this.answered())) return undefined;
    let firstSlot = this.fromSlot;
    let lastSlot = this.fromSlot - 1;
    for (const answer of this.answers.values()) {
      const part = answer.complete ? answer.parts.get(0) : undefined;
      if (part === undefined) continue;
      firstSlot = Math.max(firstSlot, part.trimThrough + 1);
      for (const slot of answer.votes.keys()) lastSlot = Math.max(lastSlot, slot);
      for (const range of part.uncertain) lastSlot = Math.max(lastSlot, range.through);
    }
    const batches: Batch[] = [];
    for (let slot = firstSlot; slot <= lastSlot; slot++) {
      const batch = this.choose(slot);
      if (batch === undefined) return undefined;
      batches.push(batch);
    }
    return { firstSlot, batches };
  }

  private choose(slot: Slot): Batch | undefined {
    let clean: MemberSet = 0;
    let cleanWithBytes: MemberSet = 0;
    let highest: Vote | undefined;
    let highestWithBytes: Vote | undefined;
    for (const [id, answer] of this.answers) {
      if (!answer.complete || isUncertain(answer.parts.get(0)!, slot)) continue;
      const vote = answer.votes.get(slot);
      clean |= this.quorum.bitOf(id);
      if (vote?.bytes !== undefined || vote === undefined) cleanWithBytes |= this.quorum.bitOf(id);
      if (vote === undefined) continue;
      highest = higher(highest, vote);
      if (vote.bytes !== undefined) highestWithBytes = higher(highestWithBytes, vote);
    }
    const known = highestWithBytes;
    if (this.quorum.isReached(clean)) {
      if (highest === undefined) return NOOP;
      if (known !== undefined && known.ballot === highest.ballot) return batchOf(known);
    }
    // The bytes at the highest ballot are lost here: leave out who lost them, if a quorum remains without.
    if (this.quorum.isReached(cleanWithBytes)) return known === undefined ? NOOP : batchOf(known);
    return undefined;
  }
}

function isUncertain(answer: Promised, slot: Slot): boolean {
  return answer.uncertain.some((range) => range.from <= slot && slot <= range.through);
}

function higher(known: Vote | undefined, vote: Vote): Vote {
  if (known === undefined || vote.ballot > known.ballot) return vote;
  if (vote.ballot === known.ballot) {
    invariant(
      vote.digest === known.digest && vote.kind === known.kind,
      4,
      'two batches voted for at one ballot',
    );
  }
  return known;
}

function batchOf(vote: Vote): Batch {
  return { kind: vote.kind, digest: vote.digest, bytes: vote.bytes! };
}
