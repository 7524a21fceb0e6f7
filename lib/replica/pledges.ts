/**
 * The Promise form of the service: one object and one Promise per request, for programs that ask now and
 * then.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { COMMAND_HEADER_BYTES } from './batch.js';
import type { Tuning } from './options.js';
import { type Failure, outcomeError } from './outcome-error.js';
import { type Pledge, settleRun } from './pledge.js';
import { checkBytes, checkLength } from './requests.js';
import { Outcome, type Requester, type Service } from './service.js';

/** One that met back-pressure. */
interface Held {
  readonly pledge: Pledge;
  readonly body: Uint8Array;
  /** The first tick that found it waiting. */
  sinceMs: number | undefined;
}

export type PledgeLimits = Pick<
  Tuning,
  'commandBytesMax' | 'leaderWaitMs' | 'requestTimeoutMs' | 'waitingBytesMax'
>;

/** What one counts for beside its bytes: the objects of its Promise. */
const PLEDGE_BYTES = 256;

export class Pledges {
  private readonly commands: Line;
  private readonly queries: Line;

  constructor(service: Service, limits: PledgeLimits) {
    this.commands = new Line(limits, Outcome.unknown, (line, number, body) => {
      const taken = service.submit(line, number, 1, body, 0, body.length);
      service.flush();
      return taken;
    });
    this.queries = new Line(limits, Outcome.notExecuted, (line, number, body) => {
      const taken = service.query(line, number, 1, body, 0, body.length);
      service.flush();
      return taken;
    });
  }

  propose(command: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    return this.commands.add(command, signal);
  }

  read(query: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    return this.queries.add(query, signal);
  }

  /** What has waited too long for room is given up. */
  tick(nowMs: number): void {
    this.commands.tick(nowMs);
    this.queries.tick(nowMs);
  }

  /** The service takes nothing more, and has answered what it took: what waits for room is refused. */
  stop(): void {
    this.commands.drain();
    this.queries.drain();
  }
}

/** Requests of one kind, in order: those under way by number, those that met back-pressure behind them. */
class Line implements Requester {
  private readonly limits: PledgeLimits;
  /** What is said of a request that is given up while it is under way. */
  private readonly abandoned: Failure;
  private readonly place: (line: Line, number: number, body: Uint8Array) => boolean;
  private readonly underWay = new Map<number, Pledge>();
  private held: Held[] = [];
  /** Of what is placed now: time spent waiting for room counts. */
  deadlineMs: number = Number.POSITIVE_INFINITY;
  private heldBytes = 0;
  private lastNumber = 0;

  constructor(
    limits: PledgeLimits,
    abandoned: Failure,
    place: (line: Line, number: number, body: Uint8Array) => boolean,
  ) {
    this.limits = limits;
    this.abandoned = abandoned;
    this.place = place;
  }

  /** Rejects at once what is no request, or too large, or has no room even to wait. */
  async add(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (signal?.aborted === true) throw outcomeError(Outcome.notExecuted, signal.reason);
    checkBytes(bytes);
    checkLength(bytes.length, this.limits.commandBytesMax);
    if (this.heldBytes + PLEDGE_BYTES + bytes.length > this.limits.waitingBytesMax && this.held.length > 0) {
      const sentence = `not executed: ${this.heldBytes} bytes of requests already wait for room; send fewer at a time`;
      throw new IndelibleError(ErrorCode.notExecuted, sentence);
    }
    const body = Buffer.allocUnsafe(COMMAND_HEADER_BYTES + bytes.length);
    body.writeUInt32LE(bytes.length, 0);
    body.set(bytes, COMMAND_HEADER_BYTES);
    return await new Promise((resolve, reject) => {
      const pledge = signal === undefined ? { resolve, reject } : this.watched({ resolve, reject }, signal);
      if (this.held.length === 0 && this.tryPlace(pledge, body)) return;
      this.held.push({ pledge, body, sinceMs: undefined });
      this.heldBytes += PLEDGE_BYTES + bytes.length;
    });
  }

  /** The same, but the signal settles it first: what waits for room goes, what is under way is not known. */
  private watched({ resolve, reject }: Pledge, signal: AbortSignal): Pledge {
    const abort = (): void => {
      const at = this.held.findIndex((held) => held.pledge === pledge);
      const outcome = at < 0 ? this.abandoned : Outcome.notExecuted;
      if (at >= 0) this.heldBytes -= heldBytesOf(this.held.splice(at, 1)[0]!);
      reject(outcomeError(outcome, signal.reason));
    };
    const forget = (): void => signal.removeEventListener('abort', abort);
    const pledge: Pledge = {
      resolve: (result) => {
        forget();
        resolve(result);
      },
      reject: (error) => {
        forget();
        reject(error);
      },
    };
    signal.addEventListener('abort', abort, { once: true });
    return pledge;
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    settleRun(this.underWay, first, count, outcome, results, start, end);
  }

  drain(): void {
    let placed = 0;
    while (placed < this.held.length && this.tryPlaceHeld(this.held[placed]!)) placed++;
    this.letGo(placed);
  }

  tick(nowMs: number): void {
    const { requestTimeoutMs, leaderWaitMs } = this.limits;
    const sinceMs = nowMs - Math.max(requestTimeoutMs, leaderWaitMs);
    let overdue = 0;
    while (overdue < this.held.length && (this.held[overdue]!.sinceMs ?? nowMs) <= sinceMs) overdue++;
    for (let i = 0; i < overdue; i++) this.held[i]!.pledge.reject(outcomeError(Outcome.notExecuted));
    this.letGo(overdue);
    // Those that came since the last tick are at the end.
    for (let i = this.held.length - 1; i >= 0 && this.held[i]!.sinceMs === undefined; i--) {
      this.held[i]!.sinceMs = nowMs;
    }
  }

  /** The first `count` of those held are under way, or settled. */
  private letGo(count: number): void {
    if (count === 0) return;
    for (let i = 0; i < count; i++) {
      this.heldBytes -= heldBytesOf(this.held[i]!);
    }
    this.held = this.held.slice(count);
  }

  private tryPlaceHeld(held: Held): boolean {
    if (held.sinceMs !== undefined) this.deadlineMs = held.sinceMs + this.limits.requestTimeoutMs;
    const isPlaced = this.tryPlace(held.pledge, held.body);
    this.deadlineMs = Number.POSITIVE_INFINITY;
    return isPlaced;
  }

  /** False under back-pressure. An argument that can never be placed, or a stopped replica, settles it. */
  private tryPlace(pledge: Pledge, body: Uint8Array): boolean {
    const number = ++this.lastNumber;
    this.underWay.set(number, pledge);
    try {
      if (this.place(this, number, body)) return true;
    } catch (error) {
      this.underWay.delete(number);
      pledge.reject(error as Error);
      return true;
    }
    this.underWay.delete(number);
    return false;
  }
}

function heldBytesOf({ body }: Held): number {
  return PLEDGE_BYTES + body.length - COMMAND_HEADER_BYTES;
}
