/**
 * Replicated time: what a leader stamps its batches with, and by what keys expire on every replica.
 *
 * 1. It goes on with a monotonic clock, no more than {@link SLEW} faster or slower, and never falls: no step
 *    of any wall clock is followed, forward or back.
 * 2. A leader draws it, at most that fast, to the clocks of a quorum: to its own if it stands within
 *    `boundMs` of a quorum's (itself among them), otherwise to the middle one of those that agree, and to
 *    none if no quorum agrees.
 * 3. It goes on from leader to leader: a leader tells its followers the time, and who has been told goes on
 *    from there. A leader that was never told asks a quorum first, and stamps nothing until it has answered:
 *    in this lead, and since its own clock was last set.
 * 4. Only if nobody of that quorum was told either (all were started anew, and nobody knows for how long all
 *    were down) it steps, forward, to the middle one of their clocks.
 *
 * What rule 4 cannot tell: each clock is read once, while its answer is made, and no reading is compared with
 * an earlier one of the same clock. If as many clocks as a quorum are wrong by the same amount, each while it
 * is read, the time begins there, even if no two of them are wrong at one moment. It never falls afterwards:
 * what has expired by it is gone, and rules 1 and 2 draw it back by {@link SLEW} at most.
 */
import type { Clock, Clocked } from '../paxos/messages.js';
import type { ReplicaId } from '../types.js';

/** By how much the pace of replicated time may differ from that of real time: a tenth. */
export const SLEW = 0.1;

/** Time without a look, in milliseconds, of which no more than this counts towards drawing nearer. */
const DRAWN_MS_MAX = 1000;

/** A peer's clock counts for this long after its answer, in milliseconds. */
const READING_MS_MAX = 3000;

/** How long a leader that was never told waits for more opinions where clocks disagree, in milliseconds. */
const OPINIONS_MS_MAX = 1000;

/** A clock that was off is well again when it has not been off for this long, in milliseconds. */
const WELL_AFTER_MS = 1000;

/** Where clocks are read. */
export interface Clocks {
  /** By a clock that nobody sets and that never goes back. */
  monotonicMs(): number;
  /** Milliseconds since 1970, by a clock that may be set, jump and drift. */
  wallMs(): number;
}

/** What replicated time is drawn to: the leader's own clock, the middle one of the others, or nothing. */
export type Guide = 'own' | 'others' | 'none';

/** The wall clock of a follower, as its leader knows it. */
export interface ClockReading {
  /** The follower. */
  readonly id: ReplicaId;
  /** Milliseconds that its wall clock is ahead of replicated time; negative: behind. */
  readonly aheadMs: number;
  /** Milliseconds that its last answer took, there and back. */
  readonly roundTripMs: number;
}

/** Replicated time, and how the clocks stand to it. */
export interface ClockStatus {
  /** Replicated time, as far as it is known here; 0 while it is not. */
  readonly timeMs: number;
  /** How far this replica's wall clock is ahead of it. */
  readonly aheadMs: number;
  /** It is further off than the bound, or was a moment ago. */
  readonly isOff: boolean;
  /** What the leader draws it to; `none` on a follower. */
  readonly guide: Guide;
  /** What the leader knows of its followers' wall clocks. */
  readonly peers: readonly ClockReading[];
}

interface Reading {
  readonly id: ReplicaId;
  /** The peer's wall clock less the monotonic clock here. */
  wallAheadMs: number;
  /** The time it was told, less the monotonic clock here; undefined if it was not. */
  timeAheadMs: number | undefined;
  /** It may be this much off, for the time its answer took. */
  uncertainMs: number;
  atMs: number;
}

export interface ReplicatedClockOptions {
  readonly self: ReplicaId;
  /** Of whose clocks a majority counts: the voters. */
  readonly members: readonly ReplicaId[];
  /** Clocks further apart than this do not agree; a clock that is further off is told of. */
  readonly boundMs: number;
  readonly clocks: Clocks;
}

