/**
 * A directory that is filled as a whole: what goes into it is made aside, below it, and gets its names when
 * all of it is durable.
 *
 * 1. A directory that holds anything is refused, with nothing written.
 * 2. What fails leaves the directory as it was. What is killed leaves `restoring`, which the next attempt
 *    removes, and at worst, in the last moment, some of the names but not the last of them: by that one it is
 *    known to be whole.
 */
import fs from 'node:fs';
import path from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import { syncDirectory } from '../storage/synced-file.js';
import { ioError } from './backup-writer.js';

const ASIDE = 'restoring';
/** What a file system itself puts into its root. */
const NOBODYS: ReadonlySet<string> = new Set([ASIDE, 'lost+found']);

/**
 * @param make fills the directory it is given; @returns its names in the order in which they are to appear
 * @throws ERR_INDELIBLE_STORE_EXISTS, _STORE_IO, and what `make` throws
 */
export async function fillDirectory(
  directory: string,
  make: (aside: string) => Promise<readonly string[]>,
): Promise<void> {
  const isNew = begin(directory);
  const aside = path.join(directory, ASIDE);
  try {
    fs.mkdirSync(aside, { mode: 0o700 });
    const names = await make(aside);
    syncDirectory(aside);
    for (const [index, name] of names.entries()) {
      // The last name says that all is there: the others are durable before it.
      if (index === names.length - 1) syncDirectory(directory);
      fs.renameSync(path.join(aside, name), path.join(directory, name));
    }
    syncDirectory(directory);
    fs.rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    fs.rmSync(aside, { recursive: true, force: true });
    if (isNew) fs.rmSync(directory, { recursive: true, force: true });
    throw ioError(directory, error);
  }
}

/** Makes the directory unless it is there and empty. @returns whether it was made */
function begin(directory: string): boolean {
  try {
    const found = fs.existsSync(directory) ? fs.readdirSync(directory) : undefined;
    const taken = found?.filter((name) => !NOBODYS.has(name)) ?? [];
    if (taken.length > 0) {
      const sentence = `${directory} is not empty: it holds ${taken.slice(0, 3).join(', ')}. Nothing was written`;
      throw new IndelibleError(ErrorCode.storeExists, sentence, { path: directory });
    }
    if (found === undefined) {
      fs.mkdirSync(directory, { mode: 0o700 });
      syncDirectory(path.dirname(path.resolve(directory)));
    }
    fs.rmSync(path.join(directory, ASIDE), { recursive: true, force: true });
    return found === undefined;
  } catch (error) {
    throw ioError(directory, error);
  }
}
