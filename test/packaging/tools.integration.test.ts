/** Every tool of the project says what it takes, and refuses what it does not know. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from './sources.js';

const TOOLS = [
  'simulate',
  'simulate-hosts',
  'fuzz',
  'fuzz:peers',
  'test:service',
  'mutation',
  'bench',
  'coverage',
  'test:power-cut',
  'test:pmem-vm',
  'test:redis',
  'ci:package',
];

const { scripts } = JSON.parse(fs.readFileSync(path.join(PROJECT_ROOT, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};

/** What a tool prints and ends with; what its script sets up first is not run again for it. */
function tool(name: string, ...args: readonly string[]): { status: number | null; text: string } {
  const program = /node (--import tsx )?\S+\.(?:ts|mjs)(?= |$)[^&]*$/.exec(scripts[name] ?? '')?.[0] ?? '';
  const words = program.split(' ').filter((word) => !word.startsWith('--if-possible'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [...words.slice(1), ...args], {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
  });
  return { status, text: `${stdout}${stderr}` };
}

it.each(TOOLS)('npm run %s -- --help says what it takes', (name) => {
  const { status, text } = tool(name, '--help');
  expect(text).toContain(`npm run ${name} --`);
  expect(text).toMatch(/\n {2}--/);
  expect(status).toBe(0);
});

// The others share their way of reading a command line.
it.each(['simulate', 'bench', 'fuzz', 'test:power-cut'])(
  'npm run %s refuses what it does not know',
  (name) => {
    const { status, text } = tool(name, '--no-such-option');
    expect(text).toContain('--no-such-option');
    expect(text).toContain('--help');
    expect(status).toBe(2);
  },
);
