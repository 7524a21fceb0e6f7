import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
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

    it('is taken where its text cannot be written, unless other machines have to read it', async () => {
      // The kernel refuses such a text there; the lock is on the file all the same.
      await symlink('/proc/self/oom_score_adj', join(directory, 'lock'));
      await expect(lock({ isShared: () => true })).rejects.toThrow('EINVAL');
      const unlock = await lock();
      await expect(lock()).rejects.toThrow('another process has the store');
      await unlock();
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

describe('flock(1)', () => {
  /** Locks with a command of this text in the place of flock. */
  async function lockWith(
    text: string,
  ): Promise<{ directory: string; result: Promise<() => Promise<void>> }> {
    const directory = await mkdtemp(join(tmpdir(), 'indelible-lock-'));
    const commands = await mkdtemp(join(tmpdir(), 'indelible-flock-'));
    await writeFile(join(commands, 'flock'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    const path = process.env['PATH'];
    process.env['PATH'] = `${commands}:${path}`;
    process.env['LOCK'] = join(directory, 'lock');
    const result = lockDirectory(directory, { addon: false });
    await result.catch(() => {});
    process.env['PATH'] = path;
    delete process.env['LOCK'];
    await rm(commands, { recursive: true });
    return { directory, result };
  }

  it('that fails is an error with what it ended with, and no lock', async () => {
    const { directory, result } = await lockWith('exit 66');
    await expect(result).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_INDELIBLE_STORE_IO', message: 'flock ended with code 66' }),
    );
    await (await lockDirectory(directory, { addon: false }))();
    await rm(directory, { recursive: true });
  });

  it('is asked again for the file that is there, when the one it locked was removed meanwhile', async () => {
    const gone = 'if [ -e "$LOCK.seen" ]; then exit 0; fi; rm "$LOCK"; touch "$LOCK.seen"';
    const { directory, result } = await lockWith(gone);
    const unlock = await result;
    expect(readFileSync(join(directory, 'lock'), 'utf8')).toContain(`pid ${process.pid} `);
    await unlock();
    expect(await readdir(directory)).toEqual(['lock.seen']);
    await rm(directory, { recursive: true });
  });
});

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
