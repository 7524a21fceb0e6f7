/**
 * A campaign: phase 1 of one ballot, from the first `promised` to the choice of what to propose in every slot
 * that may already have been voted for. (*Paxos Made Simple*, section 2.2, P2c; *The Part-Time Parliament*,
 * B3.)
 *
 * Invariants
 * 1. Only whole answers count, one for each member, for exactly this ballot (contract 9). An answer is whole
 *    when its parts, whenever each was made, leave out no slot up to the one that is the last
 *    (promised-answer.ts).
 * 2. A slot's batch is that of the highest-ballot vote among a quorum of clean answers; the choice is free
 *    only if none of a quorum voted. A sender that is uncertain or has lost the bytes may be left out of a
 *    slot's quorum if enough others remain; lost bytes come only from a vote at the same ballot; otherwise
 *    the slot is undecided, and the campaign waits and names it (contract 10).
 * 3. Nothing is proposed behind the first batch that ends the ballot's configuration (contract 27).
 * 4. Nothing is proposed at or below the highest trim point of any part: it was chosen and forgotten
 *    (contract 12).
 */
import { invariant } from '../contract.js';
import { VOTE_SLOTS_MAX } from '../limits.js';
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

/** What a member has answered so far: all of its votes in the slots below `next`. */
interface Answer {
  next: Slot;
  isWhole: boolean;
  readonly votes: Map<Slot, Vote>;
  readonly uncertain: SlotRange[];
  trimThrough: Slot;
  learnedThrough: Slot;
  /** How often it was asked for what it has not answered. */
  attempt: number;
  /** Ticks without anything of its answer, and whether a part was taken since the last tick. */
  silentTicks: number;
  hasMoved: boolean;
}

/** What a part of an answer has changed. `gap`: the part before it is lost, and has to be asked for again. */
export type Taken = 'nothing' | 'part' | 'whole' | 'gap';

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

/** Ticks for which a campaign outlasts its timeout while the same part is on its way. */
const AWAITED_TICKS_MAX = 1000;

/** What an answer may speak of at the most: more unlearned slots than any log holds. */
const ANSWER_SLOTS_MAX: number = VOTE_SLOTS_MAX;

export class Campaign {
  readonly ballot: Ballot;
  readonly fromSlot: Slot;
  private readonly quorum: Quorum;
  private readonly fetchTicks: number;
  private readonly isStop: (batch: Batch) => boolean;
  private readonly answers = new Map<ReplicaId, Answer>();
  private held: readonly SlotRange[] = [];
  private awaitedTicks = 0;

  /**
   * Who is silent for `fetchTicks` is asked again. `isStop` tells a batch that ends the configuration whose
   * quorum this is.
   */
  constructor(
    ballot: Ballot,
    fromSlot: Slot,
    quorum: Quorum,
    fetchTicks: number,
    isStop: (batch: Batch) => boolean = () => false,
  ) {
    this.ballot = ballot;
    this.fromSlot = fromSlot;
    this.quorum = quorum;
    this.fetchTicks = fetchTicks;
    this.isStop = isStop;
    for (const id of quorum.voters) {
      this.answers.set(id, {
        next: fromSlot,
        isWhole: false,
        votes: new Map(),
        uncertain: [],
        trimThrough: 0,
        learnedThrough: 0,
        attempt: 1,
        silentTicks: 0,
        hasMoved: false,
      });
    }
  }

  get configurationNumber(): number {
    return this.quorum.configuration.number;
  }

  /** What `to` is asked for: all that it has not answered. */
  prepareFor(to: ReplicaId): Prepare {
    const { attempt, next } = this.answers.get(to)!;
    const configuration = this.configurationNumber;
    return { type: 'prepare', ballot: this.ballot, attempt, fromSlot: next, configuration };
  }

  isWhole(member: ReplicaId): boolean {
    return this.answers.get(member)!.isWhole;
  }

  /**
   * One tick. @returns the members to be asked now, and whether an answer that is lacking is on its way: then
   * the campaign is not given up, and everybody is told so. Whoever sends the same without end does not keep
   * it for ever.
   */
  tick(isArriving: (from: ReplicaId) => boolean): { readonly ask: ReplicaId[]; readonly awaits: boolean } {
    const ask: ReplicaId[] = [];
    let hasMoved = false;
    let arrives = false;
    for (const [id, answer] of this.answers) {
      if (answer.isWhole) continue;
      hasMoved ||= answer.hasMoved;
      const isSilent = !isArriving(id) && !answer.hasMoved;
      arrives ||= !isSilent;
      answer.hasMoved = false;
      answer.silentTicks = isSilent ? answer.silentTicks + 1 : 0;
      if (answer.silentTicks < this.fetchTicks) continue;
      ask.push(id);
      this.askAgain(answer);
    }
    this.awaitedTicks = hasMoved ? 0 : this.awaitedTicks + Number(arrives);
    const awaits = arrives && this.awaitedTicks < AWAITED_TICKS_MAX;
    return { ask: awaits ? [...this.answers.keys()] : ask, awaits };
  }

