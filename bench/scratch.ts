/** Directories of this run only: removed when they are done with, and at the latest when the process ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const directories = new Set<string>();

/** A new directory in `parent`. */
export function scratchDirectory(parent: string): string {
  const directory = mkdtempSync(join(parent, 'indelible-bench-'));
  directories.add(directory);
  return directory;
}

export function removeScratch(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  directories.delete(directory);
}

/** Lets nothing stay behind, also when the run is interrupted. */
export function removeScratchAtExit(): void {
  process.on('exit', () => {
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
}
