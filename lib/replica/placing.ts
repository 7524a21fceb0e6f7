/**
 * Where what is asked of this replica goes: a slot here while it leads, the leader elsewhere while it
 * follows, and a bounded wait while there is neither.
 *
 * 1. A requester's commands are executed, and answered, in the order asked: nothing is placed while something
 *    is still open at another place.
 * 2. Everything that was taken gets an outcome: from its slot, from the leader it was sent to, or when its
 *    time is over.
 * 3. A request has one deadline, from when it was asked, whatever it waits for. Past it, it gets no place any
 *    more, also when this replica was stopped meanwhile: it is *not executed*, or *unknown* if it has one.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { TIME_MS_MAX } from '../limits.js';
import type { ReplicaCore } from '../paxos/replica.js';
import type { Runtime } from '../runtime.js';
import { digestOf } from '../storage/crc64.js';
import { BatchKind, type Slot } from '../types.js';
import { BATCH_VERSION, type BatchStamp, SESSIONS_VERSION, writeBatchHeader } from './batch.js';
import { type Executor, haltedError } from './executor.js';
import { FORMER_MS_MAX, type Forwarder } from './forwarder.js';
import { type Grows, refuseGrowth } from './growth.js';
import { LocalReads } from './local-reads.js';
import type { Meters } from './meters.js';
import { sessionBoundsOf, type Tuning } from './options.js';
import { Queries } from './queries.js';
import type { ReplicatedClock } from './replicated-clock.js';
import { checkRequests } from './requests.js';
import type { RequestRun } from './runs.js';
import { Outcome, type Requester } from './service.js';
import { Lines } from './sessions/lines.js';
import { sessionBytesMax, writeSessionRuns } from './sessions/session-runs.js';
import type { SessionBounds, SessionTerms } from './sessions/session-terms.js';
import { type Skip, writeSkipRecord } from './skip-record.js';
import { type Submission, Submissions } from './submissions.js';
import { Unplaced } from './unplaced.js';
import { withdraw } from './withdrawal.js';

export interface PlacingParts {
  readonly executor: Executor;
  readonly forwarder: Forwarder;
  readonly tuning: Tuning;
  /** The largest batch that the log takes. */
  readonly batchBytesMax: number;
  readonly runtime: Runtime;
  /** What batches are stamped with. */
  readonly clock: ReplicatedClock;
  readonly meters?: Meters;
  readonly grows: Grows;
}

/** Who decides slots: the core, as far as placing needs it. */
export type Deciding = Pick<
  ReplicaCore,
  'ballot' | 'canPropose' | 'leader' | 'proposer' | 'propose' | 'read' | 'role' | 'room'
>;

/** Milliseconds from one look at what is past its deadline to the next, which goes through all that waits. */
const LOOK_MS = 50;

/** How long a follower’s query may wait for what its leader has learned, before it is sent there. */
const LAG_MS_MAX = 100;

export class Placing {
  readonly submissions: Submissions;
  readonly queries: Queries;
  readonly localReads: LocalReads;
  /** What is asked here, and of no leader elsewhere. */
  readonly lines: Lines;
  private readonly parts: PlacingParts;
  private readonly bounds: SessionBounds;
  private readonly unplaced: Unplaced;
  private proposals = 0;
  /** The core took no batch although its window has room: its log has none, and only that changes it. */
  private refused = false;
  /** Disks are short of room, as of the last tick: what grows the state is refused. */
  private isReserve = false;
  private lastProposedMs = 0;
  /** What was sent elsewhere is past its deadline, has no answer yet, and comes before what waits here. */
  private isHeldUp = false;
  private lookedMs: number = Number.NEGATIVE_INFINITY;
  /** It has led since it last looked for what was asked of the leader only. */
  private hasLed = false;
  /** What is read here has to have applied this: it lags, and others do not. */
  private readsElsewhereThrough: Slot = 0;
  /** Since when another leads while proposals of this replica are open, by the monotonic clock. */
  private formerSinceMs: number | undefined;

