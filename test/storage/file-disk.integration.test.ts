import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RealMedium, type WriteThread } from '../../lib/storage/file/real-medium.js';
import { type FileStorage, formatFile, openFile } from '../../lib/storage/file.js';
import { storageContract } from '../contract/storage.js';

/**
 * Real files, real durable writes, by the addon's thread and without the addon. A crash here is the death of
 * the process: no power is cut.
 */
function onDisk(name: string, thread: WriteThread): void {
  storageContract<string>(name, {
    async format(shape) {
      const directory = await mkdtemp(join(tmpdir(), 'indelible-file-'));
      await formatFile(directory, shape, new RealMedium(thread));
      return directory;
    },
    async formatAgain(directory, shape) {
      await formatFile(directory, shape, new RealMedium(thread));
    },
    async open(directory) {
      return openFile(directory, new RealMedium(thread));
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
}

onDisk('file, on a disk, through the flusher thread', 'flusher');
onDisk("file, on a disk, through libuv's thread pool", 'pool');
