/**
 * What is asked of a replica by its own programs and clients, within sessions: one of the replica's own, for
 * everything that nobody holds a session for, and those that programs hold.
 */
import type { Runtime } from '../../runtime.js';
import type { Tuning } from '../options.js';
import type { Outcome, Requester } from '../service.js';
import type { Submissions } from '../submissions.js';
import { type LinePlace, SessionLine } from './session-line.js';
import { OPENING_BODY } from './session-opener.js';
import { SESSION_NEW } from './session-terms.js';

export interface LinesParts {
  readonly submissions: Submissions;
  readonly tuning: Tuning;
  readonly runtime: Pick<Runtime, 'monotonicMs'>;
  readonly failed: (outcome: Outcome, count: number) => void;
}

export class Lines implements LinePlace {
  /** That of the replica itself. */
  readonly own: SessionLine;
  private readonly parts: LinesParts;
  private readonly all = new Set<SessionLine>();
  private isStopped = false;

  constructor(parts: LinesParts) {
    this.parts = parts;
    this.own = this.newLine(false);
  }

  get wantsTurn(): boolean {
    for (const line of this.all) if (line.wantsTurn) return true;
    return false;
  }

  /** A session that a program holds. @param heldBytesMax bytes of its requests that may wait */
  hold(heldBytesMax: number): SessionLine {
    const line = this.newLine(true, heldBytesMax);
    if (this.isStopped) line.stop();
    return line;
  }

  /** The program holds it no more: what waits in it hears so. */
  drop(line: SessionLine): void {
    this.all.delete(line);
    line.stop();
  }

  turn(): void {
    for (const line of this.all) line.turn();
  }

  tick(nowMs: number): void {
    for (const line of this.all) line.tick(nowMs);
  }

  /** Nothing that waits is going to be answered. */
  giveUp(): void {
    for (const line of this.all) line.giveUp();
  }

  stop(): void {
    this.isStopped = true;
    for (const line of this.all) line.stop();
  }

  refuseGrowth(grows: (bytes: Uint8Array, start: number, end: number) => boolean): void {
    for (const line of this.all) line.refuseGrowth(grows);
  }

  nowMs(): number {
    return this.parts.runtime.monotonicMs();
  }

  give(
    line: SessionLine,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: number,
  ): boolean {
    const latestMs = this.latest(deadlineMs);
    return this.parts.submissions.add(line, first, count, bytes, start, end, latestMs);
  }

  open(opener: Requester, replaced: number, deadlineMs: number): boolean {
    const terms = { session: SESSION_NEW, sequence: 0, answeredThrough: replaced };
    const { length } = OPENING_BODY;
    const latestMs = this.latest(deadlineMs);
    return this.parts.submissions.add(opener, 0, 1, OPENING_BODY, 0, length, latestMs, terms);
  }

  takeBack(line: SessionLine): number {
    const out = this.parts.submissions.takeOut(({ requester }) => requester === line);
    return out.reduce((sum, { count }) => sum + count, 0);
  }

  private newLine(isHeld: boolean, heldBytesMax: number = this.parts.tuning.waitingBytesMax): SessionLine {
    const { failed, tuning } = this.parts;
    const { commandBytesMax } = tuning;
    const line = new SessionLine({ place: this, commandBytesMax, heldBytesMax, isHeld, failed });
    this.all.add(line);
    return line;
  }

  private latest(deadlineMs: number): number {
    return Math.min(deadlineMs, this.nowMs() + this.parts.tuning.requestTimeoutMs);
  }
}
