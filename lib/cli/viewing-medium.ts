/**
 * A file medium for looking only: it reads, and whatever the code that reads would mend on the way is left as
 * it is. So a damaged store, or one that is in use, can be examined by the very code that recovers it.
 *
 * 1. Files are opened for reading; every write, sync, rename and removal does nothing.
 * 2. No lock is taken: of a store in use, what is shown may be a moment old.
 */

import fs from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import type { FileMedium, MediumFile } from '../storage/file/medium.js';

async function openViewed(path: string): Promise<MediumFile> {
  const handle = await open(path, 'r');
  return {
    path,
    length: async () => (await handle.stat()).size,
    read: async (into, position) => (await handle.read(into, 0, into.length, position)).bytesRead,
    readSync: (into, position) => fs.readSync(handle.fd, into, 0, into.length, position),
    write: () => Promise.resolve(),
    sync: () => Promise.resolve(),
    writeDurable: (_bytes, _position, _site, done) => done(undefined),
    close: () => handle.close(),
  };
}

export const VIEWING_MEDIUM: FileMedium = {
  list: (directory) => readdir(directory),
  makeDirectory: () => Promise.resolve(false),
  open: (path) => openViewed(path),
  rename: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  syncDirectory: () => Promise.resolve(),
  allocate: (lengthBytes) => new Uint8Array(lengthBytes),
  lock: () => Promise.resolve(() => Promise.resolve()),
};
