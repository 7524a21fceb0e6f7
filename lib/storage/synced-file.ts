/**
 * Small files beside a store that are durable when the call returns, as far as the file system keeps
 * its word. Their owner alone may read them.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { dirname } from 'node:path';

/** Writes a file that must not be there yet: whole, or not at all. @throws system errors; EEXIST */
export function createSynced(path: string, text: string): void {
  const aside = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    writeSynced(aside, 'wx', text);
    fs.linkSync(aside, path);
  } finally {
    fs.rmSync(aside, { force: true });
  }
  syncDirectory(dirname(path));
}

/** Replaces a file: old or new after any crash, never half of each. @throws system errors */
export function replaceSynced(path: string, text: string): void {
  const aside = `${path}.new`;
  writeSynced(aside, 'w', text);
  fs.renameSync(aside, path);
  syncDirectory(dirname(path));
}

/** Makes the names in a directory durable. @throws system errors */
export function syncDirectory(directory: string): void {
  const handle = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

function writeSynced(path: string, flags: 'w' | 'wx', text: string): void {
  const handle = fs.openSync(path, flags, 0o600);
  try {
    fs.writeFileSync(handle, text);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
