/**
 * Locks that the kernel keeps with an open file (flock): they hold across PID namespaces, and end with the
 * process or the environment that took them.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { nativeAddon } from './binding.js';
import { translated } from './log.js';

interface LockAddon {
  /** Creates the file if need be. The result lets go of the lock. */
  lockFile?(path: string): () => void;
}

/**
 * Locks the file at `path`, made if need be. The result lets go of it.
 * @returns undefined where the addon is not built, cannot be loaded or has no locks
 * @throws ERR_INDELIBLE_STORE_LOCKED while somebody holds it, ERR_INDELIBLE_STORE_IO
 */
export function lockFile(path: string): (() => void) | undefined {
  let addon: LockAddon;
  try {
    addon = nativeAddon() as LockAddon;
  } catch (error) {
    if (error instanceof IndelibleError && error.code === ErrorCode.nativeMissing) return undefined;
    throw error;
  }
  try {
    return addon.lockFile?.(path);
  } catch (error) {
    throw translated(error, path);
  }
}
