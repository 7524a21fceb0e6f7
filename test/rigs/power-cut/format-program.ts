/**
 * Formats or opens a small file store in a process of its own, so that a power cut ends whoever held it:
 *
 *   node format-program.js format|open DIRECTORY
 *
 * Exit code 0; or 3, with the error's code as the output.
 */
import { writeSync } from 'node:fs';
import { formatFile, openFile } from '../../../lib/storage/file.js';

/** Small enough to go around often. */
const LOG_BYTES = 1 << 20;
const RECORD_BYTES_MAX = 128 << 10;

const [verb, directory] = process.argv.slice(2);
const identity = { clusterId: '5a'.repeat(16), replicaId: 1, storeUuid: 'a5'.repeat(16) };
try {
  if (verb === 'open') await (await openFile(directory!)).close();
  else await formatFile(directory!, { identity, logBytes: LOG_BYTES, recordBytesMax: RECORD_BYTES_MAX });
} catch (error) {
  writeSync(1, (error as { code?: string }).code ?? (error as Error).message);
  process.exitCode = 3;
}
