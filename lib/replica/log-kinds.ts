/** Which acceptor log a replica's directory holds, and how each kind is formatted and opened. */
import type { MemoryDisk } from '../storage/memory.js';
import { formatMemory, openMemory } from '../storage/memory.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';

/**
 * - `pmem`: real persistent memory; survives power loss; refused where the mapping is not that.
 * - `emulated`: the same log in any mapped file; survives the death of the process, and power loss with `msync`.
 * - `file`: segments with fdatasync; survives power loss.
 * - `memory`: survives nothing; for tests.
 */
export type StorageChoice =
  | { readonly mode: 'pmem' }
  | { readonly mode: 'emulated'; readonly sync?: 'none' | 'msync' }
  | { readonly mode: 'file' }
  | { readonly mode: 'memory'; readonly disk: MemoryDisk };

export async function formatLog(directory: string, choice: StorageChoice, shape: StoreShape): Promise<void> {
  if (choice.mode === 'memory') return formatMemory(choice.disk, shape);
  throw new RangeError(`not yet ${directory}`);
}

export async function openLog(directory: string, choice: StorageChoice): Promise<Storage> {
  if (choice.mode === 'memory') return openMemory(choice.disk);
  throw new RangeError(`not yet ${directory}`);
}
