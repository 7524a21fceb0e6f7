/** The program's exit codes: part of its interface, listed by every `--help`. */
import { CommanderError } from 'commander';
import { ErrorCode } from '../errors.js';

export const ExitCode = {
  ok: 0,
  /** Something failed while running: a port, a disk, a replica; or `status` found no leader. */
  failed: 1,
  /** The command line or a configuration file is wrong. Nothing was done. */
  usage: 2,
  /** What is on the disk is not what was asked for; going on could lose data. Nothing was written. */
  refused: 3,
  /** `health` was answered by nobody. */
  silent: 4,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

const REFUSALS: ReadonlySet<string> = new Set([
  ErrorCode.storeMissing,
  ErrorCode.storeExists,
  ErrorCode.storeForeign,
  ErrorCode.storeVersion,
  ErrorCode.storeCorrupt,
  ErrorCode.checkpointInvalid,
  ErrorCode.backupInvalid,
  ErrorCode.quorumLeft,
]);

/** Codes with which a replica refuses to start, for a reason that the next start would meet again. */
const LASTING: ReadonlySet<string> = new Set([
  ...REFUSALS,
  ErrorCode.argument,
  ErrorCode.storeLocked,
  ErrorCode.storeIo,
  ErrorCode.notPersistentMemory,
  ErrorCode.nativeMissing,
  ErrorCode.network,
]);

/** Of one store, and perhaps of no other: damaged so far that it cannot even learn, gone, or another's. */
const UNUSABLE: ReadonlySet<string> = new Set([
  ErrorCode.storeCorrupt,
  ErrorCode.checkpointInvalid,
  ErrorCode.storeMissing,
  ErrorCode.storeForeign,
  ErrorCode.storeVersion,
]);

/**
 * What keeps one replica out while the others go on. Once it has run, a store that cannot be read, or that
 * another process holds, is tried again: what ails the disk may pass.
 */
export function isUnusable(code: string, hasRun: boolean): boolean {
  return UNUSABLE.has(code) || (!hasRun && (code === ErrorCode.storeIo || code === ErrorCode.storeLocked));
}

export function isLasting(code: string): boolean {
  return LASTING.has(code);
}

/** The exit code for an error's code: one of ours, or commander's. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  const code = codeOf(error);
  if (code === ErrorCode.argument) return ExitCode.usage;
  return REFUSALS.has(code) ? ExitCode.refused : ExitCode.failed;
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'ERR_UNEXPECTED';
}
