/**
 * Where what is asked of this replica goes: a slot here while it leads, the leader elsewhere while it
 * follows, and a bounded wait while there is neither.
 *
 * 1. A requester's commands are executed, and answered, in the order asked: nothing is placed while something
 *    is still open at another place.
 * 2. Everything that was taken gets an outcome: from its slot, from the leader it was sent to, or when its
 *    time is over.
 */
import type { ReplicaCore } from '../paxos/replica.js';
import type { Runtime } from '../runtime.js';
import { digestOf } from '../storage/crc64.js';
import { BatchKind, type Slot } from '../types.js';
import { writeBatchHeader } from './batch.js';
import type { Executor } from './executor.js';
import { FORMER_MS_MAX, type Forwarder } from './forwarder.js';
import type { Tuning } from './options.js';
import { Queries } from './queries.js';
import type { ReplicatedClock } from './replicated-clock.js';
import { checkRequests } from './requests.js';
import { Outcome, type Requester } from './service.js';
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
}

/** Who decides slots: the core, as far as placing needs it. */
export type Deciding = Pick<
  ReplicaCore,
  'ballot' | 'canPropose' | 'leader' | 'proposer' | 'propose' | 'read' | 'role'
>;

export class Placing {
  readonly submissions: Submissions;
  readonly queries: Queries;
  private readonly parts: PlacingParts;
  private readonly unplaced: Unplaced;
  private proposals = 0;
  /** The core took no batch although its window has room: its log has none, and only that changes it. */
  private refused = false;
  private lastProposedMs = 0;
  /** It has led since it last looked for what was asked of the leader only. */
  private hasLed = false;
  private lastSlotAtTick: Slot = 0;
  /** Since when another leads while proposals of this replica are open, by the monotonic clock. */
  private formerSinceMs: number | undefined;

  constructor(parts: PlacingParts) {
    this.parts = parts;
    const { tuning, batchBytesMax } = parts;
    this.submissions = new Submissions({ ...tuning, batchBytesMax });
    this.queries = new Queries(parts.executor);
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
    this.queries.add(requester, first, count, bytes, start, end);
    return true;
  }

  abandon(requester: Requester): void {
    this.submissions.abandon(requester);
    this.parts.executor.abandon(requester);
    this.queries.abandon(requester);
    this.parts.forwarder.abandon(requester);
  }

  /** Gives what waits a place, as far as there is one. */
  place(core: Deciding): void {
    const { forwarder, executor, runtime, tuning } = this.parts;
    this.refused = false;
    if (core.role === 'leader') {
      this.hasLed = true;
      if (!forwarder.settle()) return;
      this.queries.ask(runtime.monotonicMs() + tuning.requestTimeoutMs, (readId) => core.read(readId));
      while (this.canPropose(core)) {
        const submission = this.submissions.take();
        if (submission === undefined) return;
        withdraw(submission, hasGivenUp);
        if (submission.count === 0) continue;
        if (this.propose(core, submission)) continue;
        this.submissions.putBack(submission);
        this.refused = true;
        return;
      }
    } else if (executor.pendingSlots === 0) {
      if (this.hasLed) this.refuseLeaderOnly();
      if (core.leader !== 0) forwarder.forward(this.submissions, this.queries);
    }
  }

  /** True if a batch could have a slot now: the leader knows what to stamp it with, and has room. */
  canPropose(core: Deciding): boolean {
    return this.parts.clock.isKnown && core.canPropose && !this.refused;
  }

  /** Answers the queries that can be, in the time as it is now. */
  serve(): void {
    const { clock, executor } = this.parts;
    clock.atLeast(executor.timeMs);
    this.queries.serve(clock.isKnown ? clock.now() : executor.timeMs);
  }

  /** Whether another turn would place more of what waits, without anything else having changed. */
  canGoOn(core: Deciding): boolean {
    // What another replica still owes an answer for is waited for, not asked for again and again.
    return this.canPropose(core) && !this.submissions.isEmpty && this.parts.forwarder.isSettled;
  }

  /** Tells whoever was refused that there is room again. */
  wakeStalled(): void {
    this.submissions.wakeStalled();
    this.queries.wakeStalled();
  }

  /** Those whose time is over hear so. */
  tick(core: Deciding, nowMs: number): void {
    this.parts.executor.expire(nowMs);
    this.queries.expire(nowMs);
    this.tickFormer(core, nowMs);
    this.tickUnplaced(core, nowMs);
  }

  /** Nothing is going to be placed any more, nor to come of what was. */
  end(): void {
    // In the order asked: what was proposed or sent elsewhere comes before what still waits.
    this.parts.executor.expire(Number.POSITIVE_INFINITY);
    this.parts.forwarder.close();
    this.queries.end();
    this.unplaced.fail();
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
    if (nowMs - this.formerSinceMs >= FORMER_MS_MAX) executor.expire(Number.POSITIVE_INFINITY);
  }

  /** Those who find no place hear so in time: they wait for a leader, or for one that takes something. */
  private tickUnplaced(core: Deciding, nowMs: number): void {
    const { executor, forwarder, tuning } = this.parts;
    const leads = core.role === 'leader';
    const { lastSlot } = core.proposer;
    const moves = lastSlot > this.lastSlotAtTick;
    this.lastSlotAtTick = lastSlot;
    if (leads ? this.canPropose(core) || moves : forwarder.isReady) return this.unplaced.placeable();
    // Requesters hear in the order asked: first comes what has been proposed here, or sent elsewhere.
    if (executor.pendingSlots > 0 || !forwarder.settle()) return;
    this.unplaced.unplaceable(nowMs, leads ? tuning.requestTimeoutMs : tuning.leaderWaitMs);
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
    const { executor, runtime, tuning, clock } = this.parts;
    const { bytes, count, runs } = submission;
    clock.atLeast(executor.timeMs);
    this.lastProposedMs = Math.max(clock.now(), this.lastProposedMs);
    this.proposals++;
    const { ballot } = core;
    writeBatchHeader(bytes, { count, timeMs: this.lastProposedMs, ballot, sequence: this.proposals });
    const digest = digestOf(bytes, 0, bytes.length);
    const slot = core.propose({ kind: BatchKind.commands, digest, bytes });
    if (slot === 0) return false;
    executor.expect(slot, digest, runs, runtime.monotonicMs() + tuning.requestTimeoutMs);
    return true;
  }
}

function hasGivenUp(requester: Requester): boolean {
  return requester.hasGivenUp === true;
}

function isLeaderOnly(requester: Requester): boolean {
  return requester.isLeaderOnly === true;
}
