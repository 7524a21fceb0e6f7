/**
 * How an acceptor answers a prepare: with every vote from the slot asked for on, in parts of consecutive
 * slots. A part is made when the link takes it: a log of any size is answered from, never held in memory, and
 * no queue cuts it off. Who lacks parts asks again from there.
 *
 * 1. A part leaves out no vote in its slots above its trim point; lost bytes go as unavailable, unreadable
 *    stretches as uncertain (contract 6). Parts may be put together slot by slot, whenever each was made:
 *    between the promise and the first proposal of its ballot an acceptor changes only by batches known to be
 *    chosen, by trims and by damage, and each of them may be told late.
 * 2. A part leaves when all that it shows is durable, and the next one is not made before (contract 5).
 * 3. Only the promised ballot is answered.
 */
import { ensures } from '../contract.js';
import { MESSAGE_VOTES_BYTES_MAX } from '../limits.js';
import type { Ballot, Slot, Vote } from '../types.js';
import type { Acceptor, VoteMark } from './acceptor.js';
import { NO_BALLOT, replicaOf } from './ballot.js';
import type { Configurations } from './configurations.js';
import type { Effects } from './effects.js';
import type { Learner } from './learner.js';
import type { Prepare, Promised } from './messages.js';

/** Uncertain ranges in one part: beside a largest batch they fit into a frame. */
const RANGES_MAX = 2000;

export class PromisedAnswer {
  private readonly acceptor: Acceptor;
  private readonly learner: Learner;
  private readonly configurations: Configurations;
  private readonly effects: Effects;
  private readonly votesBytesMax: number;
  /** What is being answered, or was last. */
  private ballot: Ballot = NO_BALLOT;
  private attempt = 0;
  private next: Slot = 0;
  private isOver = true;
  /** What was read for the next part already: it did not fit into the last one. */
  private ahead: { readonly mark: VoteMark; readonly bytes: Uint8Array | undefined } | undefined;
  /** The item that the last part rests on. */
  private restsOn = 0;

  constructor(
    acceptor: Acceptor,
    learner: Learner,
    configurations: Configurations,
    effects: Effects,
    votesBytesMax?: number,
  ) {
    this.acceptor = acceptor;
    this.learner = learner;
    this.configurations = configurations;
    this.effects = effects;
    this.votesBytesMax = votesBytesMax ?? MESSAGE_VOTES_BYTES_MAX;
  }

  /** A prepare at the promised ballot. One that only says that the campaign goes on changes nothing. */
  asked({ ballot, attempt, fromSlot }: Prepare): void {
    if (ballot === this.ballot && attempt <= this.attempt) return;
    this.ballot = ballot;
    this.attempt = attempt;
    this.next = fromSlot;
    this.isOver = false;
    this.pump();
  }

  /** The campaign is over: its ballot is led. */
  end(): void {
    this.isOver = true;
    this.ahead = undefined;
  }

  /** Sends what the link takes now. */
  pump(): void {
    const to = replicaOf(this.ballot);
    while (!this.isOver && this.ballot === this.acceptor.promised) {
      if (this.restsOn > this.acceptor.durableThrough || !this.effects.hasRoom(to)) return;
      const part = this.part(this.next, this.attempt);
      this.next = part.throughSlot + 1;
      this.isOver = part.isLast;
      this.restsOn = this.acceptor.stagedThrough;
      this.effects.send(to, part, this.restsOn);
    }
  }

  /** The part that begins at `fromSlot`. */
  part(fromSlot: Slot, attempt: number): Promised {
    const { acceptor } = this;
    const { promised: ballot, trimThrough, highestVoted } = acceptor;
    const { learnedThrough } = this.learner;
    const ranges = acceptor.damage.uncertainFrom(fromSlot);
    const tooMany = ranges[RANGES_MAX];
    const limit = tooMany ? Math.max(fromSlot, tooMany.from - 1) : Number.POSITIVE_INFINITY;
    const { votes, through } = this.votes(fromSlot, limit);
    const isLast = through === Number.POSITIVE_INFINITY;
    const end = Math.max(fromSlot, highestVoted, ranges.at(-1)?.through ?? 0);
    const throughSlot = isLast ? end : through;
    const uncertain = ranges
      .filter((range) => range.from <= throughSlot)
      .map((range) => ({ from: range.from, through: Math.min(range.through, throughSlot) }));
    const head = { type: 'promised', ballot, attempt, fromSlot, throughSlot, isLast } as const;
    const configuration = this.configurations.number;
    return { ...head, trimThrough, learnedThrough, configuration, votes, uncertain };
  }

  /** Votes from `fromSlot` on, as many as a part takes, and through where they are all that there are. */
  private votes(fromSlot: Slot, limit: Slot): { votes: Vote[]; through: Slot } {
    const { acceptor } = this;
    const end = Math.min(limit, acceptor.highestVoted);
    const votes: Vote[] = [];
    let sizeBytes = 0;
    for (let slot = Math.max(fromSlot, acceptor.trimThrough + 1); slot <= end; slot++) {
      const mark = acceptor.vote(slot);
      if (mark === undefined) continue;
      const bytes = this.ahead?.mark === mark ? this.ahead.bytes : acceptor.bytesOf(slot, mark);
      const isKnownLost = bytes !== undefined || acceptor.damage.unavailable.has(slot);
      ensures(isKnownLost, 6, 'a vote without bytes goes as unavailable, and is known to be');
      sizeBytes += 64 + (bytes?.length ?? 0);
      if (votes.length > 0 && sizeBytes > this.votesBytesMax) {
        this.ahead = { mark, bytes };
        return { votes, through: slot - 1 };
      }
      const { ballot, kind, digest } = mark;
      votes.push({ slot, ballot, kind, digest, bytes });
    }
    this.ahead = undefined;
    return { votes, through: limit };
  }
}