  constructor(parts: PlacingParts) {
    this.parts = parts;
    const { tuning, batchBytesMax } = parts;
    this.submissions = new Submissions({ ...tuning, batchBytesMax });
    this.bounds = sessionBoundsOf(tuning);
    const { runtime, executor } = parts;
    const failed = (outcome: Outcome, count: number): void => executor.outcomes.count(outcome, count);
    this.lines = new Lines({ submissions: this.submissions, tuning, runtime, failed });
    this.queries = new Queries(parts.executor);
    const { requestTimeoutMs, waitingBytesMax } = tuning;
    const { queries } = this;
    const nowMs = (): number => runtime.monotonicMs();
    this.localReads = new LocalReads({ executor, queries, nowMs, requestTimeoutMs, waitingBytesMax });
    this.unplaced = new Unplaced(parts.executor.outcomes, this.submissions, this.queries);
  }

  /** As Service.query. */
  query(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const { commandBytesMax, waitingBytesMax } = this.parts.tuning;
    checkRequests(bytes, start, end, count, commandBytesMax);
    if (!this.queries.hasRoom(requester, end - start, waitingBytesMax)) return false;
    this.queries.add(requester, first, count, bytes, start, end, this.deadlineOf(requester));
    return true;
  }

  /** As Service.submit: within the session of this replica. */
  submit(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const deadlineMs = this.deadlineOf(requester);
    return this.lines.own.submit(requester, first, count, bytes, start, end, deadlineMs);
  }

  /** The same for who asks the leader, within a session of its own or within none. */
  submitFor(
    requester: Requester,
    first: number,
    count: number,
    body: Uint8Array,
    terms: SessionTerms | undefined,
  ): boolean {
    const deadlineMs = this.deadlineOf(requester);
    return this.submissions.add(requester, first, count, body, 0, body.length, deadlineMs, terms);
  }

  abandon(requester: Requester): void {
    this.lines.own.abandon(requester);
    this.submissions.abandon(requester);
    this.parts.executor.abandon(requester);
    this.queries.abandon(requester);
    this.parts.forwarder.abandon(requester);
  }

  /** Gives what waits a place, as far as there is one; queries that another leader confirms, here too. */
  place(core: Deciding, answersHere: boolean = true): void {
    const { forwarder, executor } = this.parts;
    this.refused = false;
    this.lines.turn();
    if (!this.dropOverdue()) return;
    if (core.role === 'leader') {
      this.hasLed = true;
      if (!forwarder.settle()) return;
      this.askToRead(core);
      if (this.isReserve && !refuseGrowth(this.submissions, this.lines, executor, this.parts.grows)) {
        this.refused = true;
        return;
      }
      while (this.canPropose(core)) {
        const submission = this.takeInTime();
        if (submission === undefined) return;
        if (this.propose(core, submission)) continue;
        this.submissions.putBack(submission);
        this.refused = true;
        return;
      }
      return;
    }
    if (answersHere && this.mayReadHere) this.askToRead(core);
    if (executor.pendingSlots === 0) {
      if (this.hasLed) this.refuseLeaderOnly();
      forwarder.forward(this.submissions, this.queries);
    }
  }

  /**
   * While the state machine is halted nothing has a place here: what waits at the leader hears so. What a
   * follower was asked before goes to the leader, which says the same.
   */
  refuse(core: Deciding): void {
    // The state may be half way through a command: no query is answered from it.
    this.queries.end();
    if (this.parts.executor.halt !== undefined) this.localReads.refuse(haltedError(this.parts.executor.halt));
    if (core.role !== 'leader') return this.place(core, false);
    this.hasLed = true;
    // In the order asked: what was sent elsewhere, and what was proposed, comes before what still waits.
    if (!this.parts.forwarder.settle()) return;
    this.parts.executor.giveUpAll();
    this.unplaced.fail();
    this.lines.giveUp();
  }

  /** Proposes that a command be skipped. @returns the slot of that record, or 0 if it has no place now */
  proposeSkip(core: Deciding, skip: Skip): Slot {
    if (!this.parts.clock.isKnown || !core.canPropose) return 0;
    const bytes = writeSkipRecord({ ...skip, ...this.stamp(core) });
    return core.propose({ kind: BatchKind.commands, digest: digestOf(bytes, 0, bytes.length), bytes });
  }

