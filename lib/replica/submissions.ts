/**
 * Commands on their way to a slot: copied once into the open batch, which is closed when it is full or when a
 * slot of the window is free. An idle replica so sends at once; a loaded one batches by itself.
 *
 * 1. A batch's bytes are written here and never again once it is closed: core, log, sockets and state
 *    machine all hold views of them.
 * 2. Requests of one requester keep their order, within a batch and from batch to batch.
 * 3. Each request has one deadline, from when it was asked: waiting does not begin it anew.
 * 4. What waits is bounded, in bytes and so in number: past the bound `add` refuses, and requesters hear
 *    `drain` when half is free again.
 */
import { BATCH_HEADER_BYTES, COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import { DeadlineWatch } from './deadlines.js';
import { wakeAll } from './outcomes.js';
import { checkRequests, readLength } from './requests.js';
import { abandonRuns, type RequestRun } from './runs.js';
import type { Requester } from './service.js';
import { sessionBytesMax } from './sessions/session-runs.js';
import { continuesTerms, type SessionTerms } from './sessions/session-terms.js';
import { withdraw } from './withdrawal.js';

/**
 * A closed or open batch: bytes[0, end), of which the first BATCH_HEADER_BYTES are still to be written.
 * Behind `end`, also where `bytes` ends, its buffer has room for what its runs say of sessions.
 */
export interface Submission {
  bytes: Buffer;
  end: number;
  count: number;
  readonly runs: RequestRun[];
  /** Since when it is known to wait for a place, ms since 1970; undefined while there is one for it. */
  waitsSinceMs: number | undefined;
}

export interface SubmissionLimits {
  readonly commandBytesMax: number;
  /** A batch that has reached this is closed. */
  readonly batchBytesTarget: number;
  readonly batchBytesMax: number;
  /** Bytes that may wait for a slot, {@link RUN_BYTES} for each run of requests among them. */
  readonly waitingBytesMax: number;
}

const ARENA_BYTES = 1 << 20;

/** What a run counts for beside its commands: the objects that remember whose it is, in bytes. */
const RUN_BYTES = 64;

/** Requests of one requester whose deadlines are no further apart, in milliseconds, may be one run. */
const DEADLINES_APART_MS = 50;

export class Submissions {
  private readonly limits: SubmissionLimits;
  private readonly queue: Submission[] = [];
  private readonly stalled = new Set<Requester>();
  private arena = Buffer.allocUnsafeSlow(0);
  private arenaUsed = 0;
  private open: Submission | undefined;
  private waitingBytes = 0;
  private readonly deadlines = new DeadlineWatch();

  constructor(limits: SubmissionLimits) {
    this.limits = limits;
  }

  /** What waits, as it counts towards the bound. */
  get bytes(): number {
    return this.waitingBytes;
  }

  get isEmpty(): boolean {
    return this.open === undefined && this.queue.length === 0;
  }

  /** @returns false, having taken nothing, when too much waits already. @throws as Service.submit. */
  add(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: number = Number.POSITIVE_INFINITY,
    terms?: SessionTerms,
  ): boolean {
    checkRequests(bytes, start, end, count, this.limits.commandBytesMax);
    if (this.waitingBytes > 0 && this.waitingBytes + (end - start) > this.limits.waitingBytesMax) {
      this.stalled.add(requester);
      return false;
    }
    this.deadlines.add(deadlineMs);
    let at = start;
    for (let done = 0; done < count; ) {
      const room = this.roomFor(readLength(bytes, at) + COMMAND_HEADER_BYTES);
      let stop = at;
      let taken = 0;
      while (done + taken < count) {
        const next = stop + COMMAND_HEADER_BYTES + readLength(bytes, stop);
        if (next - at > room) break;
        stop = next;
        taken++;
      }
      const part = terms === undefined || done === 0 ? terms : { ...terms, sequence: terms.sequence + done };
      this.append({ requester, first: first + done, count: taken, deadlineMs, terms: part }, bytes, at, stop);
      at = stop;
      done += taken;
    }
    return true;
  }

  /** The oldest batch, closing the open one if it is that; undefined if nothing waits. */
  take(): Submission | undefined {
    if (this.queue.length === 0) this.close();
    const submission = this.queue.shift();
    if (submission !== undefined) this.waitingBytes -= weightBytes(submission);
    return submission;
  }

  /** Gives back what `take` gave and could not be placed. */
  putBack(submission: Submission): void {
    this.queue.unshift(submission);
    this.waitingBytes += weightBytes(submission);
  }

  /** Whether anything that waits is past its deadline. */
  hasOverdue(nowMs: number): boolean {
    return this.deadlines.isDue(nowMs);
  }

  /** Calls `visit` with every run that waits, and its commands: bytes[start, end). */
  visit(visit: (run: RequestRun, bytes: Uint8Array, start: number, end: number) => void): void {
    this.close();
    for (const { bytes, runs, end } of this.queue) {
      let at = BATCH_HEADER_BYTES;
      for (const run of runs) {
        const start = at;
        for (let i = 0; i < run.count; i++) at += COMMAND_HEADER_BYTES + commandLength(bytes, at, end);
        visit(run, bytes, start, at);
      }
    }
  }

  /** Takes out what is past its deadline. @returns it, in the order asked */
  takePastDeadline(nowMs: number): readonly RequestRun[] {
    return this.takeOut(({ deadlineMs }) => deadlineMs <= nowMs);
  }

  /** Takes out the runs of which `isOut` says so. @returns them, in the order asked */
  takeOut(isOut: (run: RequestRun) => boolean): readonly RequestRun[] {
    this.close();
    this.deadlines.begin();
    const out: RequestRun[] = [];
    let kept = 0;
    for (const submission of this.queue) {
      this.waitingBytes -= weightBytes(submission);
      out.push(...withdraw(submission, isOut));
      if (submission.count === 0) continue;
      for (const { deadlineMs } of submission.runs) this.deadlines.add(deadlineMs);
      this.waitingBytes += weightBytes(submission);
      this.queue[kept++] = submission;
    }
    this.queue.length = kept;
    return out;
  }

  /** There is no place for what waits: it waits since `nowMs`, unless it has waited for longer. */
  beginWait(nowMs: number): void {
    this.close();
    for (let i = this.queue.length - 1; i >= 0 && this.queue[i]!.waitsSinceMs === undefined; i--) {
      this.queue[i]!.waitsSinceMs = nowMs;
    }
  }

  /** There is a place: whoever still waits begins anew if there should be none again. */
  endWait(): void {
    for (const submission of this.queue) submission.waitsSinceMs = undefined;
  }

  /** The requests of the oldest batch if it waits since `sinceMs` or longer: it is taken out. */
  takeOverdue(sinceMs: number): readonly RequestRun[] | undefined {
    const since = this.queue[0]?.waitsSinceMs;
    return since === undefined || since > sinceMs ? undefined : this.take()!.runs;
  }

  /** Tells whoever was refused that there is room again. */
  wakeStalled(): void {
    if (this.stalled.size === 0 || this.waitingBytes > this.limits.waitingBytesMax / 2) return;
    wakeAll(this.stalled);
  }

  /** Nothing more is taken: whoever was refused for lack of room finds out. */
  end(): void {
    wakeAll(this.stalled);
  }

  abandon(requester: Requester): void {
    this.stalled.delete(requester);
    for (const submission of this.queue) abandonRuns(submission.runs, requester);
    if (this.open !== undefined) abandonRuns(this.open.runs, requester);
  }

  /** Room in the open batch, after opening or closing one so that `atLeast` bytes fit. */
  private roomFor(atLeast: number): number {
    const { batchBytesTarget, batchBytesMax } = this.limits;
    const { open } = this;
    const isOver =
      open !== undefined &&
      (open.end >= batchBytesTarget || open.end + atLeast + roomBehind(open.runs) > batchBytesMax);
    if (isOver) this.close();
    const end = this.open?.end ?? BATCH_HEADER_BYTES;
    const behind = roomBehind(this.open?.runs ?? []);
    return Math.max(atLeast, Math.min(batchBytesMax - behind - end, batchBytesTarget - end));
  }

  private append(run: RequestRun, bytes: Uint8Array, start: number, end: number): void {
    const open = this.open ?? this.begin();
    this.ensure(open, end - start);
    open.bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), open.end);
    open.end += end - start;
    open.count += run.count;
    this.waitingBytes += end - start;
    const last = open.runs[open.runs.length - 1];
    if (last !== undefined && continues(last, run)) {
      last.count += run.count;
    } else {
      open.runs.push(run);
      this.waitingBytes += RUN_BYTES;
    }
  }

  private begin(): Submission {
    // What is left there, maybe nothing: `ensure` sees to it.
    const bytes = this.arena.subarray(this.arenaUsed);
    this.open = { bytes, end: BATCH_HEADER_BYTES, count: 0, runs: [], waitsSinceMs: undefined };
    return this.open;
  }

  private ensure(open: Submission, moreBytes: number): void {
    const neededBytes = open.end + moreBytes + roomBehind(open.runs);
    if (neededBytes <= open.bytes.length) return;
    const before = open.bytes;
    this.renewArena(neededBytes);
    open.bytes = this.arena;
    before.copy(open.bytes, 0, 0, open.end);
  }

  private renewArena(atLeastBytes: number): void {
    this.arena = Buffer.allocUnsafeSlow(Math.max(ARENA_BYTES, atLeastBytes * 2));
    this.arenaUsed = 0;
  }

  private close(): void {
    const open = this.open;
    if (open === undefined) return;
    this.open = undefined;
    // Batches start 8-aligned, so that what copies them may.
    this.arenaUsed += (open.end + sessionBytesMax(open.runs.length) + 7) & ~7;
    open.bytes = open.bytes.subarray(0, open.end);
    this.queue.push(open);
  }
}

/** What the runs of a batch, and one more, may say of sessions. */
function roomBehind(runs: readonly RequestRun[]): number {
  return sessionBytesMax(runs.length + 1);
}

function continues(last: RequestRun, { requester, first, deadlineMs, terms }: RequestRun): boolean {
  if (last.requester !== requester || last.first + last.count !== first) return false;
  if (!continuesTerms(last.terms, last.count, terms)) return false;
  const apartMs = deadlineMs - last.deadlineMs;
  return !(apartMs < 0 || apartMs > DEADLINES_APART_MS);
}

function weightBytes({ end, runs }: Submission): number {
  return end - BATCH_HEADER_BYTES + runs.length * RUN_BYTES;
}
