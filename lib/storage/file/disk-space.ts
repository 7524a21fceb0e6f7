/** How large a file system is, and how much of it is left, for the process that asks. */
import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';

/** A file system, in bytes. */
export interface DiskSpace {
  /** What this process may take in all: what is kept for root is neither free nor in use. */
  readonly bytes: number;
  /** What it may still take; 0 where no further file can be made. */
  readonly freeBytes: number;
}

/** What the system counts of a file system, in blocks of `bsize` bytes and in files. */
type Counted = Pick<StatsFs, 'bsize' | 'blocks' | 'bfree' | 'bavail' | 'files' | 'ffree'>;

export function spaceOf({ bsize, blocks, bfree, bavail, files, ffree }: Counted): DiskSpace {
  // Some file systems count no files; on others a file more is refused although there are blocks.
  const takesFiles = files === 0 || ffree > 0;
  return { bytes: (blocks - bfree + bavail) * bsize, freeBytes: takesFiles ? bavail * bsize : 0 };
}

/** Of the file system that `directory` lies on. Rejects with the system's error. */
export async function diskSpaceOf(directory: string): Promise<DiskSpace> {
  return spaceOf(await statfs(directory));
}
