/** The storage of unit tests, as an option of `formatStore` and `Replica.open`. */
import { MemoryDisk } from '../storage/memory.js';
import type { StorageChoice } from './log-kinds.js';

/**
 * A replica's log in the memory of this process, for unit tests of a state machine. **It survives nothing**:
 * no crash, no power loss, not the end of the process. Never use it for data that matters.
 *
 * Make one for each replica and give the same one to `formatStore` and to `Replica.open`. A replica that was
 * closed can be opened again on it, in the same process. Checkpoints and the cluster's key are files in
 * `directory` as for every other storage: use a temporary one.
 *
 * @example
 * ```ts
 * import { memoryStorage } from 'indelible';
 *
 * const storage = memoryStorage();
 * console.log(storage.mode); // memory
 * ```
 */
export function memoryStorage(): StorageChoice {
  return { mode: 'memory', disk: new MemoryDisk() };
}
