/**
 * Writing this replica's own checkpoints, one attempt at a time, and what becomes of those that fail.
 *
 * 1. Who asks for a checkpoint hears that one at or after what it had seen is durable, or why none is.
 * 2. A failed attempt stops nothing: what it left is removed, the reason is told, and the next one comes
 *    after a wait that doubles. The older checkpoint stays in force; only what that covers is trimmed.
 * 3. An attempt that does not come on is told of while it hangs; who waits for it hears so.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { WriteAttempt } from '../storage/checkpoint-body.js';
import type { CheckpointFile } from '../storage/checkpoint-file.js';
import { isNoRoom } from '../storage/file/medium.js';
import type { Slot } from '../types.js';

/** Milliseconds without any progress after which an attempt is said to hang. */
const STALL_MS = 5000;
/** Milliseconds from a failed attempt to the next; after each failure twice as many, up to the second. */
const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 10_000;

/** Why there is no new checkpoint, or a peer's could not be taken. */
export interface CheckpointProblem {
  /** The code of the error, such as `ERR_INDELIBLE_STORE_IO`. */
  readonly code: string;
  /** For a person. */
  readonly reason: string;
  /** Attempts that have failed one after the other; 0 while the first one hangs. */
  readonly failures: number;
  /** Milliseconds until the next attempt; 0 while one hangs. */
  readonly retryMs: number;
  /** The disk, or a quota, has no room. */
  readonly noRoom: boolean;
}

interface Waiter {
  readonly through: Slot;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Running {
  readonly through: Slot;
  readonly attempt: WriteAttempt;
  seenSteps: number;
  idleMs: number;
  isStalled: boolean;
}

export interface WriterSurroundings {
  readonly tickMs: number;
  /** Uniform in [0, 1): replicas on one full disk do not all try again at the same moment. */
  readonly random: () => number;
  /** Milliseconds by the monotonic clock; without it nothing is timed. */
  readonly now?: (() => number) | undefined;
  /** What is wrong has changed; undefined: nothing is any more. */
  problem(problem: CheckpointProblem | undefined): void;
}

export class CheckpointWriter {
  private readonly around: WriterSurroundings;
  private waiters: Waiter[] = [];
  private running: Running | undefined;
  private failures = 0;
  private waitMs = 0;
  private said: CheckpointProblem | undefined;
  private ended: Error | undefined;
  /** How long the last one that was written took. */
  tookMs = 0;

  constructor(around: WriterSurroundings) {
    this.around = around;
  }

  /** What keeps checkpoints from being written; undefined if nothing does. */
  get problem(): CheckpointProblem | undefined {
    return this.said;
  }

  get isWriting(): boolean {
    return this.running !== undefined;
  }

  /** Somebody waits for a checkpoint that no attempt under way will give. */
  get isAsked(): boolean {
    return this.waiters.some(({ through }) => this.running === undefined || through > this.running.through);
  }

  /** Whether an attempt that nobody waits for may begin: a failed one is not repeated at once. */
  get mayTry(): boolean {
    return this.waitMs <= 0;
  }

  /** Resolves when a checkpoint through `through` or later is durable; rejects if the attempt fails. */
  ask(through: Slot): Promise<void> {
    if (this.ended !== undefined) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => this.waiters.push({ through, resolve, reject }));
  }

  /** Begins an attempt; `write` does it. @returns what was written; undefined if it failed, which is told */
  async run(
    through: Slot,
    write: (attempt: WriteAttempt) => Promise<CheckpointFile>,
  ): Promise<CheckpointFile | undefined> {
    const attempt = new WriteAttempt();
    const beganMs = this.around.now?.() ?? 0;
    const running = { through, attempt, seenSteps: 0, idleMs: 0, isStalled: false };
    this.running = running;
    try {
      const file = await write(attempt);
      this.running = undefined;
      this.tookMs = (this.around.now?.() ?? 0) - beganMs;
      this.durable(file.meta.throughSlot);
      return file;
    } catch (error) {
      this.running = undefined;
      this.failed(error as Error, through);
      return undefined;
    }
  }

  /** A checkpoint through `through` is durable, this replica's own or a peer's. */
  durable(through: Slot): void {
    this.failures = 0;
    this.waitMs = 0;
    this.tell(undefined);
    this.settle(through, (waiter) => waiter.resolve());
  }

  /** An attempt for a checkpoint through `through` has failed. */
  failed(error: Error, through: Slot): void {
    if (this.ended !== undefined) return;
    const baseMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** this.failures);
    this.failures++;
    this.waitMs = baseMs * (0.5 + this.around.random() / 2);
    this.tell({
      code: codeOf(error),
      reason: error.message,
      failures: this.failures,
      retryMs: Math.round(this.waitMs),
      noRoom: isNoRoom(error.cause),
    });
    this.settle(through, (waiter) => waiter.reject(error));
  }

  tick(): void {
    const { tickMs } = this.around;
    if (this.waitMs > 0) this.waitMs -= tickMs;
    const { running } = this;
    if (running === undefined) return;
    if (running.attempt.steps !== running.seenSteps) {
      running.seenSteps = running.attempt.steps;
      running.idleMs = 0;
      if (running.isStalled) this.tell(undefined);
      running.isStalled = false;
      return;
    }
    running.idleMs += tickMs;
    if (running.isStalled || running.idleMs < STALL_MS) return;
    running.isStalled = true;
    const reason = `writing a checkpoint has made no progress for ${STALL_MS} ms: the disk, or the state machine’s checkpoint(), hangs`;
    this.tell({
      code: ErrorCode.checkpointStalled,
      reason,
      failures: this.failures,
      retryMs: 0,
      noRoom: false,
    });
    const error = new IndelibleError(ErrorCode.checkpointStalled, reason);
    this.settle(running.through, (waiter) => waiter.reject(error));
  }

  /** Nothing that is waited for will be written, but by an attempt that is under way. */
  refuse(error: Error): void {
    const through = this.running?.through ?? 0;
    const refused = this.waiters.filter((waiter) => waiter.through > through);
    this.waiters = this.waiters.filter((waiter) => waiter.through <= through);
    for (const waiter of refused) waiter.reject(error);
  }

  /** Nothing is begun or told any more; who waits hears `error`. */
  end(error: Error): void {
    if (this.ended !== undefined) return;
    this.ended = error;
    this.running?.attempt.stop();
    this.settle(Number.POSITIVE_INFINITY, (waiter) => waiter.reject(error));
  }

  private settle(through: Slot, settle: (waiter: Waiter) => void): void {
    const settled = this.waiters.filter((waiter) => waiter.through <= through);
    this.waiters = this.waiters.filter((waiter) => waiter.through > through);
    for (const waiter of settled) settle(waiter);
  }

  private tell(problem: CheckpointProblem | undefined): void {
    if (problem === undefined && this.said === undefined) return;
    this.said = problem;
    if (this.ended === undefined) this.around.problem(problem);
  }
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : ErrorCode.stateMachine;
}
