/**
 * One process per directory: the file `lock` in it, locked with flock while the store is open.
 *
 * 1. The kernel keeps the lock with the open file. Processes that cannot see each other, in containers over
 *    one directory, are kept apart; a holder that died, however it died, is no obstacle; a worker that is
 *    terminated gives its locks back.
 * 2. The file's text says who holds it. It is for messages, and for 3; it decides nothing else.
 * 3. On a file system that other machines may have too (NFS, …) flock may hold on one machine only. There a
 *    text of another boot is refused: its holder may run elsewhere, or was never closed in order.
 * 4. Whoever lets go removes the file first, still holding it. Who locks a file that is not at its path any
 *    more tries again.
 * 5. Who is refused has changed nothing.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ErrorCode, IndelibleError } from '../../errors.js';
import { lockFile } from '../../native/file-lock.js';
import { groundOf } from '../underlying/examine.js';
import { lockByCommand } from './flock-command.js';

const LOCK_NAME = 'lock';

/** Who holds a lock, as its file says. */
interface Holder {
  readonly pid: number;
  readonly boot: string;
  readonly host: string;
}

const TEXT = /^pid (\d+) boot ([0-9a-f]{32}) host (.*)\n$/;

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().replaceAll('-', '');
}

function holderIn(path: string): Holder | undefined {
  try {
    const [, pid, boot, host] = TEXT.exec(readFileSync(path, 'utf8')) ?? [];
    return boot === undefined || host === undefined ? undefined : { pid: Number(pid), boot, host };
  } catch {
    return undefined;
  }
}

function locked(directory: string, sentence: string): IndelibleError {
  return new IndelibleError(ErrorCode.storeLocked, sentence, { path: directory });
}

function refusal(directory: string, path: string, error: unknown): unknown {
  if (!(error instanceof IndelibleError) || error.code !== ErrorCode.storeLocked) return error;
  const holder = holderIn(path);
  const who = holder === undefined ? 'another process' : `process ${holder.pid} of ${holder.host}`;
  return locked(directory, `${who} has the store at ${directory} open`);
}

/** A full disk keeps nobody from a store that is theirs, unless the text is needed (3). */
function writeHolder(path: string, boot: string, isNeeded: () => boolean): void {
  try {
    writeFileSync(path, `pid ${process.pid} boot ${boot} host ${hostname()}\n`);
  } catch (error) {
    if (isNeeded()) throw error;
  }
}

export interface LockOptions {
  /** The file that is locked; another one than the store's for another purpose. */
  readonly name?: string;
  /** False does without the addon even where there is one. */
  readonly addon?: boolean;
  /** Whether other machines may have the directory too. */
  readonly isShared?: (directory: string) => boolean;
}

/**
 * Takes the lock of `directory`; the result gives it back.
 * @throws ERR_INDELIBLE_STORE_LOCKED with the holder's pid; ERR_INDELIBLE_NATIVE_MISSING where there is
 * nothing to lock with; errors of the system
 */
export async function lockDirectory(
  directory: string,
  { name = LOCK_NAME, addon = true, isShared = (where) => groundOf(where).shared }: LockOptions = {},
): Promise<() => Promise<void>> {
  const path = join(directory, name);
  let letGo: () => void;
  try {
    letGo = (addon ? lockFile(path) : undefined) ?? (await lockByCommand(path));
  } catch (error) {
    throw refusal(directory, path, error);
  }
  try {
    const boot = bootId();
    const before = holderIn(path);
    if (before !== undefined && before.boot !== boot && isShared(directory)) {
      throw locked(
        directory,
        `${path} says that process ${before.pid} of ${before.host} has the store open, on another machine or ` +
          'before this one was started again; if you know that it has ended, remove that file',
      );
    }
    writeHolder(path, boot, () => isShared(directory));
  } catch (error) {
    letGo();
    throw error;
  }
  let held = true;
  return async () => {
    if (!held) return;
    held = false;
    try {
      rmSync(path, { force: true });
    } finally {
      letGo();
    }
  };
}
