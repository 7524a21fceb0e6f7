/**
 * One process per store: a lock file that names its holder.
 *
 * 1. The file appears whole, by link(2), or not at all.
 * 2. It counts only while the process it names runs: same boot, same pid, same start time. A holder that was
 *    killed leaves a stale file, which the next one moves aside before it takes its place; so does a zombie.
 * 3. Moving aside is checked: a file that turns out to be another than the stale one is put back.
 *
 * Processes that do not see each other's pids (two containers over one directory) are not kept apart.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrorCode, IndelibleError } from '../../errors.js';
import { systemCode } from './medium.js';

const NAME = 'lock';

/** When process `pid` started; undefined if there is none, or it has ended and only waits to be waited for. */
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
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** "pid start-time boot-id" of this process. */
async function ownLine(): Promise<string> {
  return `${process.pid} ${await startTimeOf(process.pid)} ${await bootId()}\n`;
}

async function isAlive(line: string): Promise<boolean> {
  const [pid, startTime, boot] = line.trim().split(' ');
  return (
    boot === (await bootId()) && startTime !== undefined && startTime === (await startTimeOf(Number(pid)))
  );
}

async function moveAside(path: string, staleLine: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== staleLine) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

/** Takes the lock of `directory`. @throws ERR_INDELIBLE_STORE_LOCKED with the holder's pid. */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, NAME);
  const own = `${path}.${randomUUID()}`;
  const line = await ownLine();
  await writeFile(own, line, { flag: 'wx' });
  try {
    for (;;) {
      try {
        await link(own, path);
        return () => rm(path, { force: true });
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
      }
      const holder = await readFile(path, 'utf8').catch(() => '');
      if (holder === '') continue;
      if (await isAlive(holder)) {
        const pid = holder.split(' ')[0];
        throw new IndelibleError(ErrorCode.storeLocked, `process ${pid} has the store at ${directory} open`, {
          path: directory,
        });
      }
      await moveAside(path, holder);
    }
  } finally {
    await rm(own, { force: true });
  }
}
