/**
 * Directories that are there after a power cut: the name of each is durable, in the one above it, before
 * anything is put into it.
 */
import { dirname } from 'node:path';
import { type FileMedium, systemCode } from './medium.js';

/**
 * Makes a directory, and the missing ones above it, from above. What is there already may have been made by a
 * process that was killed before its name was durable: that is seen to again. It can have left one such only,
 * the last that it made.
 */
export async function makeDurableDirectory(medium: FileMedium, directory: string): Promise<void> {
  const parent = dirname(directory);
  const isThere = await isDirectory(medium, directory);
  if (!isThere) {
    await makeDurableDirectory(medium, parent);
    await medium.makeDirectory(directory);
  }
  try {
    await medium.syncDirectory(parent, 'directory');
  } catch (error) {
    // Who may not read the parent did not make anything in it.
    if (!isThere || systemCode(error) !== 'EACCES') throw error;
  }
}

async function isDirectory(medium: FileMedium, path: string): Promise<boolean> {
  try {
    await medium.list(path);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    return false;
  }
}
