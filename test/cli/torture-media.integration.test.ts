/** `indelible torture --media` as a user meets it: what it prints, and its exit codes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { mediaViolationLines } from '../../lib/cli/media-report.js';
import type { Output } from '../../lib/cli/output.js';
import { run } from '../../lib/cli/program.js';
import { recordedOutput } from './recorded-output.js';

let lines: string[];
let problems: string[];
let output: Output;

beforeEach(() => {
  ({ lines, problems, output } = recordedOutput());
});

describe('indelible torture --media', () => {
  it('says what each kind of fault was taken for, on both backends, and ends with what passed', async () => {
    expect(await run(['torture', '--media', '--images', '500', '--seed', '3'], output)).toBe(0);
    const text = lines.join('\n');
    expect(text).toMatch(/^emulated: \d+ histories, 500 media faults judged; taken for$/m);
    expect(text).toMatch(/^file: \d+ histories, 100 media faults judged; taken for$/m);
    expect(text).toMatch(/^fault +intact +unavailable +uncertain +lost +refused +older$/m);
    expect(text).toMatch(/^\d+ that left a legal image of an earlier time \(older\)/m);
    expect(lines.at(-1)).toMatch(/^6\d\d passed, 0 failed$/);
    expect(problems).toEqual([]);
  });

  it('gives the same as JSON', async () => {
    const args = ['torture', '--media', '--backend', 'file', '--images', '60', '--json'];
    expect(await run(args, output)).toBe(0);
    const [summary] = JSON.parse(lines.join('\n'));
    expect(summary).toMatchObject({ backend: 'file', images: 60 });
    expect(Object.keys(summary.verdicts).length).toBeGreaterThan(3);
  });

  it('is the same run for the same seed', async () => {
    const args = ['torture', '--media', '--backend', 'emulated', '--images', '300', '--seed', '9', '--json'];
    await run(args, output);
    await run(args, output);
    expect(lines[0]).toBe(lines[1]);
  });

  it.each(['moment', 'image', 'threads', 'picture'])(
    'refuses --%s, which means nothing here',
    async (name) => {
      const moment = name === 'image' ? ['--moment', '1'] : [];
      expect(await run(['torture', '--media', `--${name}`, '1', ...moment], output)).toBe(2);
      expect(problems[0]).toMatch(/^error ERR_INDELIBLE_ARGUMENT: --media does not take /);
    },
  );

  it('prints the command that replays a violation', () => {
    const told = mediaViolationLines('file', { seed: 7, what: 'something' });
    expect(told.at(-1)).toBe('replay with: indelible torture --media --backend file --seed 7 --histories 1');
  });
});
