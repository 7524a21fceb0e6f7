/**
 * A small store in a process of its own, written without end (vote-writer.ts); what it tells, it prints.
 *
 *   node writer-program.js DIRECTORY SEED file|msync
 *
 * Exit code 3 when the store cannot be opened or fails.
 */
import { writeSync } from 'node:fs';
import { VoteWriter } from '../vote-writer.js';
import type { WriterLine } from '../writer-lines.js';
import { openStore, type StoreKind } from './small-store.js';

function tell(line: WriterLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
  if (line.failed !== undefined) process.exit(3);
}

const [directory, seed, kind] = process.argv.slice(2);
try {
  const store = await openStore(kind as StoreKind, directory!);
  new VoteWriter(store, { seed: Number(seed), tell, pace: setImmediate }).start();
} catch (error) {
  tell({ failed: (error as { code?: string }).code ?? 'none', text: (error as Error).message });
}
