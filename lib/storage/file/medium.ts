/**
 * How bytes of the file backend and of checkpoints become durable: every write, sync, rename and directory
 * sync goes through here, so that a test can record them and cut the power between any two.
 *
 * What a power cut leaves:
 * 1. Each 512-byte sector of a write that was not synced is old or new, independently of all others.
 * 2. Each creation, rename or removal whose directory was not synced has happened or not.
 * 3. `sync` makes the file's earlier writes and its length durable, `syncDirectory` the directory's entries.
 *    A file's content and its name are two things, each with its own sync.
 *
 * Implementations: {@link RealMedium} (real-medium.ts), {@link RecordingMedium} (recording-medium.ts).
 */

import type { Claim } from '../underlying/claim.js';
import type { DiskSpace } from './disk-space.js';
import type { WriteQueue } from './write-queue.js';

/** The unit a power cut cannot tear. */
export const SECTOR_BYTES = 512;

/** What durable writes are aligned to, in position, length and memory. */
export const PAGE_BYTES = 4096;

/** Where in the code a write or sync happens; what a recording shows and a fault is aimed at. */
export type Site =
  | 'directory'
  | 'identity'
  | 'root'
  | 'segment.prefill'
  | 'segment.rename'
  | 'segment.refill'
  | 'segment.recovered'
  | 'group'
  | 'checkpoint'
  | 'checkpoint.remove'
  | 'backup';

/** Called when a durable write is durable, or has failed. */
export type Done = (error: Error | undefined) => void;

export interface MediumFile {
  readonly path: string;
  length(): Promise<number>;
  /** Reads from the device rather than from the page cache. Resolves to the bytes read: fewer at the end. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** The same, blocking, and from the page cache where that has the bytes. */
  readSync(into: Uint8Array, position: number): number;
  /** Writes; not durable until {@link sync}. */
  write(bytes: Uint8Array, position: number, site: Site): Promise<void>;
  sync(site: Site): Promise<void>;
  /**
   * Writes within the file's length and makes that durable, in one step off the main thread.
   * `bytes` comes from {@link FileMedium.allocate}, its offset, its length and `position` are multiples of
   * PAGE_BYTES, and it does not change until `done`.
   */
  writeDurable(bytes: Uint8Array, position: number, site: Site, done: Done): void;
  close(): Promise<void>;
}

export interface FileMedium {
  /** Names in a directory. Rejects with ENOENT where there is none. */
  list(directory: string): Promise<readonly string[]>;
  /**
   * Makes one directory; false where something has its name. Its own name is durable once the directory
   * above it is synced (directories.ts). Rejects with ENOENT where there is none above it.
   */
  makeDirectory(directory: string): Promise<boolean>;
  /** 'read' and 'write' reject with ENOENT where there is no file; 'create' empties one that is there. */
  open(path: string, access: 'read' | 'write' | 'create'): Promise<MediumFile>;
  rename(from: string, to: string, site: Site): Promise<void>;
  /** Removes a file; one that is not there counts as removed. */
  remove(path: string, site: Site): Promise<void>;
  syncDirectory(directory: string, site: Site): Promise<void>;
  /** A queue better than one made of `writeDurable` ({@link SerialQueue}), where this medium has one. */
  writeQueue?(): WriteQueue | undefined;
  /** What a store in the directory may claim to survive; without it, loss of power. */
  claim?(directory: string): Claim;
  /** What the file system of `directory` holds and has left; without it, nothing is known of that. */
  space?(directory: string): Promise<DiskSpace>;
  /** Memory a durable write can start from: page-aligned, zeroed, kept for as long as it is held. */
  allocate(lengthBytes: number): Uint8Array;
  /**
   * Takes the directory for this process alone; the result gives it back.
   * @throws ERR_INDELIBLE_STORE_LOCKED
   */
  lock(directory: string): Promise<() => Promise<void>>;
}

/** The `code` of a system error, such as ENOENT; undefined for other errors. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const NO_ROOM: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** Whether the system refused a write because the disk, or a quota, has no room. */
export function isNoRoom(error: unknown): boolean {
  return NO_ROOM.has(systemCode(error) ?? '');
}

/** What the system says when it is short of something: nothing is known of the medium then. */
const SHORTAGES: ReadonlySet<string> = new Set(['ENOMEM', 'ENOBUFS', 'EAGAIN', 'EMFILE', 'ENFILE']);

export function isShortage(error: unknown): boolean {
  return SHORTAGES.has(systemCode(error) ?? '');
}

/** To be called with what a read was refused with: throws it unless it tells of the medium. */
export function throwShortage(error: unknown): void {
  if (isShortage(error)) throw error;
}
