import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LockOptions, lockDirectory } from '../../../lib/storage/file/lock.js';

const OTHER_BOOT = 'pid 1 boot 0123456789abcdef0123456789abcdef host elsewhere\n';

function lockSuite(name: string, options: LockOptions): void {
  describe(name, () => {
    let directory = '';
    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'indelible-lock-'));
    });
    afterEach(() => rm(directory, { recursive: true, force: true }));

    const lock = (more: LockOptions = {}): Promise<() => Promise<void>> =>
      lockDirectory(directory, { ...options, ...more });
    const locked = expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_LOCKED' });

    it('keeps a second holder out until it is given back, and names the first', async () => {
      const unlock = await lock();
      await expect(lock()).rejects.toThrow(locked);
      await expect(lock()).rejects.toThrow(`process ${process.pid} of `);
      await unlock();
      await unlock();
      await (await lock())();
      expect(await readdir(directory)).toEqual([]);
    });

    it('changes nothing when it is refused', async () => {
      const unlock = await lock();
      const before = readFileSync(join(directory, 'lock'));
      await expect(lock()).rejects.toThrow(locked);
      expect(readFileSync(join(directory, 'lock'))).toEqual(before);
      await unlock();
    });

    it('goes to exactly one of many that want it at once, and to each in turn', async () => {
      for (let round = 0; round < 5; round++) {
        const results = await Promise.allSettled(Array.from({ length: 8 }, () => lock()));
        const holders = results.filter((result) => result.status === 'fulfilled');
        expect(holders.length).toBe(1);
        for (const { value: unlock } of holders) await unlock();
        expect(await readdir(directory)).toEqual([]);
      }
    });

    it('what a dead holder left is no obstacle, on file systems of this machine alone', async () => {
      for (const left of [OTHER_BOOT, '', 'nonsense']) {
        await writeFile(join(directory, 'lock'), left);
        await (await lock())();
      }
    });

    it('a text of another boot is refused where other machines may hold the store too', async () => {
      const isShared = (): boolean => true;
      await writeFile(join(directory, 'lock'), OTHER_BOOT);
      await expect(lock({ isShared })).rejects.toThrow(locked);
      await expect(lock({ isShared })).rejects.toThrow('process 1 of elsewhere');
      expect(readFileSync(join(directory, 'lock'), 'utf8')).toBe(OTHER_BOOT);
      await rm(join(directory, 'lock'));
      await (await lock({ isShared }))();
    });

    it('leaves no descriptor open, whether taken or refused', async () => {
      const descriptors = (): number => readdirSync('/proc/self/fd').length;
      await (await lock())();
      const before = descriptors();
      const unlock = await lock();
      await expect(lock()).rejects.toThrow(locked);
      await unlock();
      expect(descriptors()).toBe(before);
    });
  });
}

lockSuite('the lock of a store, by flock(1)', { addon: false });
lockSuite('the lock of a store, by whatever there is', {});

describe('where there is nothing to lock with', () => {
  it('says so, and opens nothing', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'indelible-lock-'));
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      const refused = lockDirectory(directory, { addon: false });
      await expect(refused).rejects.toThrow(
        expect.objectContaining({ code: 'ERR_INDELIBLE_NATIVE_MISSING' }),
      );
      await expect(refused).rejects.toThrow('util-linux');
    } finally {
      process.env['PATH'] = path;
      await rm(directory, { recursive: true });
    }
    expect(existsSync(directory)).toBe(false);
  });
});