export class ReplicatedClock {
  private readonly clocks: Clocks;
  private readonly boundMs: number;
  private quorum = 1;
  /** Of the voters but this replica. */
  private readings: readonly Reading[] = [];
  private readonly self: ReplicaId;
  private timeMs = 0;
  private atMs: number;
  private isTold = false;
  private toldAtMs = 0;
  private leadsSinceMs: number | undefined;
  /** The middle one of a quorum's clocks that agree, less the monotonic clock here. */
  private othersAheadMs: number | undefined;
  /** This replica's wall clock less its monotonic one, when they were last read. */
  private ownAheadMs: number;
  private drawnTo: Guide = 'none';
  private off = false;
  private lastOffMs = 0;

  constructor({ self, members, boundMs, clocks }: ReplicatedClockOptions) {
    this.clocks = clocks;
    this.boundMs = boundMs;
    this.self = self;
    this.atMs = clocks.monotonicMs();
    this.ownAheadMs = clocks.wallMs() - this.atMs;
    this.configured(members);
  }

  /** Of these replicas a majority's clocks count from now on; what is known of those that stay is kept. */
  configured(members: readonly ReplicaId[]): void {
    this.quorum = Math.floor(members.length / 2) + 1;
    const never = { wallAheadMs: 0, timeAheadMs: undefined, uncertainMs: 0, atMs: Number.NEGATIVE_INFINITY };
    const others = members.filter((id) => id !== this.self);
    this.readings = others.map((id) => this.readings.find((each) => each.id === id) ?? { id, ...never });
  }

  /** Whether the time is known: a leader to which it is not stamps nothing. */
  get isKnown(): boolean {
    return this.isTold;
  }

  /** Whether this replica's wall clock was further off than the bound when it was last told of. */
  get isOff(): boolean {
    return this.off;
  }

  /** Replicated time now, in whole milliseconds. */
  now(): number {
    const nowMs = this.clocks.monotonicMs();
    const wallMs = this.clocks.wallMs();
    this.noticeStep(wallMs - nowMs);
    const elapsedMs = Math.max(0, nowMs - this.atMs);
    this.atMs = nowMs;
    this.timeMs += elapsedMs;
    if (this.leadsSinceMs !== undefined && this.isTold) {
      const guideMs = this.guide(nowMs, wallMs);
      const mostMs = Math.min(elapsedMs, DRAWN_MS_MAX) * SLEW;
      if (guideMs !== undefined) {
        this.timeMs += Math.max(-mostMs, Math.min(mostMs, guideMs - this.timeMs));
      }
    }
    return Math.floor(this.timeMs);
  }

  /** A batch with this stamp is applied: the time does not lie before it. */
  atLeast(stampMs: number): void {
    if (stampMs > this.timeMs) this.timeMs = stampMs;
  }

  /** This replica leads from now on, or no longer. */
  lead(leads: boolean): void {
    if (leads === (this.leadsSinceMs !== undefined)) return;
    this.now();
    this.leadsSinceMs = leads ? this.atMs : undefined;
    this.drawnTo = 'none';
    if (!leads) return;
    // What an earlier lead was answered may be of clocks that were set since.
    this.forgetReadings();
    this.settle();
  }

  /** After a step of the own clock it is compared with new answers only: an old one may be as wrong. */
  private noticeStep(aheadMs: number): void {
    if (Math.abs(aheadMs - this.ownAheadMs) > this.boundMs) this.forgetReadings();
    this.ownAheadMs = aheadMs;
  }

  private forgetReadings(): void {
    for (const reading of this.readings) reading.atMs = Number.NEGATIVE_INFINITY;
  }

  /** What the leader tells all others, and asks them. */
  ask(): Clock {
    const timeMs = this.now();
    return { type: 'clock', sentMs: Math.floor(this.atMs), timeMs: this.isTold ? timeMs : 0 };
  }

  /** The leader tells the time. @returns what it is answered. */
  told(message: Clock): Clocked {
    const ownMs = this.now();
    // A leader takes it from nobody: this one may have led before.
    if (message.timeMs > 0 && this.leadsSinceMs === undefined) {
      // It was sent before now, and may be late: a leader's time cannot have fallen further behind than this.
      const leastMs = this.isTold ? ownMs - (this.atMs - this.toldAtMs) * SLEW : 0;
      this.timeMs = Math.max(message.timeMs, leastMs);
      this.isTold = true;
      this.toldAtMs = this.atMs;
    }
    return {
      type: 'clocked',
      sentMs: message.sentMs,
      wallMs: Math.max(0, Math.floor(this.clocks.wallMs())),
      timeMs: this.isTold ? Math.floor(this.timeMs) : 0,
    };
  }

