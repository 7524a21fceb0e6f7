/**
 * What a replica's process says, in a file that does not grow without bound: when it has become large it is
 * copied to FILE.1, over the one before, and emptied. The process goes on appending and need not know.
 *
 * What it says between the copy and the emptying is lost: some lines at worst, of a log that is for people.
 */
import fs from 'node:fs';
import { ioError } from './durable-file.js';

const FILE_BYTES_MAX = 16 << 20;

/** A descriptor that appends to `file`. @throws ERR_INDELIBLE_STORE_IO */
export function openLogFile(file: string): number {
  try {
    rotate(file);
    return fs.openSync(file, 'a', 0o600);
  } catch (error) {
    throw ioError(`cannot write ${file}`, file, error);
  }
}

/**
 * Looks at the file now. A disk without room for the copy is no reason for the replica to stop: the file then
 * stays as it is, for another look.
 * @param bytesMax length from which it is rotated
 */
export function rotate(file: string, bytesMax: number = FILE_BYTES_MAX): void {
  try {
    const found = fs.statSync(file, { throwIfNoEntry: false });
    if (found === undefined || found.size < bytesMax) return;
    fs.copyFileSync(file, `${file}.1`);
    fs.truncateSync(file);
  } catch {}
}