  /** Takes one part of a member's answer. Duplicates and answers to other prepares change nothing. */
  take(from: ReplicaId, message: Promised): Taken {
    const answer = this.answers.get(from);
    if (answer === undefined || message.ballot !== this.ballot || answer.isWhole) return 'nothing';
    const { fromSlot, throughSlot, votes, uncertain, trimThrough, learnedThrough, isLast } = message;
    if (throughSlot < answer.next || throughSlot - this.fromSlot >= ANSWER_SLOTS_MAX) return 'nothing';
    if (fromSlot > answer.next) {
      // What was sent before it was asked again may still come, with the same gap.
      if (message.attempt !== answer.attempt) return 'nothing';
      this.askAgain(answer);
      return 'gap';
    }
    for (const vote of votes) if (vote.slot >= answer.next) answer.votes.set(vote.slot, this.shared(vote));
    for (const { from, through } of uncertain) {
      if (through >= answer.next) answer.uncertain.push({ from: Math.max(from, answer.next), through });
    }
    answer.trimThrough = Math.max(answer.trimThrough, trimThrough);
    answer.learnedThrough = Math.max(answer.learnedThrough, learnedThrough);
    answer.next = throughSlot + 1;
    answer.hasMoved = true;
    answer.isWhole = isLast;
    return isLast ? 'whole' : 'part';
  }

  private askAgain(answer: Answer): void {
    answer.attempt++;
    answer.silentTicks = 0;
  }

  /** `vote`, with the bytes of the same batch that another member has told, if one has. */
  private shared(vote: Vote): Vote {
    for (const { votes } of this.answers.values()) {
      const other = votes.get(vote.slot);
      if (vote.bytes === undefined || other?.bytes === undefined) continue;
      if (other.digest === vote.digest && other.kind === vote.kind) return { ...vote, bytes: other.bytes };
    }
    return vote;
  }

  /** The members that have answered in whole. */
  private answered(): MemberSet {
    let members: MemberSet = 0;
    for (const [id, answer] of this.answers) if (answer.isWhole) members |= this.quorum.bitOf(id);
    return members;
  }

  /** The highest learned slot a member spoke of, and who: where missing slots can be fetched. */
  mostLearned(): { readonly from: ReplicaId; readonly through: Slot } {
    let from: ReplicaId = 0;
    let through: Slot = 0;
    for (const [id, answer] of this.answers) {
      if (answer.isWhole && answer.learnedThrough > through) {
        from = id;
        through = answer.learnedThrough;
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
      if (!answer.isWhole) continue;
      firstSlot = Math.max(firstSlot, answer.trimThrough + 1);
      for (const slot of answer.votes.keys()) lastSlot = Math.max(lastSlot, slot);
      for (const range of answer.uncertain) lastSlot = Math.max(lastSlot, range.through);
    }
    const batches: Batch[] = [];
    const undecided: Slot[] = [];
    for (let slot = firstSlot; slot <= lastSlot; slot++) {
      const batch = this.choose(slot);
      if (batch === undefined) undecided.push(slot);
      else batches.push(batch);
      // The configuration ends here: what is voted for behind it is none of this ballot's (contract 27).
      if (batch !== undefined && this.isStop(batch)) break;
    }
    this.held = rangesOf(undecided);
    return undecided.length > 0 ? undefined : { firstSlot, batches };
  }

  /** P2c: the batch of the highest vote among a quorum of clean answers, its bytes from whoever has them. */
  private choose(slot: Slot): Batch | undefined {
    const clean: Clean[] = [];
    const bytesAt = new Map<Ballot, Vote>();
    for (const [id, answer] of this.answers) {
      if (!answer.isWhole) continue;
      const vote = answer.votes.get(slot);
      // Even a vote that may not be its member's newest has the bytes of its own ballot.
      if (vote?.bytes !== undefined) bytesAt.set(vote.ballot, vote);
      if (!isUncertain(answer, slot)) clean.push({ member: this.quorum.bitOf(id), vote });
    }
    clean.sort((a, b) => (b.vote?.ballot ?? NO_BALLOT) - (a.vote?.ballot ?? NO_BALLOT));
    let left: MemberSet = 0;
    for (const { member, vote } of clean) {
      left |= member;
      if (vote !== undefined) mustAgree(vote, bytesAt.get(vote.ballot) ?? vote);
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

function isUncertain(answer: Answer, slot: Slot): boolean {
  return answer.uncertain.some((range) => range.from <= slot && slot <= range.through);
}

function mustAgree(one: Vote, other: Vote): void {
  const same = one.digest === other.digest && one.kind === other.kind;
  invariant(same, 4, 'two batches voted for at one ballot');
}

function batchOf(vote: Vote): Batch {
  return { kind: vote.kind, digest: vote.digest, bytes: vote.bytes! };
}
