/** The set-up, as far as it can be shown without a machine of its own: what it finds, what it refuses. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from './sources.js';

let checkout: string;

beforeEach(() => {
  checkout = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-setup-'));
  for (const name of [
    'setup.mjs',
    'setup-requirements.mjs',
    'setup-task.mjs',
    'package.json',
    'package-lock.json',
    'binding.gyp',
    'lib',
    'native',
  ]) {
    fs.cpSync(path.join(PROJECT_ROOT, name), path.join(checkout, name), { recursive: true });
  }
});

afterEach(() => {
  fs.rmSync(checkout, { recursive: true });
});

function setUp(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const script = path.join(checkout, 'setup.mjs');
  const options = { encoding: 'utf8', env: { ...process.env, CI: '', ...env } } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], options);
  return { status, stdout, stderr };
}

describe('the set-up', () => {
  it('finds what a new checkout lacks, and does nothing about it where only asked to look', () => {
    const before = fs.readdirSync(checkout).sort();
    const { status, stdout } = setUp(['--for=start', '--dry-run']);
    expect(status).toBe(0);
    expect(stdout).toContain('setup: node_modules is not there');
    expect(stdout).toContain('setup: the addon is not built');
    expect(stdout).toContain('setup: dist is not built');
    expect(fs.readdirSync(checkout).sort()).toEqual(before);
  });

  it('names packages, reasons and one command where it may not install them', () => {
    const { status, stderr } = setUp(['--for=test'], { PATH: '/nonexistent' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^setup: the system lacks\n/);
    expect(stderr).toMatch(/g\+\+ +compiles the C\+\+ addon/);
    expect(stderr).toMatch(/redis-tools +redis-cli/);
    expect(stderr).toMatch(/Run this once, then try again:\n {2}\S.*g\+\+, make, python3/);
  });

  it('needs less to start than to test, and most for continuous integration', () => {
    const lacking = (purpose: string): number => {
      const { stdout } = setUp([`--for=${purpose}`, '--dry-run'], { PATH: '/nonexistent' });
      return /the system lacks (.*)/.exec(stdout)?.[1]?.split(', ').length ?? 0;
    };
    expect(lacking('start')).toBeLessThan(lacking('test'));
    expect(lacking('test')).toBeLessThan(lacking('ci'));
  });

  it('needs no compiler for a log in files, and libpmem only for persistent memory', () => {
    const lacking = (...args: readonly string[]): string =>
      setUp(['--for=start', '--dry-run', '--run', ...args], { PATH: '/nonexistent' }).stdout;
    expect(lacking('--backend', 'file')).not.toMatch(/the system lacks|the addon/);
    expect(lacking('--backend=emulated')).toMatch(/the system lacks g\+\+, make, python3/);
    expect(lacking()).not.toContain('libpmem');
    fs.mkdirSync(path.join(checkout, 'data'));
    fs.writeFileSync(path.join(checkout, 'data', 'cluster.json'), '{"backend":"file"}');
    expect(lacking(), 'as the data has it').not.toContain('the system lacks');
  });

  it('installs nothing to start a cluster where there is nobody to ask', () => {
    const bin = path.join(checkout, 'bin');
    fs.mkdirSync(bin);
    for (const name of ['apt-get', 'dpkg']) {
      fs.writeFileSync(path.join(bin, name), `#!/bin/sh\necho "$0 $@" >>'${checkout}/called'\n`, {
        mode: 0o755,
      });
    }
    const { status, stderr } = setUp(['--for=start', '--run'], { PATH: bin });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^setup: the system lacks\n/);
    expect(stderr).toContain('npm run setup, or npm start -- --yes');
    const called = path.join(checkout, 'called');
    if (fs.existsSync(called)) expect(fs.readFileSync(called, 'utf8')).not.toMatch(/install|configure/);
  });

  it('refuses arguments that it does not know', () => {
    const { status, stderr } = setUp(['--for=fun']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/unknown argument --for=fun\nusage: /);
  });
});
