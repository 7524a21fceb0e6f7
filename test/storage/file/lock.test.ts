import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDirectory } from '../../../lib/storage/file/lock.js';

describe('the lock of a store', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'indelible-lock-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const locked = expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_LOCKED' });

  it('keeps a second holder out until it is given back', async () => {
    const unlock = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toThrow(locked);
    await expect(lockDirectory(directory)).rejects.toThrow(String(process.pid));
    await unlock();
    await (await lockDirectory(directory))();
    expect(await readdir(directory)).toEqual([]);
  });

  it('goes to exactly one of many that want it at once, over a stale file too', async () => {
    await writeFile(join(directory, 'lock'), `${process.pid} 1 another-boot\n`);
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => lockDirectory(directory)));
    expect(results.filter((result) => result.status === 'fulfilled').length).toBe(1);
    expect(await readdir(directory)).toEqual(['lock']);
  });

  it('outlives no holder: a dead process, a reused pid and an earlier boot do not count', async () => {
    for (const line of ['999999999 5 x\n', `${process.pid} 5 x\n`, 'nonsense\n']) {
      await writeFile(join(directory, 'lock'), line);
      await (await lockDirectory(directory))();
    }
  });
});
