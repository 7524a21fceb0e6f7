/**
 * The addon's surface, typed. Flat functions and numbers; lib/storage/pmem-*.ts makes a Storage of it.
 *
 * 1. Errors thrown from here carry `code` (lib/errors.ts), and `errno` and `syscall` where the system
 *    refused.
 * 2. After `close` every function of a log throws ERR_INDELIBLE_STORE_CLOSED; none crashes.
 * 3. `table` and `gauges` are ordinary memory shared with the addon: they must not be transferred.
 */
import { type ErrorCode, IndelibleError } from '../errors.js';
import { nativeAddon } from './binding.js';

/** Identity and geometry of a region, as the addon takes them. */
export interface NativeFormat {
  /** 16 bytes. */
  readonly clusterId: Uint8Array;
  /** 16 bytes. */
  readonly storeUuid: Uint8Array;
  readonly replicaId: number;
  readonly alignment: number;
  readonly logBytes: number;
  readonly recordBytesMax: number;
  readonly recordItemsMax: number;
  /** Keys the commit words; 0 lets `formatFile` draw one. */
  readonly incarnation: number;
}

export interface NativeRecovered {
  readonly outcome: 'intact' | 'damaged' | 'lost';
  readonly reason: string;
  readonly clean: 0 | 1;
  readonly promised: number;
  readonly trimThrough: number;
  readonly checkpointId: number;
  readonly learnedThrough: number;
  readonly highestVoted: number;
  /** VOTE_NUMBERS a vote, by rising slot. */
  readonly votes: Float64Array;
  /** Pairs: from, through. */
  readonly uncertain: Float64Array;
}

export interface NativeScrub {
  readonly bytes: number;
  readonly passEnded: 0 | 1;
  /** The next three only where damage was found; votes and ranges as in {@link NativeRecovered}. */
  readonly reason?: string;
  readonly votes?: Float64Array;
  readonly uncertain?: Float64Array;
}

/**
 * Numbers before the first row of `NativeLog.table`: rows in use, the slot learned through, runs in use,
 * none.
 */
export const HEAD_NUMBERS = 4;

/** Numbers a row has: its digest; its place, which is start · {@link PLACE_START_UNIT} + length. */
export const ROW_NUMBERS = 2;
export const PLACE_START_UNIT: number = 2 ** 22;

/**
 * Numbers a run has: first slot, ballot, type, first row. Runs lie behind the last row there is room for. A
 * run is a promise, or votes for consecutive slots at one ballot and of one kind.
 */
export const RUN_NUMBERS = 4;

/** Numbers a recovered vote has: slot, ballot, type, digest, length, 1 if its bytes are there. */
export const VOTE_NUMBERS = 6;

/** The type of a run that is a promise; votes use their BatchKind. */
export const PROMISE_TYPE = 255;

/** Places in `NativeLog.gauges`. */
export const Gauge = { voteRoom: 0, promiseRoom: 1, usedBytes: 2, pending: 3, reserveRoom: 4 } as const;

/** What room is asked for: for any vote, for promises alone, for a vote that may use the reserve. */
export const Claim = { vote: 0, promise: 1, reserve: 2 } as const;
export type Claim = (typeof Claim)[keyof typeof Claim];

export interface NativeLog {
  readonly table: Float64Array;
  readonly gauges: Float64Array;
  readonly clusterId: Uint8Array;
  readonly storeUuid: Uint8Array;
  readonly replicaId: number;
  /** The lower 53 bits of what `format` drew. */
  readonly incarnation: number;
  /** Of the root, when the log was opened: it rises with every root that is written. */
  readonly generation: number;
  readonly alignment: number;
  readonly recordBytesMax: number;
  /** Rows `table` has. */
  readonly recordItemsMax: number;
  readonly capacityBytes: number;
  /** Mapped regions only: 1 if what is fenced survives power loss. */
  readonly survivesPower?: 0 | 1;
  /** Mapped regions only: 'libpmem', 'msync', or an instruction of the processor (native/own_pmem.h). */
  readonly flushedBy?: string;

  /**
   * Writes the rows in use of `table` as one record; their starts are offsets into `source`.
   * @throws ERR_INDELIBLE_ARGUMENT for a number out of its bounds, whatever the table holds
   */
  append(source?: ArrayBuffer): void;
  drain(): void;
  /** 1 if a record of `bytes` has room now, after dropping dead records and copying live votes forward. */
  makeRoom(bytes: number, claim: Claim): 0 | 1;
  trim(through: number, checkpointId: number): void;
  /** With a digest, of a vote for that batch only; without one, of a vote that is known to be the last. */
  readVote(slot: number, digest?: number): Uint8Array | undefined;
  recovered(): NativeRecovered;
  /** Reads about `budget` bytes of the log back. */
  scrub(budget: number): NativeScrub;
  /** Records, bytes written, fences, trims, laps. */
  counters(): Float64Array;
  close(orderly: 0 | 1): void;
}

