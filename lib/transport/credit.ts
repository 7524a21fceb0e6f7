/**
 * How many bulk bytes may be under way to one peer: so many that the link is never idle, and so few that what
 * is said next does not wait long behind them, wherever they lie: in this kernel, on the way, or in theirs.
 *
 * The peer says how much it has taken. What took longer than the link's own delay and DELAY_MS_MAX more has
 * waited in some queue: the window shrinks in proportion. What was held back although it came through quickly
 * shows that the link takes more: the window grows by what was taken, which doubles it in a round trip.
 *
 * 1. WINDOW_BYTES_MIN may always be under way, and never more than the window.
 * 2. Nobody is believed to have taken what was not sent, or less than before.
 */
import { frameError } from '../wire/reader.js';

/** The least that the window shrinks to, and what it begins with, in bytes. */
export const WINDOW_BYTES_MIN: number = 64 << 10;
const WINDOW_BYTES_FIRST = 128 << 10;
const WINDOW_BYTES_MAX = 16 << 20;

/** Bulk may wait this long in queues before the window shrinks, and half as long before it grows no more. */
const DELAY_MS_MAX = 100;
const DELAY_MS_GOOD = 50;

/**
 * So often the window shrinks to the least for a round trip, to see the delay of the link itself: under
 * steady load, and behind a stall of either end, no other sample shows it. In milliseconds.
 */
const PROBE_EVERY_MS = 3000;

/** So much that is sent within this time is remembered as one, in milliseconds and bytes. */
const GRAIN_MS = 1;
const GRAIN_BYTES = 8 << 10;

/** Bytes were sent through `end`, the first of them at `atMs`. */
interface Sent {
  readonly from: number;
  end: number;
  readonly atMs: number;
}

export class Credit {
  private readonly records: Sent[] = [];
  private windowBytes = WINDOW_BYTES_FIRST;
  private sentBytes = 0;
  private takenBytes = 0;
  /** The window shrinks again only when what was sent before it last did has been taken. */
  private shrunkAt = 0;
  private wasShort = false;
  private leastMs = Number.POSITIVE_INFINITY;
  private leastMsBefore = Number.POSITIVE_INFINITY;
  private probedMs: number;
  /** While the delay is probed: the window to go back to, and the byte whose taking ends it. */
  private probe: { readonly windowBytes: number; readonly end: number } | undefined;

  constructor(nowMs: number) {
    this.probedMs = nowMs;
  }

  /** Bytes that may be under way at a time. */
  get window(): number {
    return this.windowBytes;
  }
  /** Bytes sent and not known to be taken. */
  get underWay(): number {
    return this.sentBytes - this.takenBytes;
  }
  /** Bytes that may be sent now. */
  get room(): number {
    return Math.max(0, this.windowBytes - this.underWay);
  }

  sent(bytes: number, nowMs: number): void {
    const from = this.sentBytes;
    this.sentBytes += bytes;
    const last = this.records[this.records.length - 1];
    if (last !== undefined && nowMs - last.atMs < GRAIN_MS && this.sentBytes - last.from <= GRAIN_BYTES) {
      last.end = this.sentBytes;
    } else {
      this.records.push({ from, end: this.sentBytes, atMs: nowMs });
    }
  }

  /** Something waits because there is no room for it. */
  short(): void {
    this.wasShort = true;
  }

  /** The peer has taken `total` bytes since the link is up. @throws ERR_INDELIBLE_FRAME if it cannot have. */
  taken(total: number, nowMs: number): void {
    if (total > this.sentBytes || total < this.takenBytes) {
      throw frameError(`a peer has taken ${total} bytes of ${this.sentBytes}, after ${this.takenBytes}`);
    }
    const bytes = total - this.takenBytes;
    this.takenBytes = total;
    let newest: Sent | undefined;
    let done = 0;
    for (const record of this.records) {
      if (record.end > total) break;
      newest = record;
      done++;
    }
    if (newest === undefined) return;
    this.records.splice(0, done);
    this.adapt(bytes, nowMs - newest.atMs, nowMs);
  }

  private adapt(bytes: number, delayMs: number, nowMs: number): void {
    if (this.probe === undefined && nowMs - this.probedMs > PROBE_EVERY_MS) this.beginProbe(nowMs);
    this.leastMs = Math.min(this.leastMs, delayMs);
    if (this.probe !== undefined) {
      if (this.takenBytes < this.probe.end && nowMs - this.probedMs < PROBE_EVERY_MS / 2) return;
      this.windowBytes = this.probe.windowBytes;
      this.probe = undefined;
    }
    const queuedMs = delayMs - Math.min(this.leastMs, this.leastMsBefore);
    if (queuedMs > DELAY_MS_MAX && this.takenBytes >= this.shrunkAt) {
      this.shrunkAt = this.sentBytes;
      const share = Math.max(0.5, DELAY_MS_MAX / queuedMs);
      this.windowBytes = Math.max(WINDOW_BYTES_MIN, Math.floor(this.windowBytes * share));
    } else if (this.wasShort && queuedMs < DELAY_MS_GOOD) {
      this.windowBytes = Math.min(WINDOW_BYTES_MAX, this.windowBytes + bytes);
    }
    this.wasShort = false;
  }

  private beginProbe(nowMs: number): void {
    this.probedMs = nowMs;
    this.probe = { windowBytes: this.windowBytes, end: this.sentBytes + WINDOW_BYTES_MIN / 2 };
    this.windowBytes = WINDOW_BYTES_MIN;
    this.leastMsBefore = this.leastMs;
    this.leastMs = Number.POSITIVE_INFINITY;
  }
}
