/**
 * One process per directory: an empty lock file whose name says who holds it.
 *
 * 1. The name holds pid, start time and boot; it counts only while that process runs, so a killed holder
 *    is no obstacle, waited for or not, and no two processes that ever were have the same name.
 * 2. Whoever wants the lock makes its file first and looks for others after. Of two that want it at once at
 *    least one sees the other; who sees another live file takes its own away again. So never two succeed;
 *    both may withdraw, and then try again.
 *
 * Processes that do not see each other's pids (two containers over one directory) are not kept apart.
 */
import { randomInt } from 'node:crypto';
import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ErrorCode, IndelibleError } from '../../errors.js';

const NAME = /^lock-(\d+)-(\d+)-([0-9a-f]+)-[0-9a-f]+$/;

/** Tries, each after a random wait, for the case that two withdrew in favour of each other. */
const TRIES = 5;
const WAIT_MS_MAX = 20;

/**
 * When process `pid` started; undefined if there is none, or it has ended and only waits to be waited for.
 */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may hold anything; field 22 of the whole is the 20th behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A killed process can be a zombie while a thread of it still writes: only the last one's end is the end.
    const hasEnded = fields[0] === 'Z' && Number(fields[17]) <= 1;
    return hasEnded ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim().replaceAll('-', '');
}

/** The pid of a running process that holds, or wants, the lock by another name than `own`. */
async function liveHolder(directory: string, own: string, boot: string): Promise<number | undefined> {
  for (const name of await readdir(directory)) {
    const [, pid, startTime, itsBoot] = NAME.exec(name) ?? [];
    if (pid === undefined || name === own) continue;
    if (itsBoot === boot && startTime === (await startTimeOf(Number(pid)))) return Number(pid);
    await rm(join(directory, name), { force: true });
  }
  return undefined;
}

/**
 * Takes the lock of `directory`; the result gives it back. @throws ERR_INDELIBLE_STORE_LOCKED with the
 * holder's pid
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const boot = await bootId();
  const startTime = await startTimeOf(process.pid);
  let holder: number | undefined;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const own = `lock-${process.pid}-${startTime}-${boot}-${randomInt(2 ** 47).toString(16)}`;
    const path = join(directory, own);
    await (await open(path, 'wx')).close();
    const release = (): Promise<void> => rm(path, { force: true });
    try {
      holder = await liveHolder(directory, own, boot);
    } catch (error) {
      await release();
      throw error;
    }
    if (holder === undefined) return release;
    await release();
    await delay(randomInt(1, WAIT_MS_MAX));
  }
  throw new IndelibleError(ErrorCode.storeLocked, `process ${holder} has the store at ${directory} open`, {
    path: directory,
  });
}
