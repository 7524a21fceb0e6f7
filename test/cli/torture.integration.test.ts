/** `indelible torture` as a user meets it: what it prints, and its exit codes. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Output } from '../../lib/cli/output.js';
import { run } from '../../lib/cli/program.js';
import { violationLines } from '../../lib/cli/torture-report.js';
import { recordedOutput } from './recorded-output.js';

let lines: string[];
let problems: string[];
let output: Output;

beforeEach(() => {
  ({ lines, problems, output } = recordedOutput());
});

const QUICK = ['--histories', '1', '--exhaustive', '4', '--random', '2'];

describe('indelible torture', () => {
  it('says how many images it judged at which site, and ends with what passed', async () => {
    expect(await run(['torture', '--backend', 'emulated', '--seed', '5', ...QUICK], output)).toBe(0);
    // On a slow machine lines of progress come before it.
    expect(lines).toContain('emulated: 1 histories (1 groups), 10 operations');
    expect(lines.join('\n')).toMatch(/^append\.body-fence +\d+ +\d+ +\d+ +\d+/m);
    expect(lines.at(-1)).toBe('1 passed, 0 failed');
    expect(problems).toEqual([]);
  });

  it('judges one image alone', async () => {
    const one = ['--moment', '1', '--image', '1'];
    expect(
      await run(['torture', '--backend', 'emulated', '--seed', '5', '--json', ...QUICK, ...one], output),
    ).toBe(0);
    const [{ distinct }] = JSON.parse(lines.join('\n'));
    expect(distinct).toBeGreaterThan(0);
    expect(distinct).toBeLessThan(200);
  });

  it('names the backend of files as well', async () => {
    expect(await run(['torture', '--backend', 'file', '--moment', '3', ...QUICK], output)).toBe(0);
    expect(lines.join('\n')).toMatch(/^file: 1 histories/m);
  });

  it.each([[['--budget', 'soon']], [['--image', '3']], [['--backend', 'tape']], [['--exhaustive', '40']]])(
    'refuses %j',
    async (args) => {
      expect(await run(['torture', ...args], output)).toBe(2);
      expect(problems[0]).toMatch(/^error ERR_INDELIBLE_ARGUMENT: /);
    },
  );
});

describe('a picture', () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-picture-'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  it('is one page with an append, its fences, and what a crash leaves at each', async () => {
    const file = path.join(directory, 'append.html');
    expect(await run(['torture', '--picture', file], output)).toBe(0);
    const page = fs.readFileSync(file, 'utf8');
    expect(page.match(/<svg /g)).toHaveLength(2);
    for (const word of ['append.body-fence', 'append.commit-fence', 'the group is absent', 'whole'])
      expect(page).toContain(word);
    expect(page).not.toMatch(/<script|https?:/);
    expect(page.match(/fill="#d1495b"\/>\s*<text[^>]*><tspan/g)).toBeNull();
  });
});

describe('a violation', () => {
  it('comes with its seed, moment, image and units, and the command that shows it again', () => {
    const violation = {
      moment: 4,
      image: 17,
      site: 'append.body-fence',
      operation: 'append',
      what: 'slot 3 has other bytes',
      trail: 'a power cut at append.body-fence leaves 1 of 9 outstanding chunks: append.body 0x4040+8',
      x86: false,
    };
    const failed = { seed: 8, workload: 'random', violation, operations: 1, sites: {}, kills: 0 };
    const text = violationLines('file', { ...failed, x86Images: 0, exhaustive: 0 }, ' --random 9');
    expect(text).toEqual([
      'violated: slot 3 has other bytes',
      'seed 8 (random), in append, moment 4, at append.body-fence, image 17',
      violation.trail,
      'x86 caches could not show this image',
      'replay with: indelible torture --backend file --seed 8 --histories 1 --moment 4 --image 17 --random 9',
    ]);
  });
});
