/**
 * Requests that are asked within one session, and asked again until each has its outcome: whoever answers
 * them may change meanwhile. A replica has one for everything that its own programs and clients ask; a
 * program has one for each session it holds.
 *
 * 1. What was given and came back without an answer is asked again, in the order asked, under its number:
 *    what was executed meanwhile has its answer kept, and is not executed again (contract 18).
 * 2. From the first request on that came back so, everything is waited for before anything is asked again; an
 *    answer that comes out of turn is dropped, and had again then. So requesters hear in the order asked.
 * 3. A request is asked again before its deadline only. Then it is *unknown* if any copy of it may have been
 *    executed, and *not executed* if none was. What had a number and is not asked again leaves a gap: those
 *    behind it get new numbers, once it is certain that none of them was executed; where it may yet be
 *    executed itself, in a new session that takes the place of the old one.
 * 4. A session that a program holds is another matter: it is never left for a new one, what finds no place is
 *    asked again too, and when the cluster has forgotten it, everybody who waits hears so, and it is over.
 *
 * | state    | when                                       | what comes in is | left when                      |
 * |----------|--------------------------------------------|------------------|--------------------------------|
 * | opening  | there is no session, and requests wait     | held             | one is open                    |
 * | flowing  | everything that was asked is given         | given at once    | one comes back without answer  |
 * | returning| one has come back without an answer        | held             | all that was given is back     |
 * | giving   | something is held, and there is no room    | held             | everything is given            |
 */
import { COMMAND_HEADER_BYTES, commandLength } from '../batch.js';
import { tell, wakeAll } from '../outcomes.js';
import { checkRequests } from '../requests.js';
import { isNobody, type RunRequester } from '../runs.js';
import { Outcome, type Requester } from '../service.js';
import { type Asked, AskedQueue, startOf } from './asked-queue.js';
import type { Holder, LineOptions } from './line-options.js';
import { Numbering } from './numbering.js';
import { RetainedBytes } from './retained-bytes.js';
import { Opener } from './session-opener.js';
import type { SessionTerms } from './session-terms.js';

/** Rounds without any answer that follow each other at once; more of them wait for a tick each. */
const ROUNDS_AT_ONCE = 2;

const NO_RESULTS = new Uint8Array(0);

export class SessionLine implements RunRequester {
  private readonly options: LineOptions;
  private readonly numbering = new Numbering();
  private readonly retained = new RetainedBytes();
  private readonly asked = new AskedQueue();
  private readonly stalled = new Set<Requester>();
  /** Requests before this position were given. */
  private givenEnd = 0;
  /** Requests that were given and are not back. */
  private outstanding = 0;
  /** The first request that came back without an answer; those behind are waited for. */
  private failedAt: number | undefined;
  /** A copy of the requests before this position may have been executed. */
  private mayBeEnd = 0;
  /** Everything from the first failed request on is certainly not executed. */
  private isCertain = false;
  private isGone = false;
  /** The session is not to be used again: something of it may be executed that nobody waits for. */
  private isSpoilt = false;
  private opener: Opener | undefined;
  /** The session that the next one takes the place of. */
  private replaced = 0;
  private isRefused = false;
  private rounds = 0;
  private isEnded = false;
  /** Nothing has come of any request in a session that was resumed: its next number may be a wrong one. */
  private isUntried: boolean;

  constructor(options: LineOptions) {
    this.options = options;
    const { resumed } = options;
    this.isUntried = resumed !== undefined;
    if (resumed !== undefined) this.numbering.begin(resumed.session, 0, resumed.next - 1);
  }

  /** The number of its session; 0 while there is none. */
  get session(): number {
    return this.numbering.session;
  }
  /** The number that the next request gets, if all before it get an answer. */
  get next(): number {
    return this.numbering.answeredThrough + this.waiting + 1;
  }
  /** Bytes of the requests that have no outcome. */
  get bytes(): number {
    return this.asked.bytes;
  }
  /** Requests that have no outcome. */
  get waiting(): number {
    return this.asked.end - this.asked.head;
  }
  /** The position of what is asked next. */
  get end(): number {
    return this.asked.end;
  }
  /** Whether `turn` would change anything now. */
  get wantsTurn(): boolean {
    if (this.isEnded || this.isIdle || this.rounds > ROUNDS_AT_ONCE) return false;
    if (this.failedAt !== undefined) return this.outstanding === 0;
    return this.session === 0 && this.opener === undefined;
  }

