/**
 * Linearizable reads at the leader: all queries of a turn wait together for one confirmation of the lead
 * (paxos/read.ts), and are then answered from a state that has applied the slot it names.
 *
 * 1. A query is answered by a state no older than the moment it was asked.
 * 2. Queries of one requester are answered in the order asked.
 */
import type { Slot } from '../types.js';
import { COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import { copied } from './copied.js';
import { RESULTS_BYTES_MAX, ResultBuffer } from './cursor.js';
import { answer, type Executor } from './executor.js';
import { Outcome, type Requester } from './service.js';
import { abandonRuns, type RequestRun } from './submissions.js';

interface Ask extends RequestRun {
  readonly body: Uint8Array;
  /** Since when it is known to wait for a place, ms since 1970; undefined while there is one for it. */
  waitsSinceMs: number | undefined;
}

interface Group {
  readonly readId: number;
  readonly asks: Ask[];
  /** The slot that must be applied; undefined until the lead is confirmed. */
  slot: Slot | undefined;
}

export class Queries {
  private readonly executor: Executor;
  private readonly results = new ResultBuffer();
  private groups: Group[] = [];
  private gathering: Ask[] = [];
  private lastReadId = 0;
  private readonly stalled = new Set<Requester>();
  private waitingBytes = 0;

  constructor(executor: Executor) {
    this.executor = executor;
  }

  /** False, and `drain` will follow, when so much waits that `moreBytes` would pass `bytesMax`. */
  hasRoom(requester: Requester, moreBytes: number, bytesMax: number): boolean {
    if (this.waitingBytes === 0 || this.waitingBytes + moreBytes <= bytesMax) return true;
    this.stalled.add(requester);
    return false;
  }

  /** Tells whoever was refused that there is room again. */
  wakeStalled(): void {
    if (this.stalled.size === 0 || this.waitingBytes > 0) return;
    const woken = [...this.stalled];
    this.stalled.clear();
    for (const requester of woken) requester.drain();
  }

  abandon(requester: Requester): void {
    this.stalled.delete(requester);
    abandonRuns(this.gathering, requester);
    for (const { asks } of this.groups) abandonRuns(asks, requester);
  }
  add(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.gathering.push({
      requester,
      first,
      count,
      body: copied(bytes, start, end),
      waitsSinceMs: undefined,
    });
    this.waitingBytes += end - start;
  }

  /** Asks for what was gathered this turn, all at once. `read` is the core's. False: it does not lead. */
  ask(read: (readId: number) => boolean): boolean {
    if (this.gathering.length === 0) return true;
    const readId = this.lastReadId + 1;
    this.groups.push({ readId, asks: this.gathering, slot: undefined });
    if (!read(readId)) {
      this.groups.pop();
      return false;
    }
    this.lastReadId = readId;
    this.gathering = [];
    return true;
  }

  /** Takes what was gathered and cannot be asked here. */
  takeGathered(): readonly (RequestRun & { readonly body: Uint8Array })[] {
    const asks = this.gathering;
    this.gathering = [];
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
    this.waitingBytes -= overdue.body.length;
    return [overdue];
  }

  /** The lead was confirmed for `readId`: it may be served once `slot` is applied. */
  ready(readId: number, slot: Slot): void {
    const group = this.groups.find((candidate) => candidate.readId === readId);
    if (group !== undefined) group.slot = slot;
  }

  /** Reads through `readId` will never be confirmed: a query has no effect, so it was not executed. */
  lost(throughReadId: number): void {
    while (this.groups.length > 0 && this.groups[0]!.readId <= throughReadId) {
      const group = this.groups.shift()!;
      for (const ask of group.asks) this.waitingBytes -= ask.body.length;
      answer(group.asks, Outcome.notExecuted);
    }
  }

  /** Answers every group whose slot is applied, oldest first. */
  serve(nowMs: number): void {
    while (this.groups.length > 0) {
      const { slot, asks } = this.groups[0]!;
      if (slot === undefined || slot > this.executor.appliedThrough) return;
      this.groups.shift();
      for (const ask of asks) {
        this.waitingBytes -= ask.body.length;
        this.answerAsk(ask, nowMs);
      }
    }
  }

  private answerAsk(ask: Ask, nowMs: number): void {
    const { requester, body } = ask;
    const { results } = this;
    results.clear();
    let at = 0;
    let runFirst = ask.first;
    for (let i = 0; i < ask.count; i++) {
      const start = at + COMMAND_HEADER_BYTES;
      at = start + commandLength(body, at, body.length);
      const number = ask.first + i;
      if (this.executor.query(body, start, at, nowMs, results)) {
        if (results.end < RESULTS_BYTES_MAX) continue;
        requester.outcome(runFirst, number + 1 - runFirst, Outcome.done, results.buffer, 0, results.end);
        results.clear();
        runFirst = number + 1;
        continue;
      }
      if (number > runFirst) {
        requester.outcome(runFirst, number - runFirst, Outcome.done, results.buffer, 0, results.end);
        results.clear();
      }
      requester.outcome(number, 1, Outcome.declined, results.buffer, 0, 0);
      runFirst = number + 1;
    }
    const rest = ask.first + ask.count - runFirst;
    if (rest > 0) requester.outcome(runFirst, rest, Outcome.done, results.buffer, 0, results.end);
  }
}
