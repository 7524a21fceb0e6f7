import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Output } from '../../lib/cli/output.js';
import { buildProgram, run } from '../../lib/cli/program.js';
import { parsePlan } from '../../lib/cluster/plan.js';
import { recordedOutput } from './recorded-output.js';

let directory: string;
let lines: string[];
let problems: string[];
let output: Output;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'indelible-program-'));
  ({ lines, problems, output } = recordedOutput());
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true });
});

const COMMANDS = buildProgram({ line: () => {}, problem: () => {}, isTerminal: false }).commands.map(
  (command) => command.name(),
);

describe('help', () => {
  it.each(COMMANDS)('of %s explains it with an example and the exit codes', async (name) => {
    expect(await run([name, '--help'], output)).toBe(0);
    const text = lines.join('\n');
    expect(text).toContain(`Usage: indelible ${name}`);
    expect(text).toMatch(/\n {2}(indelible|npm start)/);
    expect(text).toContain('Exit codes: 0 done');
    expect(problems).toEqual([]);
  });

  it('is what no command at all gets', async () => {
    expect(await run([], output)).toBe(0);
    for (const name of COMMANDS) expect(lines.join('\n')).toContain(name);
  });

  it('fits a line', async () => {
    for (const name of COMMANDS) await run([name, '--help'], output);
    expect(
      lines
        .join('\n')
        .split('\n')
        .filter((line) => line.length > 120),
    ).toEqual([]);
  });
});

describe('a wrong command line', () => {
  it.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown option', ['cluster', '--colour']],
    ['an unknown choice', ['cluster', '--backend', 'tape']],
    ['a value that is missing', ['cluster', '--dir']],
    ['a port that is none', ['cluster', '--port', '70000']],
    ['a size that is none', ['cluster', '--region-size', '12MB']],
    ['no replicas', ['cluster', '--replicas', '0']],
    ['too many replicas', ['cluster', '--replicas', '16']],
    ['a word too many', ['status', 'data']],
    ['no path', ['inspect']],
    ['no replica', ['format', '--dir', 'x']],
    ['no directory', ['format', '--replica', '1']],
    ['both steps at once', ['format', '--new-plan', '3', '--replica', '1']],
    ['no plan', ['format', '--plan', 'absent.json', '--replica', '1', '--dir', 'x']],
    ['msync for files', ['format', '--replica', '1', '--dir', 'x', '--backend', 'file', '--sync', 'msync']],
    ['no address', ['serve', '--dir', 'x', '--peers', '1=a:1']],
    ['no peers', ['serve', '--dir', 'x', '--listen', 'a:1']],
    ['no configuration', ['serve', '--config', 'absent.json']],
    ['peers that are none', ['status', '--peers', 'here']],
  ])('with %s is refused with exit code 2 and one error', async (_, args) => {
    expect(await run(args, output)).toBe(2);
    expect(problems[0]).toMatch(/^error ERR_INDELIBLE_ARGUMENT: \S/);
    expect(problems.filter((line) => line.startsWith('error'))).toHaveLength(1);
  });
});

describe('format --new-plan', () => {
  it('writes a plan once', async () => {
    const file = path.join(directory, 'plan.json');
    expect(await run(['format', '--new-plan', '3', '--plan', file], output)).toBe(0);
    const text = fs.readFileSync(file, 'utf8');
    expect(parsePlan(text).members).toHaveLength(3);
    expect(lines[0]).toContain(parsePlan(text).clusterId);
    expect(await run(['format', '--new-plan', '3', '--plan', file], output)).toBe(2);
    expect(fs.readFileSync(file, 'utf8')).toBe(text);
  });

  it('prints it as JSON where asked to', async () => {
    const file = path.join(directory, 'plan.json');
    await run(['format', '--new-plan', '1', '--plan', file, '--json'], output);
    expect(parsePlan(lines.join('\n')).members.map(({ id }) => id)).toEqual([1]);
  });
});

describe('version', () => {
  it('is that of the package', async () => {
    expect(await run(['--version'], output)).toBe(0);
    expect(lines).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  });
});
