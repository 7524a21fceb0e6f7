/**
 * What is asked of a replica by its own programs and clients, within sessions: one of the replica's own, for
 * everything that nobody holds a session for, and those that programs hold.
 */
import type { Runtime } from '../../runtime.js';
import type { Tuning } from '../options.js';
import type { RunRequester } from '../runs.js';
import type { Outcome, Requester } from '../service.js';
import type { Submissions } from '../submissions.js';
import type { Holder, LinePlace, Resumed } from './line-options.js';
import type { HeldLines } from './session.js';
import { SessionLine } from './session-line.js';
import { OPENING_BODY, openingTerms } from './session-opener.js';

export interface LinesParts {
  readonly submissions: Submissions;
  readonly tuning: Tuning;
  readonly runtime: Pick<Runtime, 'monotonicMs'>;
  readonly failed: (outcome: Outcome, count: number) => void;
}

export class Lines implements LinePlace, HeldLines {
  /** That of the replica itself. */
  readonly own: SessionLine;
  private readonly parts: LinesParts;
  private readonly held = new Set<SessionLine>();
  private isStopped = false;

  constructor(parts: LinesParts) {
    this.parts = parts;
    const { failed, tuning } = parts;
    const { commandBytesMax, waitingBytesMax: heldBytesMax } = tuning;
    this.own = new SessionLine({ place: this, commandBytesMax, heldBytesMax, failed });
  }

  /** The largest command. */
  get commandBytesMax(): number {
    return this.parts.tuning.commandBytesMax;
  }

  /** Sessions that programs hold here. */
  get heldCount(): number {
    return this.held.size;
  }

  get wantsTurn(): boolean {
    if (this.own.wantsTurn) return true;
    for (const line of this.held) if (line.wantsTurn) return true;
    return false;
  }

  /** A session that a program holds. @param heldBytesMax bytes of its requests that may wait */
  hold(holder: Holder, heldBytesMax: number, resumed?: Resumed): SessionLine {
    const { failed } = this.parts;
    const { commandBytesMax } = this;
    const given = resumed === undefined ? {} : { resumed };
    const line = new SessionLine({ place: this, commandBytesMax, heldBytesMax, failed, holder, ...given });
    if (this.isStopped) line.stop();
    else this.held.add(line);
    return line;
  }

  /** The program holds it no more: what waits in it hears so. */
  drop(line: SessionLine): void {
    this.held.delete(line);
    line.stop();
  }

  turn(): void {
    this.own.turn();
    for (const line of this.held) line.turn();
  }

  tick(nowMs: number): void {
    this.own.tick(nowMs);
    for (const line of this.held) line.tick(nowMs);
  }

  /** Nothing that waits is going to be answered. What is asked in a session that is held waits on. */
  giveUp(): void {
    this.own.giveUp();
  }

  stop(): void {
    this.isStopped = true;
    this.own.stop();
    for (const line of this.held) line.stop();
    this.held.clear();
  }

  refuseGrowth(grows: (bytes: Uint8Array, start: number, end: number) => boolean): void {
    this.own.refuseGrowth(grows);
    for (const line of this.held) line.refuseGrowth(grows);
  }

  nowMs(): number {
    return this.parts.runtime.monotonicMs();
  }

  give(
    line: RunRequester,
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
    const terms = openingTerms(replaced);
    const { length } = OPENING_BODY;
    const latestMs = this.latest(deadlineMs);
    return this.parts.submissions.add(opener, 0, 1, OPENING_BODY, 0, length, latestMs, terms);
  }

  takeBack(line: RunRequester): number {
    const out = this.parts.submissions.takeOut(({ requester }) => requester === line);
    return out.reduce((sum, { count }) => sum + count, 0);
  }

  private latest(deadlineMs: number): number {
    return Math.min(deadlineMs, this.nowMs() + this.parts.tuning.requestTimeoutMs);
  }
}
