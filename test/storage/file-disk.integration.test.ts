import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileStorage, formatFile, openFile } from '../../lib/storage/file.js';
import { storageContract } from '../contract/storage.js';

/** Real files, real durable writes. A crash here is the death of the process: no power is cut. */
storageContract<string>('file, on a disk', {
  async format(shape) {
    const directory = await mkdtemp(join(tmpdir(), 'indelible-file-'));
    await formatFile(directory, shape);
    return directory;
  },
  async formatAgain(directory, shape) {
    await formatFile(directory, shape);
  },
  async open(directory) {
    return openFile(directory);
  },
  async nowhere() {
    return join(tmpdir(), 'indelible-file-that-is-not-there');
  },
  async crash(storage, directory) {
    await (storage as FileStorage).abandon();
    return directory;
  },
  randomRuns: 10,
  async dispose(directory) {
    await rm(directory, { recursive: true, force: true });
  },
});
