/**
 * Where tests keep their files: one directory a run, in the system's place for temporary files, that the
 * tests and the processes they start take for that place.
 *
 * 1. It goes when the run ends, whatever a failed or interrupted test has left in it.
 * 2. What a killed run could not remove the next one does.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const PREFIX = 'indelible-test-';

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is one all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Called once a run, before any test. @returns what is to be done behind the last. */
export default function setup(): () => void {
  const place = os.tmpdir();
  for (const name of fs.readdirSync(place)) {
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
    if (!Number.isNaN(pid) && !isRunning(pid)) remove(path.join(place, name));
  }
  const directory = fs.mkdtempSync(path.join(place, `${PREFIX}${process.pid}-`));
  process.env['TMPDIR'] = directory;
  return () => remove(directory);
}

function remove(directory: string): void {
  fs.rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}
