/**
 * A session that a program holds: its commands are asked for again, over new leaders, lost connections and
 * restarts of replicas, until each has its answer; the cluster executes each once, in the order of the calls.
 *
 * | state   | `propose`                         | left when                                        |
 * |---------|-----------------------------------|--------------------------------------------------|
 * | opening | nobody has it yet                 | it has its number; it is given up                |
 * | open    | waits for its answer, however long| it is closed, or the cluster has forgotten it    |
 * | over    | rejects at once, with why         | never: another one is opened                     |
 */
import { argumentError, ErrorCode, IndelibleError } from '../../errors.js';
import { abortable } from '../abortable.js';
import { COMMAND_HEADER_BYTES } from '../batch.js';
import { outcomeError } from '../outcome-error.js';
import { type Pledge, settleRun } from '../pledge.js';
import { checkBytes, checkLength } from '../requests.js';
import { Outcome, type Requester, type RequestOptions } from '../service.js';
import type { Holder } from './line-options.js';
import type { Session, SessionHome, SessionOptions, SessionPlace } from './session.js';
import type { SessionLine } from './session-line.js';
import { SESSION_NEW } from './session-terms.js';

const HELD_BYTES_MAX: number = 16 << 20;
/** What a command counts for beside its bytes: the objects of its Promise. */
const WAITER_BYTES = 256;

/** As `Replica.session` and `Client.session`. */
export async function openSession(home: SessionHome, options: SessionOptions): Promise<Session> {
  const { resume, heldBytesMax = HELD_BYTES_MAX, signal } = options;
  if (resume !== undefined) checkPlace(resume);
  if (!(heldBytesMax > 0)) throw argumentError(`heldBytesMax must be above 0, not ${heldBytesMax}`);
  signal?.throwIfAborted();
  const session = new HeldSession(home, heldBytesMax, resume);
  try {
    await abortable(session.whenOpen(), signal);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}

class HeldSession implements Session, Requester, Holder {
  private readonly home: SessionHome;
  private readonly heldBytesMax: number;
  private readonly waiters = new Map<number, Pledge>();
  private readonly line: SessionLine;
  private asked = 0;
  private opening: Pledge | undefined;
  private over: IndelibleError | undefined;

  constructor(home: SessionHome, heldBytesMax: number, resume: SessionPlace | undefined) {
    this.home = home;
    this.heldBytesMax = heldBytesMax;
    const resumed = resume === undefined ? resume : { session: resume.id, next: resume.next };
    this.line = home.lines.hold(this, heldBytesMax, resumed);
  }

  get id(): number {
    return this.line.session;
  }
  get next(): number {
    return this.line.next;
  }

  /** Resolves when it has its number. @throws (by rejection) ERR_INDELIBLE_STOPPED */
  whenOpen(): Promise<unknown> {
    if (this.over !== undefined) return Promise.reject(this.over);
    if (this.id !== 0) return Promise.resolve();
    this.home.flush();
    return new Promise((resolve, reject) => {
      this.opening = { resolve, reject };
    });
  }

  async propose(command: Uint8Array, { signal }: RequestOptions = {}): Promise<Uint8Array> {
    if (signal?.aborted === true) throw outcomeError(Outcome.notExecuted, signal.reason);
    checkBytes(command);
    checkLength(command.length, this.home.lines.commandBytesMax);
    if (this.over !== undefined) throw this.over;
    const answer = this.ask(command);
    return await abortable(answer, signal, (reason) => outcomeError(Outcome.unknown, reason));
  }

  close(): void {
    this.over ??= new IndelibleError(ErrorCode.stopped, 'the session is closed');
    this.home.lines.drop(this.line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  opened(): void {
    this.opening?.resolve(new Uint8Array(0));
  }

  gone(): void {
    this.over ??= outcomeError(Outcome.sessionGone);
    this.home.lines.drop(this.line);
  }

  stopped(): void {
    this.over ??= new IndelibleError(ErrorCode.stopped, 'who holds the session has stopped, or is closed');
    this.opening?.reject(this.over);
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    settleRun(this.waiters, first, count, outcome, results, start, end);
  }

  drain(): void {
    // Whoever was refused for lack of room has heard so.
  }

  private ask(command: Uint8Array): Promise<Uint8Array> {
    const { line, waiters, heldBytesMax } = this;
    const lengthBytes = COMMAND_HEADER_BYTES + command.length;
    const heldBytes = line.bytes + waiters.size * WAITER_BYTES;
    if (waiters.size > 0 && heldBytes + lengthBytes + WAITER_BYTES > heldBytesMax) {
      const sentence = `not executed: ${heldBytes} bytes of commands have no answer yet; send fewer at a time`;
      throw new IndelibleError(ErrorCode.notExecuted, sentence);
    }
    const body = Buffer.allocUnsafe(lengthBytes);
    body.writeUInt32LE(command.length, 0);
    body.set(command, COMMAND_HEADER_BYTES);
    return new Promise((resolve, reject) => {
      const number = ++this.asked;
      waiters.set(number, { resolve, reject });
      const isTaken = line.submit(this, number, 1, body, 0, lengthBytes, Number.POSITIVE_INFINITY);
      if (!isTaken) this.outcome(number, 1, Outcome.notExecuted, body, 0, 0);
      this.home.flush();
    });
  }
}

function checkPlace({ id, next }: SessionPlace): void {
  const isNumber = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
  if (isNumber(id) && id < SESSION_NEW && isNumber(next)) return;
  throw argumentError(`a session is resumed by its id and its next number, not by ${id} and ${next}`);
}
