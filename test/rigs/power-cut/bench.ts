/** What every part of the power-cut rig works with, and disks made for it. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Random } from '../../../lib/simulation/random.js';
import { CutDisk } from './cut-disk.js';
import type { StoreKind } from './small-store.js';

export interface PowerCutBench {
  readonly scratch: string;
  readonly plugin: string;
  /** Where the compiled programs are. */
  readonly programs: string;
  readonly random: Random;
  /** Cuts that are to count. */
  readonly cuts: number;
  /** `performance.now()` at which the rig begins nothing more. */
  readonly endMs: number;
}

/** A new disk under `name`, its power off. */
export function newDisk(bench: PowerCutBench, name: string, sizeBytes: number, mountPoint?: string): CutDisk {
  const directory = path.join(bench.scratch, name);
  fs.mkdirSync(directory);
  const { plugin } = bench;
  return CutDisk.create({
    directory,
    plugin,
    sizeBytes,
    ...(mountPoint === undefined ? {} : { mountPoint }),
  });
}

/**
 * Formats a small store, or opens and closes it, in a process of its own.
 * @returns the code of the error; undefined if there was none
 */
export function attempt(
  bench: PowerCutBench,
  verb: 'format' | 'open',
  directory: string,
  kind: StoreKind = 'file',
): Promise<string | undefined> {
  const program = path.join(bench.programs, 'format-program.js');
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, verb, directory, kind], (error, output, problems) => {
      if (error === null) resolve(undefined);
      else if (error.code === 3) resolve(output);
      else reject(new Error(`${verb}: ${error.message}\n${problems}`));
    });
  });
}

/** @throws when it cannot be formatted */
export async function formatSmallStore(
  bench: PowerCutBench,
  directory: string,
  kind: StoreKind = 'file',
): Promise<void> {
  const failure = await attempt(bench, 'format', directory, kind);
  if (failure !== undefined) throw new Error(`the store cannot be formatted: ${failure}`);
}
