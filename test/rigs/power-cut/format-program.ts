/**
 * Formats or opens a small store in a process of its own, so that a power cut ends whoever held it:
 *
 *   node format-program.js format|open DIRECTORY file|msync
 *
 * Exit code 0; or 3, with the error's code as the output.
 */
import { writeSync } from 'node:fs';
import { formatStore, openStore, type StoreKind } from './small-store.js';

const [verb, directory, kind] = process.argv.slice(2);
try {
  if (verb === 'open') await (await openStore(kind as StoreKind, directory!)).close();
  else await formatStore(kind as StoreKind, directory!);
} catch (error) {
  writeSync(1, (error as { code?: string }).code ?? (error as Error).message);
  process.exitCode = 3;
}
