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
 * - `pmem`: real persistent memory; survives power loss; refused where the mapping is not that.
 * - `emulated`: the same log in any mapped file; survives the death of the process, and power loss with
 *   `msync`.
 * - `file`: segments with fdatasync; survives power loss.
 *
 * None says more than survives where it lies.
 *
 * - `memory`: survives nothing; for tests.
 */
export type StorageChoice =
  | { readonly mode: 'pmem' }
  | { readonly mode: 'emulated'; readonly sync?: 'none' | 'msync' }
  | { readonly mode: 'file' }
  | { readonly mode: 'memory'; readonly disk: MemoryDisk };

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
