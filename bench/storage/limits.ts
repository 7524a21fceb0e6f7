/**
 * What the machine allows at the most: the C++ loops of native/bench, which copy ready-made bytes and make
 * them durable, with no CRC, no index and no JavaScript. The addon's build makes them.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { GroupShape } from './cases.js';

export interface AppendLimit extends GroupShape {
  readonly fences: 1 | 2;
  readonly nanoseconds: number;
}

export interface SyncLimit {
  readonly bytes: number;
  readonly microseconds: number;
}

const RELEASE = new URL('../../build/Release/', import.meta.url);

async function run<T>(program: string, directory: string, milliseconds: number): Promise<readonly T[]> {
  const url = new URL(program, RELEASE);
  if (!existsSync(url))
    throw new Error(`build/Release/${program} is not there: run \`npm run build:native\``);
  const args = [join(directory, program), '--milliseconds', String(Math.round(milliseconds))];
  const { stdout } = await promisify(execFile)(url.pathname, args);
  return (JSON.parse(stdout) as { results: T[] }).results;
}

/** One append of each group, with the stores and fences of the log. */
export function appendLimits(directory: string, milliseconds: number): Promise<readonly AppendLimit[]> {
  return run('append_limit', directory, milliseconds);
}

/** One pwrite and fdatasync of a file filled with zeros. */
export function syncLimits(directory: string, milliseconds: number): Promise<readonly SyncLimit[]> {
  return run('fdatasync_limit', directory, milliseconds);
}
