/**
 * Linearizable reads, at the leader and at who follows one: all queries of a turn wait together for one
 * confirmation of the lead (paxos/read.ts, paxos/followed-reads.ts), and are then answered from the state
 * here, once that has applied the slot it names.
 *
 * 1. A query is answered by a state no older than the moment it was asked.
 * 2. Queries of one requester are answered in the order asked.
 * 3. A query has one deadline, from when it was asked, and is not executed once that has passed.
 * 4. A query at which the state machine throws has failed, and no other.
 * 5. A requester that is full is not given more than it has: its answers wait, those of others do not. They
 *    are then of a later state, which does for 1.
 * 6. Queries that nobody confirms any more are asked again, in front of all that was asked since. But those
 *    of who asks the leader only are refused.
 */
import type { Slot } from '../types.js';
import { COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import { copied } from './copied.js';
import { RESULTS_BYTES_MAX, ResultBuffer } from './cursor.js';
import { DeadlineWatch } from './deadlines.js';
import type { Executor } from './executor.js';
import { isFull, tell, wakeAll } from './outcomes.js';
import { abandonRuns, type RequestRun } from './runs.js';
import { Outcome, type Requester } from './service.js';

interface Ask extends RequestRun {
  readonly body: Uint8Array;
  /** How many of its queries are answered, and where in the body the others begin. */
  answered: number;
  at: number;
  /** Since when it is known to wait for a place, ms since 1970; undefined while there is one for it. */
  waitsSinceMs: number | undefined;
}

/** Who is told when the state holds what was answered before; undefined: nobody has said so in time. */
interface Barrier {
  readonly deadlineMs: number;
  readonly told: (slot: Slot | undefined) => void;
}

interface Group {
  readonly readId: number;
  readonly askedMs: number;
  asks: Ask[];
  barriers: Barrier[];
  /** The slot that must be applied; undefined until the lead is confirmed. */
  slot: Slot | undefined;
}

export class Queries {
  /** Queries that were answered, since open. */
  answered = 0;
  private readonly executor: Executor;
  private readonly results = new ResultBuffer();
  private groups: Group[] = [];
  private gathering: Ask[] = [];
  private gatheringBarriers: Barrier[] = [];
  private fresh: number = Number.NEGATIVE_INFINITY;
  /** May be served now, oldest first; their requesters are full. */
  private held: Ask[] = [];
  private lastReadId = 0;
  private readonly stalled = new Set<Requester>();
  private waitingBytes = 0;
  private readonly deadlines = new DeadlineWatch();

  constructor(executor: Executor) {
    this.executor = executor;
  }

  /**
   * The state here holds everything that was answered, by whatever replica, before this moment of the
   * monotonic clock: when the newest question was asked whose answer is applied.
   */
  get freshMs(): number {
    return this.fresh;
  }

  /** What is not answered yet. */
  get bytes(): number {
    return this.waitingBytes;
  }

  /** False, and `drain` will follow, when so much waits that `moreBytes` would pass `bytesMax`. */
  hasRoom(requester: Requester, moreBytes: number, bytesMax: number): boolean {
    if (this.waitingBytes === 0 || this.waitingBytes + moreBytes <= bytesMax) return true;
    this.stalled.add(requester);
    return false;
  }

  /** Tells whoever was refused that there is room again. */
  wakeStalled(): void {
    if (this.stalled.size > 0 && this.waitingBytes === 0) wakeAll(this.stalled);
  }

  abandon(requester: Requester): void {
    this.stalled.delete(requester);
    abandonRuns(this.gathering, requester);
    abandonRuns(this.held, requester);
    for (const { asks } of this.groups) abandonRuns(asks, requester);
  }

  add(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: number = Number.POSITIVE_INFINITY,
  ): void {
    this.deadlines.add(deadlineMs);
    this.gathering.push({
      requester,
      first,
      count,
      deadlineMs,
      body: copied(bytes, start, end),
      answered: 0,
      at: 0,
      waitsSinceMs: undefined,
    });
    this.waitingBytes += end - start;
  }

  /** Tells when the state here holds all that was answered before this call; asked for with the queries. */
  askBarrier(deadlineMs: number, told: (slot: Slot | undefined) => void): void {
    this.deadlines.add(deadlineMs);
    this.gatheringBarriers.push({ deadlineMs, told });
  }

  /**
   * Asks for what was gathered this turn, all at once. `read` is the core's. False: it can ask nobody.
   */
  ask(read: (readId: number) => boolean, nowMs: number): boolean {
    if (this.gathering.length === 0 && this.gatheringBarriers.length === 0) return true;
    const readId = this.lastReadId + 1;
    const { gathering: asks, gatheringBarriers: barriers } = this;
    this.groups.push({ readId, askedMs: nowMs, asks, barriers, slot: undefined });
    if (!read(readId)) {
      this.groups.pop();
      return false;
    }
    this.lastReadId = readId;
    this.gathering = [];
    this.gatheringBarriers = [];
    return true;
  }

  /** Takes what was gathered and cannot be asked here; in front of it, what was asked and has no answer. */
  takeGathered(): readonly (RequestRun & { readonly body: Uint8Array })[] {
    if (this.gathering.length === 0) return [];
    this.lost(Number.POSITIVE_INFINITY);
    const asks = this.gathering;
    this.gathering = [];
    this.refuseHeldOf(asks);
    for (const ask of asks) this.waitingBytes -= ask.body.length;
    return asks;
  }

  /** Nobody can be asked: what was gathered waits since `nowMs`, unless it has waited for longer. */
  beginWait(nowMs: number): void {
    for (const ask of this.gathering) ask.waitsSinceMs ??= nowMs;
  }

  /** Somebody can be asked: whoever still waits begins anew if there should be nobody again. */
  endWait(): void {
    for (const ask of this.gathering) ask.waitsSinceMs = undefined;
  }

  /** The oldest of what was gathered if it waits since `sinceMs` or longer: it is taken out. */
  takeOverdue(sinceMs: number): readonly RequestRun[] | undefined {
    const since = this.gathering[0]?.waitsSinceMs;
    if (since === undefined || since > sinceMs) return undefined;
    const overdue = this.gathering.shift()!;
    this.refuseHeldOf([overdue]);
    this.waitingBytes -= overdue.body.length;
    return [overdue];
  }

  /** The lead was confirmed for `readId`: it may be served once `slot` is applied. */
  ready(readId: number, slot: Slot): void {
    const group = this.groups.find((candidate) => candidate.readId === readId);
    if (group !== undefined) group.slot = slot;
  }

  /** Reads through `readId` will never be confirmed: they are asked again, but for who asks this replica. */
  lost(throughReadId: number): void {
    const again: Ask[] = [];
    const refused: Ask[] = [];
    while (this.groups.length > 0 && this.groups[0]!.readId <= throughReadId) {
      const { asks, barriers } = this.groups.shift()!;
      this.gatheringBarriers.push(...barriers);
      for (const ask of asks) (ask.requester.isLeaderOnly === true ? refused : again).push(ask);
    }
    if (again.length > 0) this.gathering = [...again, ...this.gathering];
    this.refuse(refused);
  }

  /** Since when the oldest query waits for a slot that is known, and which; undefined if none does. */
  get waitsFor(): { readonly slot: Slot; readonly sinceMs: number } | undefined {
    const oldest = this.groups[0];
    return oldest?.slot === undefined ? undefined : { slot: oldest.slot, sinceMs: oldest.askedMs };
  }

  /** Whether anything waits to be asked. */
  get hasGathered(): boolean {
    return this.gathering.length > 0;
  }

  /** Whether any query may be past its deadline. */
  hasOverdue(nowMs: number): boolean {
    return this.deadlines.isDue(nowMs);
  }

  /** Queries that are past their deadline are given up, in the order asked; `gathered` too, or not yet. */
  expire(nowMs: number, gathered: boolean): void {
    if (!this.deadlines.isDue(nowMs)) return;
    this.deadlines.begin();
    const overdue: Ask[] = [];
    const keep = (asks: Ask[], may: boolean): Ask[] =>
      asks.filter((ask) => {
        const stays = ask.deadlineMs > nowMs || !may;
        if (stays) this.deadlines.add(ask.deadlineMs);
        else overdue.push(ask);
        return stays;
      });
    const late: Barrier[] = [];
    const stays = (barrier: Barrier): boolean => {
      if (barrier.deadlineMs > nowMs) this.deadlines.add(barrier.deadlineMs);
      else late.push(barrier);
      return barrier.deadlineMs > nowMs;
    };
    for (const group of this.groups) {
      group.asks = keep(group.asks, true);
      group.barriers = group.barriers.filter(stays);
    }
    this.gatheringBarriers = this.gatheringBarriers.filter(stays);
    this.gathering = keep(this.gathering, gathered);
    this.refuseHeldOf(overdue);
    for (const ask of overdue) this.waitingBytes -= ask.body.length;
    this.executor.outcomes.answer(overdue, Outcome.notExecuted);
    for (const { told } of late) told(undefined);
  }

  /** Nothing more is asked: whoever was refused for lack of room finds out. */
  close(): void {
    wakeAll(this.stalled);
  }

  /** Gives up everything that was asked. */
  end(): void {
    for (const ask of this.held) this.refuseRest(ask);
    this.held = [];
    const { groups, gatheringBarriers } = this;
    this.groups = [];
    this.gatheringBarriers = [];
    for (const { asks } of groups) this.refuse(asks);
    for (const { barriers } of groups) gatheringBarriers.unshift(...barriers);
    for (const { told } of gatheringBarriers) told(undefined);
  }

  /** Answers every group whose slot is applied, oldest first. */
  serve(nowMs: number): void {
    if (this.held.length > 0) this.answerAll(this.held, nowMs);
    while (this.groups.length > 0) {
      const { slot, asks, barriers, askedMs } = this.groups[0]!;
      const { appliedThrough } = this.executor;
      if (slot === undefined || slot > appliedThrough) return;
      this.groups.shift();
      if (askedMs > this.fresh) this.fresh = askedMs;
      for (const { told } of barriers) told(appliedThrough);
      this.answerAll(this.held.length === 0 ? asks : [...this.held, ...asks], nowMs);
    }
  }

  private answerAll(asks: readonly Ask[], nowMs: number): void {
    let full: Set<Requester> | undefined;
    const held: Ask[] = [];
    this.executor.outcomes.begin(asks);
    for (const ask of asks) {
      if (full?.has(ask.requester) !== true && this.answerAsk(ask, nowMs)) {
        this.waitingBytes -= ask.body.length;
      } else {
        full ??= new Set();
        full.add(ask.requester);
        held.push(ask);
      }
    }
    this.executor.outcomes.end();
    this.held = held;
  }

  /** Answers as much as the requester takes. False: not all. */
  private answerAsk(ask: Ask, nowMs: number): boolean {
    const { body, count } = ask;
    const { results } = this;
    let gathered = 0;
    results.clear();
    while (ask.answered + gathered < count) {
      if (gathered === 0 && isFull(ask.requester)) return false;
      const start = ask.at + COMMAND_HEADER_BYTES;
      ask.at = start + commandLength(body, ask.at, body.length);
      const outcome = this.outcomeOf(body, start, ask.at, nowMs);
      const isAnswered = outcome === Outcome.done;
      if (isAnswered) gathered++;
      const isLast = ask.answered + gathered === count;
      if (gathered > 0 && (!isAnswered || isLast || results.end >= RESULTS_BYTES_MAX)) {
        this.give(ask, gathered);
        gathered = 0;
      }
      if (isAnswered) continue;
      ask.answered++;
      tell(ask.requester, ask.first + ask.answered - 1, 1, outcome, results.buffer, 0, 0);
    }
    return true;
  }

  /** Answers one query into the results. One at which the state machine throws fails, and no other. */
  private outcomeOf(body: Uint8Array, start: number, end: number, nowMs: number): Outcome {
    try {
      const isAnswered = this.executor.query(body, start, end, nowMs, this.results);
      return isAnswered ? Outcome.done : Outcome.declined;
    } catch {
      return Outcome.failed;
    }
  }

  private give(ask: Ask, count: number): void {
    const { results } = this;
    const first = ask.first + ask.answered;
    ask.answered += count;
    this.answered += count;
    tell(ask.requester, first, count, Outcome.done, results.buffer, 0, results.end);
    results.clear();
  }

  /** What comes before `asks` and is held is refused, so that they can be answered elsewhere, or refused. */
  private refuseHeldOf(asks: readonly Ask[]): void {
    if (this.held.length === 0 || asks.length === 0) return;
    const requesters = new Set(asks.map(({ requester }) => requester));
    const refused = this.held.filter(({ requester }) => requesters.has(requester));
    this.held = this.held.filter(({ requester }) => !requesters.has(requester));
    for (const ask of refused) this.refuseRest(ask);
  }

  /** A query has no effect: one that is not answered was not executed. */
  private refuse(asks: readonly Ask[]): void {
    if (asks.length === 0) return;
    this.refuseHeldOf(asks);
    for (const ask of asks) this.waitingBytes -= ask.body.length;
    this.executor.outcomes.answer(asks, Outcome.notExecuted);
  }

  private refuseRest({ requester, first, count, answered, body, deadlineMs }: Ask): void {
    this.waitingBytes -= body.length;
    const rest = { requester, first: first + answered, count: count - answered, deadlineMs };
    this.executor.outcomes.answer([rest], Outcome.notExecuted);
  }
}