/** How thoroughly one moment is explored; native/crash_explorer.h says what each number does. */
export interface NativeExploreOptions {
  readonly seed: number;
  readonly exhaustiveMax: number;
  readonly randomImages: number;
  readonly kills: number;
  readonly deepEvery: number;
  readonly innerImages: number;
  /** Images are those of a medium that forgets at power loss, opened by another boot. */
  readonly forgets?: boolean;
  readonly onlyImage?: number;
}

/** Images of one moment that recovered to the same, and one of them. */
export interface NativeCrashOutcome {
  /** `open` says that there is no region. */
  readonly foreign: boolean;
  readonly images: number;
  readonly innerImages: number;
  /** The number of the image shown, in its moment. */
  readonly image: number;
  readonly x86: boolean;
  readonly trail: string;
  readonly seen: Uint8Array;
  /** The same object as `seen` unless the process was killed. */
  readonly durable: Uint8Array;
}

export interface NativeCrashPoint {
  /** Of the fence about to take effect; one past the last site between two operations. */
  readonly site: number;
  readonly units: number;
  readonly exhaustive: boolean;
  readonly images: number;
  readonly kills: number;
  readonly innerImages: number;
  readonly x86Images: number;
  readonly distinct: number;
  readonly outcomes: readonly NativeCrashOutcome[];
  readonly violation?: {
    readonly what: string;
    readonly trail: string;
    readonly image: number;
    readonly x86: boolean;
  };
}

/** Opaque: a CrashExplorer of the addon. */
export type NativeExplorer = object & { readonly __explorer: never };

/** What a log over the recording medium can do besides. */
export interface NativeRecordingLog extends NativeLog {
  crashImage(seed: number): Uint8Array;
  seenImage(): Uint8Array;
  durableImage(): Uint8Array;
  outstanding(): number;
  failNextFence(): void;
  /** Turns bits of a durable byte over. */
  flip(offset: number, bits: number): void;
  record(on: 0 | 1): void;
  /** Four numbers an entry: kind, site, offset, length. */
  takeTrace(): Float64Array;
  untracedStore(): 0 | 1;
  spoil(offset: number, bytes: Uint8Array): void;
  powerBreach(): string;
  explore(explorer: NativeExplorer, options: NativeExploreOptions): NativeCrashPoint;
  exploreAtFences(explorer?: NativeExplorer, options?: NativeExploreOptions, only?: number): void;
  takeExplored(): NativeCrashPoint[];
  release(): void;
}

export interface NativeAddon {
  formatFile(path: string, format: NativeFormat): void;
  /** Of a region that is only read, and not locked. */
  readIdentity(path: string): Pick<NativeFormat, 'clusterId' | 'storeUuid' | 'replicaId'>;
  /** Throws unless a region in this directory would be persistent memory. */
  tryDirectory(path: string): void;
  formatImage(format: NativeFormat): Uint8Array;
  /**
   * Modes: 0 pmem, 1 emulated, 2 emulated with msync.
   * @param forgets 1 where loss of power takes what was fenced: an unclean region of another boot is lost
   */
  openFile(path: string, mode: 0 | 1 | 2, fused: 0 | 1, forgets: 0 | 1): NativeLog;
  /** Media: 0 the usual one; 1 one that forgets at power loss; 2 such a one, opened by another boot. */
  openRecording(
    seen: Uint8Array,
    durable: Uint8Array,
    fused: 0 | 1,
    watch: 0 | 1,
    medium?: 0 | 1 | 2,
  ): NativeRecordingLog;
  createExplorer(): NativeExplorer;
  /** By site; the last place is for moments between two operations. */
  distinctImages(explorer: NativeExplorer): Float64Array;
  exploreFormat(
    explorer: NativeExplorer,
    options: NativeExploreOptions,
    image: Uint8Array,
    format: NativeFormat,
  ): NativeCrashPoint[];
  digestOf(bytes: Uint8Array, start: number, end: number): number;
  inspect(region: string | Uint8Array): string;
  crcImplementation(): 'isa-l' | 'vector' | 'table';
  siteNames(): string[];
}

/** Digest of bytes[start, end): the low 52 bits of their CRC-64/XZ. */
export function digestOf(bytes: Uint8Array, start: number, end: number): number {
  return nativeAddon().digestOf(bytes, start, end);
}

/** The addon's error as the library's; anything else passes through. */
export function translated(error: unknown, path?: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof IndelibleError) return error;
  const code = String(error.code);
  if (!code.startsWith('ERR_INDELIBLE_') || code === 'ERR_INDELIBLE_ARGUMENT') return error;
  const message = path === undefined ? error.message : `${path}: ${error.message}`;
  return new IndelibleError(code as ErrorCode, message, {
    cause: error,
    ...(path === undefined ? {} : { path }),
  });
}