  /** True if a batch could have a slot now: the leader knows what to stamp it with, and has room. */
  canPropose(core: Deciding): boolean {
    return this.parts.clock.isKnown && core.canPropose && !this.refused;
  }

  /** Answers the queries that can be, in the time as it is now. */
  serve(): void {
    const { clock, executor } = this.parts;
    clock.atLeast(executor.timeMs);
    const timeMs = clock.isKnown ? clock.now() : executor.timeMs;
    this.queries.serve(timeMs);
    this.localReads.serve(timeMs);
  }

  /** Whether another turn would place more of what waits, without anything else having changed. */
  canGoOn(core: Deciding): boolean {
    // What another replica still owes an answer for is waited for, not asked for again and again.
    if (this.isHeldUp || !this.parts.forwarder.isSettled) return false;
    if (this.lines.wantsTurn) return true;
    return this.canPropose(core) && !this.submissions.isEmpty;
  }

  /** Tells whoever was refused that there is room again. */
  wakeStalled(): void {
    this.submissions.wakeStalled();
    this.queries.wakeStalled();
  }

  /** Those whose time is over hear so. */
  tick(core: Deciding, nowMs: number): void {
    this.parts.forwarder.tick(nowMs);
    this.lines.tick(nowMs);
    this.isReserve = core.role === 'leader' && core.room.isReserve;
    this.dropOverdue();
    this.localReads.expire(nowMs);
    this.tickFormer(core, nowMs);
    this.tickReads(core, nowMs);
    this.tickUnplaced(core, nowMs);
  }

  /** Nothing is going to be placed any more, nor to come of what was. */
  end(): void {
    // In the order asked: what was proposed or sent elsewhere comes before what still waits.
    this.parts.executor.giveUpAll();
    this.parts.forwarder.close();
    this.queries.end();
    this.localReads.refuse(new IndelibleError(ErrorCode.stopped, 'the replica has stopped'));
    this.unplaced.fail();
    this.lines.stop();
    // Who waits for room hears that there will be none: it asks, and is refused.
    this.submissions.end();
    this.queries.close();
  }

  /** What a former leader proposed, and its follower never saw, no slot will tell the outcome of for long. */
  private tickFormer(core: Deciding, nowMs: number): void {
    const { executor } = this.parts;
    if (core.role === 'leader' || core.leader === 0 || executor.pendingSlots === 0) {
      this.formerSinceMs = undefined;
      return;
    }
    this.formerSinceMs ??= nowMs;
    if (nowMs - this.formerSinceMs >= FORMER_MS_MAX) executor.giveUpAll();
  }

  /** One that lags has its queries answered by the leader meanwhile. */
  private tickReads(core: Deciding, nowMs: number): void {
    const { waitsFor } = this.queries;
    if (core.role === 'leader' || waitsFor === undefined || nowMs - waitsFor.sinceMs < LAG_MS_MAX) return;
    this.readsElsewhereThrough = waitsFor.slot;
    this.queries.lost(Number.POSITIVE_INFINITY);
  }

  /** Not while others owe answers to queries that were asked before. */
  private get mayReadHere(): boolean {
    const { executor, forwarder } = this.parts;
    return executor.appliedThrough >= this.readsElsewhereThrough && !forwarder.owesQueries;
  }

  private askToRead(core: Deciding): void {
    this.queries.ask((readId) => core.read(readId), this.parts.runtime.monotonicMs());
  }

  /** Those who find no leader hear so in time. */
  private tickUnplaced(core: Deciding, nowMs: number): void {
    const { executor, forwarder, tuning } = this.parts;
    if (core.role === 'leader' || forwarder.isReady) return this.unplaced.placeable();
    // Requesters hear in the order asked: first comes what has been proposed here, or sent elsewhere.
    if (executor.pendingSlots > 0 || !forwarder.settle()) return;
    this.unplaced.unplaceable(nowMs, tuning.leaderWaitMs);
  }

  /** What is asked now has no place after this moment. */
  private deadlineOf({ deadlineMs }: Requester): number {
    const latestMs = this.parts.runtime.monotonicMs() + this.parts.tuning.requestTimeoutMs;
    return typeof deadlineMs === 'number' && deadlineMs < latestMs ? deadlineMs : latestMs;
  }

