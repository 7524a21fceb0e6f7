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

  it('never goes to two of many that want it at once', async () => {
    for (let round = 0; round < 5; round++) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
      const holders = results.filter((result) => result.status === 'fulfilled');
      expect(holders.length).toBeLessThanOrEqual(1);
      for (const { value: unlock } of holders) await unlock();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  it('outlives no holder: a dead process, a reused pid and an earlier boot do not count', async () => {
    const unlock = await lockDirectory(directory);
    const [live] = await readdir(directory);
    const [, pid, startTime, boot] = live!.split('-');
    await unlock();
    for (const stale of [
      `lock-4194305-${startTime}-${boot}-1`,
      `lock-${pid}-5-${boot}-2`,
      `lock-${pid}-${startTime}-0123456789abcdef-3`,
    ]) {
      await writeFile(join(directory, stale), '');
      await (await lockDirectory(directory))();
      expect(await readdir(directory)).toEqual([]);
    }
  });
});