  /** As Service.submit; the requests have no place after `deadlineMs`. */
  submit(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: number,
  ): boolean {
    const { place, commandBytesMax, holder } = this.options;
    const isGiven = this.isFlowing && place.give(this, this.asked.end, count, bytes, start, end, deadlineMs);
    if (!isGiven) {
      checkRequests(bytes, start, end, count, commandBytesMax);
      const mayHold = !this.isEnded && (holder !== undefined || !this.isFlowing);
      if (!mayHold || !this.hasRoom(end - start)) {
        this.isRefused ||= this.isFlowing;
        this.stalled.add(requester);
        return false;
      }
    }
    this.asked.push(requester, first, count, deadlineMs, this.retained.keep(bytes, start, end));
    if (isGiven) {
      this.givenEnd = this.asked.end;
      this.outstanding += count;
    } else if (this.session === 0) this.open();
    return true;
  }

  readonly bind = (first: number, count: number): SessionTerms => this.numbering.bind(first, count);

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.outstanding -= count;
    if (this.failedAt !== undefined || first !== this.asked.head) return this.note(first, count, outcome);
    const final = this.finalOf(first, outcome);
    if (final === undefined) return this.note(first, count, outcome);
    this.rounds = 0;
    this.isUntried = false;
    const isGap = first < this.numbering.boundEnd && !isAnswer(outcome);
    if (isGap) {
      // Those behind it are out of order.
      this.failedAt = first + count;
      if (final === Outcome.unknown) this.isSpoilt = true;
    }
    this.deliver(count, final, results, start, end, isAnswer(outcome));
    this.wake();
  }

  drain(): void {
    this.isRefused = false;
    this.give();
  }

  /** Forgets the requester: it hears nothing more. What it asked may still be executed. */
  abandon(requester: Requester): void {
    this.stalled.delete(requester);
    this.asked.forget(requester);
  }

  /** Goes on as far as it can: asks again what is back, or for a session. */
  turn(): void {
    if (this.isEnded) return;
    if (this.failedAt !== undefined) {
      this.outstanding -= this.options.place.takeBack(this);
      if (this.outstanding === 0 && this.rounds <= ROUNDS_AT_ONCE) this.again();
      return;
    }
    if (this.session === 0 && this.rounds <= ROUNDS_AT_ONCE) this.open();
  }

  /** What is past its deadline hears so, and what waits for a tick goes on. */
  tick(nowMs: number): void {
    if (this.failedAt !== undefined) {
      this.outstanding -= this.options.place.takeBack(this);
      this.asked.expire(nowMs, (overdue) => this.tellEnd(overdue));
    } else if (this.session === 0) {
      this.sweep(nowMs);
    }
    if (this.rounds > ROUNDS_AT_ONCE) this.rounds = ROUNDS_AT_ONCE;
    this.turn();
    this.wake();
  }

  /** Nothing that waits is going to be answered: everybody hears so. What comes later may be. */
  giveUp(): void {
    this.asked.expire(Number.POSITIVE_INFINITY, (overdue) => this.tellEnd(overdue));
    this.sweep(Number.POSITIVE_INFINITY);
    this.failedAt = undefined;
    this.givenEnd = this.asked.end;
    this.renumber();
    this.wake();
  }

  /**
   * Refuses those who ask for growth of the state (growth.ts), but for what an earlier copy may have done.
   * Nothing is proposed then: all that was given is back, also what found no room in the log.
   */
  refuseGrowth(grows: (bytes: Uint8Array, start: number, end: number) => boolean): void {
    if (this.failedAt !== undefined) return;
    const { asked, numbering, options } = this;
    this.outstanding -= options.place.takeBack(this);
    this.givenEnd = asked.head;
    numbering.unbind(Math.max(asked.head, this.mayBeEnd));
    const growing = new Set<Requester>();
    for (const each of asked.from(numbering.boundEnd)) {
      const { block, end } = each.retained;
      for (let at = startOf(each); at < end && !growing.has(each.requester); ) {
        const from = at + COMMAND_HEADER_BYTES;
        at = from + commandLength(block.bytes, at, end);
        if (grows(block.bytes, from, at)) growing.add(each.requester);
      }
    }
    const isOut = ({ position, requester }: Asked): boolean =>
      position >= numbering.boundEnd && growing.has(requester);
    for (const each of asked.takeOut(isOut)) {
      this.retained.letGo(each.retained);
      this.tell(each.requester, each.first, each.count, Outcome.diskFull);
    }
    this.givenEnd = Math.max(asked.head, this.givenEnd);
    this.give();
  }

  /** The same, for good: nothing is asked again any more, and what has no place yet gets none. */
  stop(): void {
    this.isEnded = true;
    this.outstanding -= this.options.place.takeBack(this);
    this.giveUp();
    wakeAll(this.stalled);
    this.options.holder?.stopped();
  }

  /** A session that is held is opened before anything is asked. */
  private get isIdle(): boolean {
    return this.waiting === 0 && (this.options.holder === undefined || this.session !== 0);
  }

  private get isFlowing(): boolean {
    if (this.isEnded || this.session === 0) return false;
    return this.failedAt === undefined && this.givenEnd === this.asked.end;
  }

  private hasRoom(lengthBytes: number): boolean {
    return this.asked.bytes === 0 || this.asked.bytes + lengthBytes <= this.options.heldBytesMax;
  }

  /** What those hear who asked the oldest requests; undefined: they are asked again. */
  private finalOf(position: number, outcome: Outcome): Outcome | undefined {
    const mayBe = position < this.mayBeEnd;
    const isHeld = this.options.holder !== undefined;
    switch (outcome) {
      case Outcome.outOfOrder:
        return this.isUntried ? outcome : undefined;
      case Outcome.sessionGone:
        return mayBe && !isHeld ? Outcome.unknown : undefined;
      case Outcome.answeredBefore:
        return isHeld ? outcome : Outcome.unknown;
      case Outcome.diskFull:
        return mayBe ? undefined : outcome;
      case Outcome.notExecuted:
        if (position >= this.numbering.boundEnd && !isHeld) return outcome;
        break;
      case Outcome.unknown:
        break;
      default:
        return outcome;
    }
    if (this.asked.deadlineMs > this.options.place.nowMs()) return undefined;
    return mayBe ? Outcome.unknown : outcome;
  }

  /** What is told of requests that are not asked again. */
  private tellEnd({ requester, first, count, position }: Asked): void {
    const isBack = this.outstanding === 0;
    const unknownEnd = isBack ? this.mayBeEnd : Math.max(this.mayBeEnd, this.numbering.boundEnd);
    this.tell(requester, first, count, position < unknownEnd ? Outcome.unknown : Outcome.notExecuted);
  }

  private tell(requester: Requester, first: number, count: number, outcome: Outcome): void {
    if (isNobody(requester)) return;
    this.options.failed?.(outcome, count);
    tell(requester, first, count, outcome, NO_RESULTS, 0, 0);
  }

  /** These came back without an answer, or behind such. */
  private note(first: number, count: number, outcome: Outcome): void {
    const { numbering } = this;
    if (this.failedAt === undefined || first < this.failedAt) {
      this.failedAt = first;
    }
    if (outcome === Outcome.outOfOrder && first === this.asked.head) this.isCertain = true;
    if (outcome === Outcome.sessionGone) this.isGone = true;
    const isCertain = [Outcome.notExecuted, Outcome.outOfOrder, Outcome.diskFull, Outcome.sessionGone].some(
      (certain) => certain === outcome,
    );
    if (!isCertain && first < numbering.boundEnd) this.mayBeEnd = Math.max(this.mayBeEnd, first + count);
  }

  private deliver(
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
    isAnswered: boolean,
  ): void {
    let left = count;
    let at = start;
    while (left > 0) {
      const oldest = this.asked.oldest!;
      const taken = Math.min(left, oldest.count);
      const { requester, first } = oldest;
      let stop = at;
      if (outcome === Outcome.done) {
        if (taken === left) stop = end;
        else for (let i = 0; i < taken; i++) stop += COMMAND_HEADER_BYTES + commandLength(results, stop, end);
      }
      this.takeOldest(oldest, taken, isAnswered);
      left -= taken;
      if (outcome !== Outcome.done) this.tell(requester, first, taken, outcome);
      else if (!isNobody(requester)) tell(requester, first, taken, outcome, results, at, stop);
      at = stop;
    }
  }

  private takeOldest(oldest: Asked, count: number, isAnswered: boolean): void {
    const { asked, numbering, retained } = this;
    if (asked.take(count)) retained.letGo(oldest.retained);
    if (isAnswered) numbering.answered(asked.head);
    else numbering.passed(asked.head);
    if (this.givenEnd < asked.head) this.givenEnd = asked.head;
  }

  /** Everything that was given is back: what is over hears so, and the rest is asked again. */
  private again(): void {
    const { asked } = this;
    this.rounds++;
    if (this.isCertain) this.mayBeEnd = asked.head;
    this.sweep(this.options.place.nowMs());
    this.failedAt = undefined;
    this.isCertain = false;
    this.givenEnd = asked.head;
    if (this.isGone) {
      if (this.options.holder !== undefined) return this.endHeld(this.options.holder);
      this.isGone = false;
      // What an earlier copy may have done is not known, and never will be.
      this.endThrough(this.mayBeEnd, Outcome.unknown);
      this.leaveSession(0);
    } else this.renumber();
    this.give();
  }

  /** The cluster has forgotten the session that is held. */
  private endHeld(holder: Holder): void {
    this.isEnded = true;
    this.endThrough(this.asked.end, Outcome.sessionGone);
    holder.gone();
  }

  /** What is certainly not executed gets its number anew; in a new session, if this one is not to be used. */
  private renumber(): void {
    const { asked, mayBeEnd } = this;
    if (this.isSpoilt && asked.head >= mayBeEnd) this.leaveSession(this.session);
    else this.numbering.unbind(Math.max(asked.head, mayBeEnd));
  }

  /** What is past its deadline is not asked again. */
  private sweep(nowMs: number): void {
    const { asked, numbering, mayBeEnd } = this;
    for (const { position, requester, first, count, retained } of asked.takeOut(
      ({ deadlineMs }) => deadlineMs <= nowMs,
    )) {
      const mayBe = position < mayBeEnd;
      if (mayBe && position < numbering.boundEnd) this.isSpoilt = true;
      this.retained.letGo(retained);
      this.tell(requester, first, count, mayBe ? Outcome.unknown : Outcome.notExecuted);
    }
    numbering.passed(asked.head);
    this.givenEnd = Math.max(this.givenEnd, asked.head);
  }

  /** The requests before `position` have this outcome. */
  private endThrough(position: number, outcome: Outcome): void {
    while (this.asked.oldest !== undefined && this.asked.head < position) {
      this.deliver(this.asked.oldest.count, outcome, NO_RESULTS, 0, 0, false);
    }
  }

  private leaveSession(replaced: number): void {
    this.isSpoilt = false;
    this.replaced = replaced;
    this.numbering.begin(0, this.asked.head);
  }

  /** Gives what is held, as far as there is room. */
  private give(): void {
    if (this.isEnded || this.failedAt !== undefined) return;
    if (this.session === 0) return this.open();
    const { asked, options } = this;
    for (const each of asked.from(this.givenEnd)) {
      const { position, count, retained, deadlineMs } = each;
      const { block, end } = retained;
      if (!options.place.give(this, position, count, block.bytes, startOf(each), end, deadlineMs)) {
        this.isRefused = true;
        break;
      }
      this.givenEnd = position + count;
      this.outstanding += count;
    }
    this.wake();
  }

  private wake(): void {
    if (this.stalled.size === 0) return;
    const hasRoom = this.isFlowing ? !this.isRefused : this.asked.bytes <= this.options.heldBytesMax / 2;
    if (hasRoom) wakeAll(this.stalled);
  }

  private open(): void {
    if (this.opener !== undefined || this.isIdle) return;
    const { place } = this.options;
    const opener = new Opener(this.asked.end, (outcome, session) => this.openedAs(opener, outcome, session));
    this.opener = opener;
    if (place.open(opener, this.replaced, this.asked.deadlineMs)) return;
    this.opener = undefined;
    this.rounds = ROUNDS_AT_ONCE + 1;
  }

  private openedAs(opener: Opener, outcome: Outcome, session: number): void {
    if (this.opener !== opener) return;
    this.opener = undefined;
    if (this.isEnded) return;
    const { holder } = this.options;
    if (outcome === Outcome.done) {
      this.replaced = 0;
      this.mayBeEnd = this.asked.head;
      this.numbering.begin(session, this.asked.head);
      this.givenEnd = this.asked.head;
      holder?.opened(session);
      this.give();
      return;
    }
    this.rounds++;
    if (outcome !== Outcome.notExecuted || holder !== undefined) return;
    // No place was found for it in all the time that there is for that, nor would have been for these.
    this.endThrough(opener.askedEnd, Outcome.notExecuted);
  }
}

/** Whether the command has been executed, or passed over for good, under its number. */
function isAnswer(outcome: Outcome): boolean {
  return outcome === Outcome.done || outcome === Outcome.skipped || outcome === Outcome.answeredBefore;
}
