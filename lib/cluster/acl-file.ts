/** The file of the users of a Redis port: its owner's alone, as it holds what lets one in. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { argumentError } from '../errors.js';
import { ACL_TEXT_MAX, Users } from '../kv/acl/users.js';
import { checkAlone } from '../replica/key-file.js';
import { ioError } from './durable-file.js';

/**
 * @throws RangeError for a file that is absent, that others may read or write, or that has a line which is
 * not understood; ERR_INDELIBLE_STORE_IO for one that cannot be read
 */
export function readAclFile(file: string): Users {
  return Users.parse(readAlone(file), file);
}

/** One character a byte. */
function readAlone(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw argumentError(`there is no file ${file}`);
    throw ioError(`cannot read ${file}`, file, error);
  }
  try {
    const stat = fstatSync(descriptor);
    checkAlone(file, stat, process.geteuid?.());
    if (stat.size > ACL_TEXT_MAX) throw argumentError(`${file} is longer than ${ACL_TEXT_MAX} bytes`);
    return readFileSync(descriptor, 'latin1');
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw ioError(`cannot read ${file}`, file, error);
  } finally {
    closeSync(descriptor);
  }
}