  /** The oldest batch without what is given up, or past its deadline since the last look. */
  private takeInTime(): Submission | undefined {
    const { executor, runtime } = this.parts;
    const nowMs = runtime.monotonicMs();
    for (;;) {
      const submission = this.submissions.take();
      if (submission === undefined) return undefined;
      const overdue = withdraw(submission, ({ deadlineMs }) => deadlineMs <= nowMs);
      if (overdue.length > 0) {
        executor.expire(nowMs);
        executor.outcomes.answer(overdue, Outcome.notExecuted);
      }
      withdraw(submission, hasGivenUp);
      if (submission.count > 0) return submission;
    }
  }

  /**
   * Everything that is past its deadline gets its outcome. False: something that waits is, and is not to
   * hear yet, so that nothing may be placed.
   */
  private dropOverdue(): boolean {
    const { executor, forwarder, runtime } = this.parts;
    const nowMs = runtime.monotonicMs();
    if (nowMs - this.lookedMs < LOOK_MS) return !this.isHeldUp;
    this.isHeldUp = false;
    executor.expire(nowMs);
    if (!this.submissions.hasOverdue(nowMs) && !this.queries.hasOverdue(nowMs)) return true;
    this.lookedMs = nowMs;
    // Requesters hear in the order asked: what was sent elsewhere, and has no answer either, comes first.
    const isOwed = forwarder.isOverdue(nowMs) && !forwarder.settle();
    this.queries.expire(nowMs, !isOwed);
    this.isHeldUp = isOwed && this.submissions.hasOverdue(nowMs);
    if (!isOwed && this.submissions.hasOverdue(nowMs)) {
      executor.outcomes.answer(this.submissions.takePastDeadline(nowMs), Outcome.notExecuted);
    }
    return !this.isHeldUp;
  }

  /** What was asked of this replica as the leader, which it is no longer, is not executed. */
  private refuseLeaderOnly(): void {
    this.hasLed = false;
    const { submissions } = this;
    const kept: Submission[] = [];
    for (let each = submissions.take(); each !== undefined; each = submissions.take()) {
      this.parts.executor.outcomes.answer(withdraw(each, isLeaderOnly), Outcome.notExecuted);
      if (each.count > 0) kept.push(each);
    }
    for (const each of kept.reverse()) submissions.putBack(each);
  }

  private propose(core: Deciding, submission: Submission): boolean {
    const { executor, meters } = this.parts;
    const { count, runs } = submission;
    const { bytes, version } = this.batchOf(submission);
    writeBatchHeader(bytes, { count, ...this.stamp(core) }, version);
    const digest = digestOf(bytes, 0, bytes.length);
    const slot = core.propose({ kind: BatchKind.commands, digest, bytes });
    if (slot === 0) return false;
    meters?.proposed(count, bytes.length);
    executor.expect(slot, digest, runs, meters?.nowMs());
    return true;
  }

  /** The bytes of a batch whose runs get their place now. */
  private batchOf({ bytes, end, runs }: Submission): { readonly bytes: Buffer; readonly version: number } {
    const room = Buffer.from(bytes.buffer, bytes.byteOffset, end + sessionBytesMax(runs.length));
    const batchEnd = writeSessionRuns(room, end, runs, this.bounds);
    const version = batchEnd === end ? BATCH_VERSION : SESSIONS_VERSION;
    return { bytes: room.subarray(0, batchEnd), version };
  }

  /** What the next batch is stamped with. */
  private stamp({ ballot }: Deciding): BatchStamp {
    const { executor, clock } = this.parts;
    clock.atLeast(executor.timeMs);
    this.lastProposedMs = Math.min(TIME_MS_MAX, Math.max(clock.now(), this.lastProposedMs));
    this.proposals++;
    return { timeMs: this.lastProposedMs, ballot, sequence: this.proposals };
  }
}

function hasGivenUp({ requester }: RequestRun): boolean {
  return requester.hasGivenUp === true;
}

function isLeaderOnly({ requester }: RequestRun): boolean {
  return requester.isLeaderOnly === true;
}