  /** What `from` answers. */
  answered(from: ReplicaId, { sentMs, wallMs, timeMs }: Clocked): void {
    const reading = this.readings.find(({ id }) => id === from);
    const nowMs = this.clocks.monotonicMs();
    const tripMs = nowMs - sentMs;
    if (reading === undefined || this.leadsSinceMs === undefined || !(tripMs >= 0)) return;
    if (sentMs < Math.floor(this.leadsSinceMs)) return;
    const isFresh = nowMs - reading.atMs <= READING_MS_MAX;
    if (isFresh && tripMs / 2 > Math.max(reading.uncertainMs, this.boundMs)) return;
    const middleMs = nowMs - tripMs / 2;
    reading.wallAheadMs = wallMs - middleMs;
    reading.timeAheadMs = timeMs > 0 ? timeMs - middleMs : undefined;
    reading.uncertainMs = tripMs / 2;
    reading.atMs = nowMs;
    this.settle();
  }

  /** Looks at this replica's own clock. True when it has come off, or is well again: then it is told of. */
  look(): boolean {
    this.now();
    this.settle();
    if (!this.isTold) return false;
    const isOff = Math.abs(this.clocks.wallMs() - this.timeMs) > this.boundMs;
    if (isOff) this.lastOffMs = this.atMs;
    const isNews = isOff ? !this.off : this.off && this.atMs - this.lastOffMs >= WELL_AFTER_MS;
    if (isNews) this.off = isOff;
    return isNews;
  }

  get status(): ClockStatus {
    const timeMs = this.now();
    const known = this.leadsSinceMs === undefined ? [] : this.readings.filter((each) => this.counts(each));
    return {
      timeMs: this.isTold ? timeMs : 0,
      aheadMs: this.isTold ? Math.round(this.clocks.wallMs() - this.timeMs) : 0,
      isOff: this.off,
      guide: this.drawnTo,
      peers: known.map(({ id, wallAheadMs, uncertainMs }) => ({
        id,
        aheadMs: Math.round(wallAheadMs + this.atMs - this.timeMs),
        roundTripMs: Math.round(2000 * uncertainMs) / 1000,
      })),
    };
  }

  /** What the time is drawn to now. */
  private guide(nowMs: number, wallMs: number): number | undefined {
    let agree = 1;
    for (let i = 0; i < this.readings.length; i++) {
      const reading = this.readings[i]!;
      if (!this.counts(reading)) continue;
      const apartMs = Math.abs(reading.wallAheadMs + nowMs - wallMs);
      if (apartMs <= this.boundMs + reading.uncertainMs) agree++;
    }
    if (agree >= this.quorum) {
      this.drawnTo = 'own';
      return wallMs;
    }
    this.drawnTo = this.othersAheadMs === undefined ? 'none' : 'others';
    return this.othersAheadMs === undefined ? undefined : this.othersAheadMs + nowMs;
  }

  private counts(reading: Reading): boolean {
    return this.atMs - reading.atMs <= READING_MS_MAX;
  }

  /** Takes up what is known of the clocks; a leader that was never told finds the time in it. */
  private settle(): void {
    if (this.leadsSinceMs === undefined) return;
    this.now();
    const counted = this.readings.filter((each) => this.counts(each));
    const ownAheadMs = this.clocks.wallMs() - this.atMs;
    const all = [ownAheadMs, ...counted.map(({ wallAheadMs }) => wallAheadMs)].sort((a, b) => a - b);
    const middleMs = all[Math.floor((all.length - 1) / 2)]!;
    const agree = all.filter((each) => Math.abs(each - middleMs) <= this.boundMs).length;
    this.othersAheadMs = agree >= this.quorum ? middleMs : undefined;
    if (this.isTold || all.length < this.quorum) return;
    const told = counted.flatMap(({ timeAheadMs }) => (timeAheadMs === undefined ? [] : [timeAheadMs]));
    const mayHearMore =
      counted.length < this.readings.length && this.atMs - this.leadsSinceMs < OPINIONS_MS_MAX;
    if (told.length === 0 && agree < this.quorum && mayHearMore) return;
    this.isTold = true;
    this.atLeast(this.atMs + (told.length > 0 ? Math.max(...told) : middleMs));
  }
}
