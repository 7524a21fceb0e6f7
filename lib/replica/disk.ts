/**
 * How full the file system is that checkpoints are written to, and whether what is left of it is the reserve.
 * The log has all its space from `format` on; what grows is checkpoints, and small files beside the store.
 *
 * 1. The reserve is what the next checkpoint may take: as much as the newest one, what the log holds, and
 *    some for small files. Below it commands that grow the state are refused, so that checkpoints can go on
 *    being written, and with them the log being forgotten and leaders elected.
 * 2. What a checkpoint that is being written or received has taken so far is not held against the disk:
 *    nothing is judged anew meanwhile.
 * 3. The reserve is left when there is an eighth more than it, so that commands are not refused and taken by
 *    turns. Nothing else is needed to go on.
 * 4. A disk that nothing is known of counts as one with room.
 *
 * | state   | means                                                                      |
 * |---------|----------------------------------------------------------------------------|
 * | ok      | there is room                                                              |
 * | warn    | {@link WARN_SHARE} of the disk is in use: a person is told                 |
 * | reserve | less is left than the reserve                                              |
 * | full    | nothing is left; or the system refused a checkpoint for lack of room, of a quota too |
 */
import type { DiskSpace } from '../storage/file/disk-space.js';

/** How full the disk is: see docs/operating.md. */
export type DiskState = 'ok' | 'warn' | 'reserve' | 'full';

/** How much room a replica has for checkpoints. */
export interface DiskStatus {
  /** What is done about it: docs/operating.md has the states. */
  readonly state: DiskState;
  /** Of the file system with the checkpoints. */
  readonly bytes: number;
  /** Free for this process. */
  readonly freeBytes: number;
  /** In use, 0 … 1. */
  readonly share: number;
  /** Below so many free bytes commands that grow the state are refused. */
  readonly reserveBytes: number;
}

/** What a watch looks at. */
export interface DiskSurroundings {
  /** Undefined where nothing is known of it. */
  space(): Promise<DiskSpace | undefined>;
  /** Bytes of the newest checkpoint, and of what has been logged and not forgotten. */
  neededBytes(): number;
  /** A checkpoint is being written or received. */
  isWriting(): boolean;
  /** The last attempt to write a checkpoint found no room. */
  foundNoRoom(): boolean;
  /** The state has changed. */
  news(status: DiskStatus): void;
}

/** The share in use from which a person is told. */
export const WARN_SHARE = 0.85;
/** Of the reserve: what small files and lines of the log may take. */
const SMALL_FILES_BYTES: number = 1 << 20;
/** Less than this is nothing. */
const NOTHING_BYTES: number = 64 << 10;
/** What has to be free beyond the reserve before it is left: this part of it. */
const LEAVING_PART = 8;
const LOOK_MS = 1000;

export class DiskWatch {
  private readonly around: DiskSurroundings;
  private lookedMs: number = Number.NEGATIVE_INFINITY;
  private isLooking = false;
  private seen: DiskStatus | undefined;

  constructor(around: DiskSurroundings) {
    this.around = around;
  }

  /** Undefined before it is known, and where nothing is. */
  get status(): DiskStatus | undefined {
    return this.seen;
  }

  /** What is left is the reserve, or less. */
  get isShort(): boolean {
    return this.seen?.state === 'reserve' || this.seen?.state === 'full';
  }

  /** For a person; empty where there is room. */
  get advice(): string {
    if (this.seen === undefined || this.seen.state === 'ok') return '';
    const { state, bytes, freeBytes, share, reserveBytes } = this.seen;
    const how = `the disk of this replica is ${Math.floor(share * 100)} % full, ${mebibytes(freeBytes)} of ${mebibytes(bytes)} are free`;
    if (state === 'warn') return `${how}: make room before ${mebibytes(reserveBytes)} are left`;
    return (
      `${how}, and ${mebibytes(reserveBytes)} are kept for checkpoints and elections: commands that grow the ` +
      'state are refused while no majority of the replicas has room. Reads go on. Make room; it goes on by itself'
    );
  }

  /** Looks again, now and then. */
  tick(nowMs: number): void {
    if (this.isLooking || nowMs - this.lookedMs < LOOK_MS) return;
    this.lookedMs = nowMs;
    this.isLooking = true;
    this.around.space().then(
      (space) => this.found(space),
      // Rule 4: the next look may find more.
      () => this.found(undefined),
    );
  }

  private found(space: DiskSpace | undefined): void {
    this.isLooking = false;
    const isOut = this.around.foundNoRoom();
    // Also of a store that was closed meanwhile.
    if (space === undefined || (this.around.isWriting() && !isOut)) return;
    const { bytes, freeBytes } = space;
    const reserveBytes = this.around.neededBytes() + SMALL_FILES_BYTES;
    const share = bytes > 0 ? (bytes - freeBytes) / bytes : 0;
    const enoughBytes = this.isShort ? reserveBytes + reserveBytes / LEAVING_PART : reserveBytes;
    let state: DiskState = share >= WARN_SHARE ? 'warn' : 'ok';
    if (freeBytes < enoughBytes) state = 'reserve';
    if (freeBytes < NOTHING_BYTES || isOut) state = 'full';
    const before = this.seen?.state ?? 'ok';
    this.seen = { state, bytes, freeBytes, share, reserveBytes };
    if (state !== before) this.around.news(this.seen);
  }
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / (1 << 20))} MiB`;
}
