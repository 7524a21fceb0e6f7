/** Small files that say what a cluster is: old or new after any crash, never half of each. */
import fs from 'node:fs';
import path from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import { replaceSynced, syncDirectory } from '../storage/synced-file.js';

/** The umask of programs that make stores: what they write is their user's alone, whoever writes it. */
export const OWNER_ONLY = 0o077;

/**
 * Replaces a file by `text`, its owner's alone: written aside, fsynced, renamed, the directory fsynced.
 * Durable when the call returns, as far as the file system keeps its word.
 * @throws ERR_INDELIBLE_STORE_IO
 */
export function replaceFile(file: string, text: string): void {
  try {
    replaceSynced(file, text);
  } catch (error) {
    throw ioError(`cannot write ${file}`, file, error);
  }
}

/**
 * Makes a directory, its owner's alone, below one that is there. Its name is durable on return, also where it
 * was there already: whoever made it may have been killed before that.
 * @throws system errors; none if it is there
 */
export function makeDirectory(directory: string): void {
  const parent = path.dirname(path.resolve(directory));
  try {
    fs.mkdirSync(directory, 0o700);
    syncDirectory(parent);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    try {
      syncDirectory(parent);
    } catch (denied) {
      // Who may not read the parent did not make anything in it.
      if ((denied as NodeJS.ErrnoException).code !== 'EACCES') throw denied;
    }
  }
}

/** @throws ERR_INDELIBLE_STORE_IO when the file is there and cannot be read */
export function readFileIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError(`cannot read ${file}`, file, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'the directory does not exist',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EIO: 'the device failed',
};

export function ioError(what: string, file: string, cause: unknown): IndelibleError {
  const code = (cause as NodeJS.ErrnoException).code;
  const reason = (code !== undefined && REASONS[code]) || (cause as Error).message;
  return new IndelibleError(ErrorCode.storeIo, `${what}: ${reason}`, { cause, path: file });
}
