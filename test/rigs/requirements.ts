/** What a rig needs of the machine, looked for before anything is done. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** One thing a rig cannot do without. */
export interface Requirement {
  /** What it is and what for, in a person's words. */
  readonly what: string;
  readonly isThere: () => boolean;
}

/** A program on the PATH, or where Debian keeps those of root. */
export function program(name: string, why: string): Requirement {
  const directories = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/sbin', '/sbin'];
  const isThere = (): boolean =>
    directories.some((directory) => directory !== '' && fs.existsSync(path.join(directory, name)));
  return { what: `${name}: ${why}`, isThere };
}

export function file(name: string, why: string): Requirement {
  return { what: `${name}: ${why}`, isThere: () => fs.existsSync(name) };
}

/** Everything a sandbox needs. */
export const SANDBOX: Requirement = {
  what: 'root, with leave to make mount and process namespaces: everything is mounted in some of its own',
  isThere: () => spawnSync('unshare', ['--mount', '--pid', '--fork', '--mount-proc', 'true']).status === 0,
};

export function missing(requirements: readonly Requirement[]): readonly string[] {
  return requirements.filter(({ isThere }) => !isThere()).map(({ what }) => what);
}

/**
 * Ends the program when something is missing: with exit code 1; with 0 if `ifPossible`, as a run that counted
 * nothing.
 */
export function exitIfMissing(
  rig: string,
  requirements: readonly Requirement[],
  remedy: string,
  ifPossible: boolean,
): void {
  const lacking = missing(requirements);
  if (lacking.length === 0) return;
  console.log(`${rig} cannot run on this machine, and has shown nothing. It lacks`);
  for (const what of lacking) console.log(`  ${what}`);
  console.log(remedy.trim());
  console.log(`0 passed, ${ifPossible ? 0 : 1} failed`);
  process.exit(ifPossible ? 0 : 1);
}
