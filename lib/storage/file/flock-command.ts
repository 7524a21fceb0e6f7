/**
 * The lock of native/file_lock.h where there is no addon: by flock(1) of util-linux or BusyBox, which locks a
 * descriptor that it inherits. The lock belongs to the open file, which stays open here when flock(1) has
 * ended.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { ErrorCode, IndelibleError } from '../../errors.js';
import { systemCode } from './medium.js';

/** What flock(1) exits with, when it does not wait and somebody has the lock. */
const HELD = 1;

/** Where flock(1) finds the descriptor. */
const INHERITED = 3;

function flock(descriptor: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'ignore', 'ignore', descriptor] as const;
    const child = spawn('flock', ['-n', '-x', String(INHERITED)], { stdio: [...stdio] });
    child.on('error', reject);
    child.on('exit', resolve);
  });
}

function isAt(descriptor: number, path: string): boolean {
  const held = fstatSync(descriptor, { bigint: true });
  const named = statSync(path, { bigint: true, throwIfNoEntry: false });
  return named !== undefined && held.dev === named.dev && held.ino === named.ino;
}

function refusal(path: string, cause: unknown): unknown {
  if (systemCode(cause) !== 'ENOENT' || (cause as NodeJS.ErrnoException).syscall === 'open') return cause;
  return new IndelibleError(
    ErrorCode.nativeMissing,
    `${path} cannot be locked, and a store that is not locked is not opened: there is neither the C++ addon ` +
      'nor the command flock; install util-linux or busybox, then try again',
    { cause, path },
  );
}

/**
 * Locks the file at `path`, made if need be; the result lets go of it.
 * @throws ERR_INDELIBLE_STORE_LOCKED while somebody holds it, ERR_INDELIBLE_NATIVE_MISSING without flock(1);
 * errors of the system
 */
export async function lockByCommand(path: string): Promise<() => void> {
  for (;;) {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const code = await flock(descriptor);
      if (code === HELD) throw new IndelibleError(ErrorCode.storeLocked, 'the lock is held', { path });
      if (code !== 0) throw new IndelibleError(ErrorCode.storeIo, `flock ended with code ${code}`, { path });
      if (isAt(descriptor, path)) return () => closeSync(descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw refusal(path, error);
    }
    closeSync(descriptor);
  }
}
