/**
 * The sessions that are held at a client: what is asked in them goes to whoever leads, within the session,
 * and is asked for again when the connection ends or another leads.
 *
 * A line that waits goes on when a leader takes requests, when there is room again, and at a tick.
 */

import { COMMAND_BYTES_MAX } from '../limits.js';
import type { RunRequester } from '../replica/runs.js';
import type { Requester } from '../replica/service.js';
import type { Holder, LinePlace, Resumed } from '../replica/sessions/line-options.js';
import type { HeldLines } from '../replica/sessions/session.js';
import { SessionLine } from '../replica/sessions/session-line.js';
import { OPENING_BODY, openingTerms } from '../replica/sessions/session-opener.js';
import { nodeRuntime } from '../runtime.js';
import type { Exchange } from '../transport/exchange.js';

export interface ClientLinesParts {
  /** The connection to the leader, if there is one. */
  readonly leader: () => Exchange | undefined;
  /** A copy of a request gets no place later than this after it was sent. */
  readonly requestTimeoutMs: number;
}

/** What came to nothing more than once is asked again after so long. */
const TICK_MS = 20;

export class ClientLines implements LinePlace, HeldLines {
  readonly commandBytesMax: number = COMMAND_BYTES_MAX;
  private readonly parts: ClientLinesParts;
  private readonly held = new Set<SessionLine>();
  private timer: NodeJS.Timeout | undefined;
  private isTurnDue = false;
  private isStopped = false;

  constructor(parts: ClientLinesParts) {
    this.parts = parts;
  }

  hold(holder: Holder, heldBytesMax: number, resumed?: Resumed): SessionLine {
    const { commandBytesMax } = this;
    const given = resumed === undefined ? {} : { resumed };
    const line = new SessionLine({ place: this, commandBytesMax, heldBytesMax, holder, ...given });
    if (this.isStopped) {
      line.stop();
      return line;
    }
    this.held.add(line);
    // A connection, or the wait for one, keeps the process alive.
    this.timer ??= setInterval(() => this.tick(), TICK_MS).unref();
    return line;
  }

  drop(line: SessionLine): void {
    this.held.delete(line);
    line.stop();
    if (this.held.size === 0) this.endTicks();
  }

  /** A leader takes requests from now on. */
  ready(): void {
    for (const line of this.held) line.drain();
    this.soon();
  }

  /** What waits goes on, and what was asked is sent, at the end of the caller's turn. */
  soon(): void {
    if (this.isTurnDue) return;
    this.isTurnDue = true;
    process.nextTick(() => {
      this.isTurnDue = false;
      this.turn();
    });
  }

  /** Nothing is asked any more. */
  stop(): void {
    this.isStopped = true;
    this.endTicks();
    for (const line of this.held) line.stop();
    this.held.clear();
  }

  nowMs(): number {
    return nodeRuntime.monotonicMs();
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
    const leader = this.parts.leader();
    if (leader === undefined) return false;
    const terms = line.bind!(first, count);
    return leader.submit(line, first, count, bytes, start, end, this.latest(deadlineMs), terms);
  }

  open(opener: Requester, replaced: number, deadlineMs: number): boolean {
    const leader = this.parts.leader();
    if (leader === undefined) return false;
    const terms = openingTerms(replaced);
    const { length } = OPENING_BODY;
    return leader.submit(opener, 0, 1, OPENING_BODY, 0, length, this.latest(deadlineMs), terms);
  }

  /** What was sent is not to be had back. */
  takeBack(): number {
    return 0;
  }

  private turn(): void {
    if (this.parts.leader() === undefined) return;
    for (const line of this.held) if (line.wantsTurn) line.turn();
    this.parts.leader()?.flush();
  }

  private tick(): void {
    const nowMs = this.nowMs();
    for (const line of this.held) line.tick(nowMs);
    this.parts.leader()?.flush();
  }

  private latest(deadlineMs: number): number {
    return Math.min(deadlineMs, this.nowMs() + this.parts.requestTimeoutMs);
  }

  private endTicks(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
