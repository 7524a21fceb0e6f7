/** What the media of files have in common, the one of the system and the recording one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDurableDirectory } from '../../../lib/storage/file/directories.js';
import { spaceOf } from '../../../lib/storage/file/disk-space.js';
import { isNoRoom, isShortage } from '../../../lib/storage/file/medium.js';
import { RealMedium } from '../../../lib/storage/file/real-medium.js';
import { RecordingMedium } from '../../../lib/storage/file/recording-medium.js';

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe('a directory', () => {
  it.each([
    ['the system', () => new RealMedium()],
    ['the recording medium', () => new RecordingMedium()],
  ])('is made once by %s, and in one that is there', async (_, open) => {
    const medium = open();
    const at = await mkdtemp(join(tmpdir(), 'indelible-media-'));
    await makeDurableDirectory(medium, at);
    expect(await medium.makeDirectory(`${at}/store`)).toBe(true);
    expect(await medium.makeDirectory(`${at}/store`)).toBe(false);
    await expect(medium.makeDirectory(`${at}/absent/store`)).rejects.toThrow('ENOENT');
    expect(await medium.list(at)).toEqual(['store']);
    await rm(at, { recursive: true });
  });

  it('that is there already is used by who may not read the one above it, and made by nobody who may not', async () => {
    const medium = new RecordingMedium();
    await makeDurableDirectory(medium, '/a/b');
    const sync = medium.syncDirectory.bind(medium);
    let code = 'EACCES';
    medium.syncDirectory = (path, site) =>
      path === '/a' ? Promise.reject(systemError(code)) : sync(path, site);
    await makeDurableDirectory(medium, '/a/b');
    await expect(makeDurableDirectory(medium, '/a/c')).rejects.toThrow('EACCES');
    code = 'EIO';
    await expect(makeDurableDirectory(medium, '/a/b')).rejects.toThrow('EIO');
  });
});

describe('a file system', () => {
  const disk = { bsize: 4096, blocks: 1000, bfree: 400, bavail: 300, files: 50, ffree: 7 };

  it('is as large as what this process may take of it', () => {
    expect(spaceOf(disk)).toEqual({ bytes: 900 * 4096, freeBytes: 300 * 4096 });
  });

  it('has nothing left where it takes no more files, if it counts them', () => {
    expect(spaceOf({ ...disk, ffree: 0 })).toEqual({ bytes: 900 * 4096, freeBytes: 0 });
    expect(spaceOf({ ...disk, files: 0, ffree: 0 }).freeBytes).toBe(300 * 4096);
  });

  it('is the one of the directory', async () => {
    const { bytes, freeBytes } = await new RealMedium().space(tmpdir());
    expect(bytes).toBeGreaterThan(freeBytes);
    expect(freeBytes).toBeGreaterThan(0);
    await expect(new RealMedium().space('/absent')).rejects.toThrow('ENOENT');
  });
});

describe('an error', () => {
  it('is one of room, or of a shortage, by its code alone', () => {
    const codes = ['ENOSPC', 'EDQUOT', 'EIO', 'ENOMEM', 'EMFILE', 'ENFILE', 'EAGAIN', 'ENOBUFS'];
    const errors = codes.map(systemError);
    expect(codes.filter((_, at) => isNoRoom(errors[at]))).toEqual(['ENOSPC', 'EDQUOT']);
    expect(codes.filter((_, at) => isShortage(errors[at]))).toEqual(codes.slice(3));
    for (const other of [
      new Error('ENOSPC'),
      'ENOSPC',
      undefined,
      Object.assign(new Error(''), { code: 28 }),
    ])
      expect([isNoRoom(other), isShortage(other)]).toEqual([false, false]);
  });
});
