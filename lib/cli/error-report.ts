/** An error as the program prints it: `error CODE: sentence`, then what to do about it. */
import { ErrorCode } from '../errors.js';
import { codeOf } from './exit-code.js';

const ADVICE: Readonly<Record<string, string>> = {
  [ErrorCode.storeMissing]:
    'Check --dir, and whether its disk is mounted. If the store is lost, leave this replica stopped: a majority ' +
    'of the others goes on without it. Do not format it again: it has voted, and answers could be lost. Where a ' +
    'majority is lost, restore a back-up, or see what `indelible recover` keeps of the stores that are left. ' +
    '`indelible format` is for a new cluster.',
  [ErrorCode.storeExists]: 'Nothing was written. Choose another --dir, or keep what is there.',
  [ErrorCode.storeForeign]:
    'Nothing was written. Choose another --dir, or leave out the options that differ from the data.',
  [ErrorCode.storeVersion]: 'Nothing was written. Use the version of Indelible that wrote it.',
  [ErrorCode.storeLocked]: 'Stop the other process first, or choose another --dir.',
  [ErrorCode.storeCorrupt]: '`indelible inspect` shows what can still be read. Nothing was written.',
  [ErrorCode.checkpointInvalid]:
    'Put the checkpoint back from a copy made since the replica stopped. Nothing was written.',
  [ErrorCode.backupInvalid]:
    'Take another copy of this back-up, or an older one: `indelible backup --verify FILE` checks one. Nothing was written.',
  [ErrorCode.notPersistentMemory]:
    'Use a directory on a DAX file system, or --backend emulated or file. Both say what they survive.',
  [ErrorCode.nativeMissing]:
    'Use --backend file, which needs neither the addon nor libpmem and survives power cuts.',
  [ErrorCode.network]: 'Choose other ports with --port, --http-port and --peer-port, or other addresses.',
  [ErrorCode.argument]: 'Add --help to see what the command takes.',
};

const SYSTEM_ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space, or choose another --dir or a smaller --region-size.',
  EROFS: 'Choose a directory that can be written with --dir.',
  EACCES: 'Choose a directory of your own with --dir, or fix its permissions.',
  ENOENT: 'Create the directory first, or choose another with --dir.',
};

function adviceOf(error: unknown): string | undefined {
  const cause = (error as { cause?: unknown } | null)?.cause;
  return SYSTEM_ADVICE[codeOf(error)] ?? SYSTEM_ADVICE[codeOf(cause)] ?? ADVICE[codeOf(error)];
}

/** Lines for stderr. An error nobody foresaw comes with its stack. */
export function errorLines(error: unknown): readonly string[] {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const lines = [`error ${code}: ${message}`];
  const advice = adviceOf(error);
  if (advice !== undefined) lines.push(`  ${advice}`);
  if (code === 'ERR_UNEXPECTED' && error instanceof Error && error.stack !== undefined) {
    lines.push(...error.stack.split('\n').slice(1));
  }
  return lines;
}
