/**
 * Reads that this replica answers from its own state as soon as that is new enough for them, whoever leads,
 * and barriers: the moment from which on it holds all that was answered before.
 *
 * 1. A read that names a slot is answered by a state that has applied it.
 * 2. A read that bounds staleness is answered by a state that holds all that was answered, to anybody, so
 *    long before the read was asked. That is counted from when this replica asked the leader, not from when
 *    it was told: an answer may take long. One question serves all reads that are content with its age.
 * 3. Each has one deadline. One that passes is told that the state here is too old.
 * 4. Nothing is answered in the midst of a turn: the state machine may be executing what asks.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Slot } from '../types.js';
import { COMMAND_HEADER_BYTES } from './batch.js';
import type { Consistency } from './consistency.js';
import { copied } from './copied.js';
import { ResultBuffer } from './cursor.js';
import { DeadlineWatch } from './deadlines.js';
import type { Executor } from './executor.js';
import { outcomeError } from './outcome-error.js';
import type { Queries } from './queries.js';
import { Outcome } from './service.js';

export interface LocalReadsParts {
  readonly executor: Pick<Executor, 'appliedThrough' | 'query'>;
  readonly queries: Pick<Queries, 'askBarrier' | 'freshMs'>;
  readonly nowMs: () => number;
  readonly requestTimeoutMs: number;
  /** Of the queries that wait. */
  readonly waitingBytesMax: number;
}

interface Waiting {
  readonly query: Uint8Array;
  readonly atLeast: Slot;
  /** The state holds all that was answered before this moment. */
  readonly freshMs: number;
  readonly deadlineMs: number;
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** What one counts for beside its bytes: the objects of its Promise. */
const PLEDGE_BYTES = 256;
const EVER: number = Number.NEGATIVE_INFINITY;

export class LocalReads {
  private readonly parts: LocalReadsParts;
  private readonly results = new ResultBuffer();
  private waiting: Waiting[] = [];
  private waitingBytes = 0;
  private readonly deadlines = new DeadlineWatch();

  constructor(parts: LocalReadsParts) {
    this.parts = parts;
  }

  /** Answers `query` as soon as the state is as new as that; a turn has to follow. The bytes are copied. */
  read(query: Uint8Array, consistency: Exclude<Consistency, 'linearizable'>): Promise<Uint8Array> {
    const { nowMs, requestTimeoutMs, waitingBytesMax } = this.parts;
    const askedMs = nowMs();
    const bytes = PLEDGE_BYTES + query.length;
    if (this.waiting.length > 0 && this.waitingBytes + bytes > waitingBytesMax) {
      const sentence = `not executed: ${this.waitingBytes} bytes of reads already wait; send fewer at a time`;
      return Promise.reject(new IndelibleError(ErrorCode.notExecuted, sentence));
    }
    const isLocal = consistency === 'local';
    const atLeast = !isLocal && 'atLeast' in consistency ? consistency.atLeast : 0;
    const freshMs = !isLocal && 'maxStalenessMs' in consistency ? askedMs - consistency.maxStalenessMs : EVER;
    const deadlineMs = askedMs + requestTimeoutMs;
    this.deadlines.add(deadlineMs);
    this.waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.waiting.push({ query: copied(query), atLeast, freshMs, deadlineMs, resolve, reject });
      // That it is reached is seen by `serve`, and that it is not by the deadline.
      if (freshMs > this.parts.queries.freshMs) this.parts.queries.askBarrier(deadlineMs, () => {});
    });
  }

  /**
   * Resolves when the state here holds all that was answered before this call, with the slot that it has then
   * applied at least; a turn has to follow.
   */
  barrier(): Promise<Slot> {
    const deadlineMs = this.parts.nowMs() + this.parts.requestTimeoutMs;
    return new Promise((resolve, reject) => {
      this.parts.queries.askBarrier(deadlineMs, (slot) => {
        if (slot === undefined) reject(tooOld('no leader has said in time what it must have applied'));
        else resolve(slot);
      });
    });
  }

  /** Answers what the state is new enough for. @param timeMs the time as it is now, for the state machine */
  serve(timeMs: number): void {
    if (this.waiting.length === 0) return;
    const { executor, queries } = this.parts;
    const { appliedThrough } = executor;
    const { freshMs } = queries;
    const ready = this.takeOut((each) => each.atLeast <= appliedThrough && each.freshMs <= freshMs);
    for (const each of ready) this.answer(each, timeMs);
  }

  /** Those whose time is over hear so. */
  expire(nowMs: number): void {
    if (!this.deadlines.isDue(nowMs)) return;
    this.deadlines.begin();
    const { appliedThrough } = this.parts.executor;
    this.refuse(tooOld(`this replica has applied slot ${appliedThrough}`), (each) => {
      if (each.deadlineMs <= nowMs) return true;
      this.deadlines.add(each.deadlineMs);
      return false;
    });
  }

  /** Nothing that waits is answered here. */
  refuse(error: Error, isRefused: (each: Waiting) => boolean = () => true): void {
    for (const each of this.takeOut(isRefused)) each.reject(error);
  }

  private takeOut(isOut: (each: Waiting) => boolean): readonly Waiting[] {
    const out: Waiting[] = [];
    this.waiting = this.waiting.filter((each) => {
      if (!isOut(each)) return true;
      this.waitingBytes -= PLEDGE_BYTES + each.query.length;
      out.push(each);
      return false;
    });
    return out;
  }

  private answer({ query, resolve, reject }: Waiting, timeMs: number): void {
    const { results } = this;
    results.clear();
    try {
      const isAnswered = this.parts.executor.query(query, 0, query.length, timeMs, results);
      if (isAnswered) resolve(copied(results.buffer, COMMAND_HEADER_BYTES, results.end));
      else reject(outcomeError(Outcome.declined));
    } catch (error) {
      reject(outcomeError(Outcome.failed, error));
    }
  }
}

function tooOld(what: string): IndelibleError {
  return new IndelibleError(
    ErrorCode.stale,
    `not executed: the state here did not become new enough: ${what}`,
  );
}
