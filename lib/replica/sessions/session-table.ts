/**
 * The sessions of a cluster: what each has executed last, and the answers that it may ask for again. Part of
 * the replicated state: every replica makes the same of the same commands (contract 18).
 *
 * 1. Of a session only the command behind its last one is executed. An earlier one has its answer, while that
 *    is kept; one further on is refused.
 * 2. A session's number is never given again, so that one that is not in the table was forgotten: nothing of
 *    it is executed ever again.
 * 3. What is forgotten follows from the log alone: from its order, its times, and the bounds in its batches.
 */
import { digestOf } from '../../storage/crc64.js';
import { KeptAnswers } from './kept-answers.js';
import type { SessionBounds } from './session-terms.js';

/** One session. */
export interface SessionEntry {
  readonly session: number;
  /** The last command that was executed, or skipped; 0 before the first. */
  last: number;
  /** Replicated time of its last run. */
  usedMs: number;
  readonly answers: KeptAnswers;
}

/** The share of all answers that one session may keep. */
const SHARE = 16;
const KIB = 1024;

export class SessionTable {
  /** Those used longest ago first. */
  private entries = new Map<number, SessionEntry>();
  private newest: SessionEntry | undefined;
  private opened = 0;
  private bytes = 0;
  /** Sessions that were forgotten for the bounds, since open. */
  forgotten = 0;

  /** Sessions opened ever. */
  get openedEver(): number {
    return this.opened;
  }
  /** Sessions that are kept. */
  get count(): number {
    return this.entries.size;
  }
  /** Bytes of answers that are kept. */
  get answerBytes(): number {
    return this.bytes;
  }

  /** Those used longest ago first. */
  all(): Iterable<SessionEntry> {
    return this.entries.values();
  }

  /** Opens a session in place of `replaced`, if that is not 0. @returns its number */
  open(replaced: number, timeMs: number): number {
    this.forget(replaced);
    this.opened++;
    this.put({ session: this.opened, last: 0, usedMs: timeMs, answers: new KeptAnswers(1) });
    return this.opened;
  }

  /**
   * A run of the session's comes, whose holder has the answers through `answeredThrough`. Undefined: there is
   * no such session any more.
   */
  use(session: number, answeredThrough: number, timeMs: number): SessionEntry | undefined {
    const entry = this.entries.get(session);
    if (entry === undefined) return undefined;
    entry.usedMs = timeMs;
    if (this.newest !== entry) {
      this.entries.delete(session);
      this.entries.set(session, entry);
      this.newest = entry;
    }
    this.bytes -= entry.answers.lengthBytes;
    entry.answers.dropThrough(answeredThrough);
    this.bytes += entry.answers.lengthBytes;
    return entry;
  }

  /** The next `count` commands of the session are executed: source[start, end) are their answers. */
  keep(
    entry: SessionEntry,
    source: Uint8Array,
    start: number,
    end: number,
    count: number,
    bounds: SessionBounds,
  ): void {
    entry.last += count;
    this.bytes -= entry.answers.lengthBytes;
    entry.answers.append(source, start, end, count);
    this.bound(entry, bounds);
  }

  /** The next command of the session is skipped. */
  keepSkipped(entry: SessionEntry, bounds: SessionBounds): void {
    entry.last++;
    this.bytes -= entry.answers.lengthBytes;
    entry.answers.appendNone();
    this.bound(entry, bounds);
  }

  /** Forgets what the bounds of a batch have no room for, at its time. */
  settle(timeMs: number, { sessionsMax, idleSeconds }: SessionBounds): void {
    for (const { session, usedMs } of this.entries.values()) {
      if (this.entries.size <= sessionsMax && timeMs - usedMs <= idleSeconds * 1000) return;
      this.forgotten++;
      this.forget(session);
    }
  }

  /** Of everything in it; undefined while no session was ever opened. */
  digest(): string | undefined {
    if (this.opened === 0) return undefined;
    const words = new Float64Array(5);
    const bytes = Buffer.from(words.buffer);
    let digest = this.opened;
    for (const { session, last, usedMs, answers } of this.entries.values()) {
      const { bytes: room, start, lengthBytes } = answers;
      words.set([digest, session, last, usedMs, digestOf(room, start, start + lengthBytes)]);
      digest = digestOf(bytes, 0, bytes.length);
    }
    return digest.toString(16);
  }

  /** The table is this one from now on; the entries come as `all` gave them. */
  replace(opened: number, entries: readonly SessionEntry[]): void {
    this.entries = new Map();
    this.newest = undefined;
    this.opened = opened;
    this.bytes = 0;
    for (const entry of entries) this.put(entry);
  }

  private put(entry: SessionEntry): void {
    this.entries.set(entry.session, entry);
    this.newest = entry;
    this.bytes += entry.answers.lengthBytes;
  }

  /** `entry` has changed, and its answers count no more: bounds them, and counts them. */
  private bound(entry: SessionEntry, { answerKibMax }: SessionBounds): void {
    entry.answers.dropBeyond((answerKibMax * KIB) / SHARE);
    this.bytes += entry.answers.lengthBytes;
    for (const { session, answers } of this.entries.values()) {
      if (this.bytes <= answerKibMax * KIB || session === entry.session) return;
      // One that keeps no answers frees no room.
      if (answers.lengthBytes === 0) continue;
      this.forgotten++;
      this.forget(session);
    }
  }

  private forget(session: number): void {
    const entry = this.entries.get(session);
    if (entry === undefined) return;
    this.entries.delete(session);
    this.bytes -= entry.answers.lengthBytes;
    if (this.newest === entry) this.newest = undefined;
  }
}
