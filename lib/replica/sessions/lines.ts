/** What is asked of a replica by its own programs and clients, within a session of the replica's own. */
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
  readonly own: SessionLine;
  private readonly parts: LinesParts;

  constructor(parts: LinesParts) {
    this.parts = parts;
    const { failed, tuning } = parts;
    const { commandBytesMax, waitingBytesMax: heldBytesMax } = tuning;
    this.own = new SessionLine({ place: this, commandBytesMax, heldBytesMax, failed });
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

  private latest(deadlineMs: number): number {
    return Math.min(deadlineMs, this.nowMs() + this.parts.tuning.requestTimeoutMs);
  }
}
