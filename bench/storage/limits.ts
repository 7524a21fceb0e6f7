/**
 * What the machine allows at the most: the C++ programs of native/bench, without JavaScript. The addon's
 * build makes them.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { GroupShape } from './cases.js';

/**
 * `copy` copies ready-made bytes; `build` makes the log's bytes from payloads at hand, and nothing else;
 * `log` is the log itself called from C++.
 */
export const APPEND_LOOPS = ['copy', 'build', 'log'] as const;
export type AppendLoop = (typeof APPEND_LOOPS)[number];

export interface AppendLimit extends GroupShape {
  readonly loop: AppendLoop;
  readonly fences: 1 | 2;
  readonly nanoseconds: number;
}

export interface SyncLimit {
  readonly bytes: number;
  readonly microseconds: number;
}

/** What libpmemlog does for its callers, or why that is not known. */
export type PmemlogLimits =
  | { readonly results: readonly PmemlogLimit[]; readonly missing?: never }
  | { readonly missing: string; readonly results?: never };

export interface PmemlogLimit extends GroupShape {
  /** One call: `pmemlog_append` of one payload, `pmemlog_appendv` of several. */
  readonly nanoseconds: number;
}

/** A log of such groups, read back. */
export interface ReadBack extends GroupShape {
  readonly logBytes: number;
  /**
   * Nanoseconds: to open it after kill -9, to scrub it all, and to memcpy as many bytes out of its mapping.
   */
  readonly recover: number;
  readonly scrub: number;
  readonly copy: number;
}

const RELEASE = new URL('../../build/Release/', import.meta.url);

async function run<T>(program: string, directory: string, milliseconds?: number): Promise<T> {
  const url = new URL(program, RELEASE);
  if (!existsSync(url)) throw new Error(`build/Release/${program} is not there: run \`npm run build:bench\``);
  const time = milliseconds === undefined ? [] : ['--milliseconds', String(Math.round(milliseconds))];
  const args = [join(directory, program), ...time];
  const { stdout } = await promisify(execFile)(url.pathname, args);
  return JSON.parse(stdout) as T;
}

/** One append of each group, with the stores and fences of the log. */
export async function appendLimits(directory: string, milliseconds: number): Promise<readonly AppendLimit[]> {
  const printed = await run<Record<AppendLoop, Omit<AppendLimit, 'loop'>[]>>(
    'append_limit',
    directory,
    milliseconds,
  );
  return APPEND_LOOPS.flatMap((loop) => printed[loop].map((limit) => ({ loop, ...limit })));
}

/** One pwrite and fdatasync of a file filled with zeros. */
export async function syncLimits(directory: string, milliseconds: number): Promise<readonly SyncLimit[]> {
  return (await run<{ results: SyncLimit[] }>('fdatasync_limit', directory, milliseconds)).results;
}

/** The same payloads appended to PMDK's own log. */
export function pmemlogLimits(directory: string, milliseconds: number): Promise<PmemlogLimits> {
  return run('pmemlog_append', directory, milliseconds);
}

/** Recovery and scrub of a log that is nearly full. */
export async function readBacks(directory: string): Promise<readonly ReadBack[]> {
  return (await run<{ results: ReadBack[] }>('recovery_speed', directory)).results;
}
