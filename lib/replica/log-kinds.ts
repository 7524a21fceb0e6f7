/** Which acceptor log a replica's directory holds, and how each kind is formatted and opened. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formatFile, identifyFile, openFile } from '../storage/file.js';
import { formatMemory, type MemoryDisk, openMemory } from '../storage/memory.js';
import { checkPersistentMemory, formatPmem, identifyPmem, openPmem } from '../storage/pmem.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import { claimOf } from '../storage/underlying/claim.js';
import { groundOf } from '../storage/underlying/examine.js';
import type { DurabilityClass, Identity } from '../types.js';

/**
 * What the acceptor log of a replica lies on.
 *
 * - `pmem`: real persistent memory. It survives power loss. Refused where the mapping is something else.
 * - `emulated`: the same log in any mapped file. It survives the end of the process; with `sync: 'msync'`
 *   also power loss, if the file lies on a disk.
 * - `file`: a log in files with fdatasync. It survives power loss, if the files lie on a disk.
 * - `memory`: survives nothing; for tests. Made by {@link memoryStorage}.
 *
 * `Replica.durability` says what the log really survives at this place.
 *
 * @example
 * ```ts
 * import type { StorageChoice } from 'indelible';
 *
 * const persistentMemory: StorageChoice = { mode: 'pmem' };
 * const mappedFile: StorageChoice = { mode: 'emulated' };
 * const mappedFileOnDisk: StorageChoice = { mode: 'emulated', sync: 'msync' };
 * const disk: StorageChoice = { mode: 'file' };
 * console.log([persistentMemory, mappedFile, mappedFileOnDisk, disk].map(({ mode }) => mode).join(' '));
 * // pmem emulated emulated file
 * ```
 */
export type StorageChoice =
  | {
      /** Persistent memory. */
      readonly mode: 'pmem';
    }
  | {
      /** A mapped file. */
      readonly mode: 'emulated';
      /** `msync`: each fence is an msync, so that power loss is survived on a disk. Default `none`. */
      readonly sync?: 'none' | 'msync';
    }
  | {
      /** Files, with fdatasync. */
      readonly mode: 'file';
    }
  | {
      /** The memory of this process. */
      readonly mode: 'memory';
      /** What {@link memoryStorage} made. */
      readonly disk: MemoryDisk;
    };

/** Where a fence is an msync, what is flushed must not share a page with what is not. */
const MSYNC_ALIGNMENT = 4096;

export async function formatLog(directory: string, choice: StorageChoice, shape: StoreShape): Promise<void> {
  switch (choice.mode) {
    case 'memory':
      return formatMemory(choice.disk, shape);
    case 'pmem':
      return formatPmem({ path: regionIn(directory), ...shape });
    case 'emulated': {
      const alignment = choice.sync === 'msync' ? { alignment: MSYNC_ALIGNMENT } : {};
      return formatPmem({ path: regionIn(directory), ...shape, ...alignment });
    }
    case 'file':
      return formatFile(join(directory, 'log'), shape);
  }
}

/** What a log of this kind in `directory`, which is there, may claim to survive, and why not more. */
export function claimIn(
  directory: string,
  choice: StorageChoice,
): { durability: DurabilityClass; reason: string } {
  if (choice.mode === 'memory') return { durability: 'none', reason: 'it is in memory' };
  const isMsync = choice.mode === 'emulated' && choice.sync === 'msync';
  // A region may be a link to a device that lies elsewhere.
  const region = groundOf(existsSync(regionIn(directory)) ? regionIn(directory) : directory);
  return claimOf(isMsync ? 'msync' : choice.mode, choice.mode === 'file' ? groundOf(directory) : region);
}

/** Refuses a directory whose medium is not what the mode needs, with nothing written. */
export function checkMedium(directory: string, choice: StorageChoice): void {
  if (choice.mode === 'pmem') checkPersistentMemory(directory);
}

/** Whose log this is, with nothing written and no lock taken. */
export async function identifyLog(directory: string, choice: StorageChoice): Promise<Identity | undefined> {
  switch (choice.mode) {
    case 'memory':
      return choice.disk.shape?.identity;
    case 'pmem':
    case 'emulated':
      return identifyPmem(regionIn(directory));
    case 'file':
      return identifyFile(join(directory, 'log'));
  }
}

/** Opens a log that is of `expect`; another is refused unwritten. */
export async function openLog(
  directory: string,
  choice: StorageChoice,
  expect: Partial<Identity>,
): Promise<Storage> {
  switch (choice.mode) {
    case 'memory':
      return openMemory(choice.disk);
    case 'pmem':
      return openPmem({ path: regionIn(directory), mode: 'pmem', expect });
    case 'emulated': {
      const sync = choice.sync === 'msync' ? { sync: choice.sync } : {};
      return openPmem({ path: regionIn(directory), mode: 'emulated', expect, ...sync });
    }
    case 'file':
      return openFile(join(directory, 'log'), undefined, expect);
  }
}

function regionIn(directory: string): string {
  return join(directory, 'region');
}
