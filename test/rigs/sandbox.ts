/**
 * A rig's own corner of the machine: a scratch directory, and mount and process namespaces in which it does
 * everything else.
 *
 * 1. Whatever a rig mounts, attaches or starts ends with it, however it ends: the namespaces are gone with
 *    their first process, which is killed with the one outside.
 * 2. Two rigs at a time share nothing but the machine: scratch directories are drawn, loop devices are free
 *    ones, sockets and mount points lie in the scratch directory.
 * 3. The scratch directory is removed, unless the rig failed: then it is kept, and its name printed.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const SCRATCH = 'INDELIBLE_RIG_SCRATCH';
const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Where the rig may write; undefined outside its sandbox. */
export function scratchDirectory(): string | undefined {
  return process.env[SCRATCH];
}

/**
 * Runs this very program again, with the same arguments, in a sandbox. A signal ends it and all it started.
 * @param more further flags of `unshare`, and what the program is to be started by
 * @returns its exit code; 130 after a signal
 */
export async function runInSandbox(...more: readonly string[]): Promise<number> {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-rig-'));
  const searchPath = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const child = spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...more,
      ...[process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    ],
    { stdio: 'inherit', env: { ...process.env, PATH: searchPath, [SCRATCH]: scratch, TMPDIR: scratch } },
  );
  let interrupted = false;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      interrupted = true;
      child.kill('SIGKILL');
    });
  }
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(interrupted ? 130 : (status ?? 1)));
  });
  if (code === 0 || interrupted) fs.rmSync(scratch, { recursive: true, force: true, maxRetries: 10 });
  else console.log(`kept for a look: ${scratch}`);
  return code;
}
