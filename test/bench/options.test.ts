import { describe, expect, it } from 'vitest';
import { type BenchOptions, LEVELS, parseOptions, recordedOptions } from '../../bench/options.js';

describe('the options of the benchmark', () => {
  it('measure everything in seven rounds of ten seconds a load, unless told otherwise', () => {
    const options = parseOptions([], '/disk');
    expect(options).toMatchObject({
      levels: ['storage', 'cluster', 'costs'],
      faults: 50,
      calmSeconds: 600,
      rounds: 7,
      loadMs: 10_000,
      regionDirectory: '/dev/shm',
      diskDirectory: '/disk',
      name: 'latest',
    });
  });

  it('are shorter with --quick, and what is given goes before that', () => {
    expect(parseOptions(['--quick'], '/')).toMatchObject({ rounds: 3, loadMs: 1000 });
    expect(parseOptions(['--quick', '--rounds', '9'], '/')).toMatchObject({ rounds: 9, loadMs: 1000 });
  });

  it('may name one level', () => {
    for (const level of LEVELS) {
      expect(parseOptions(['--only', level], '/')).toMatchObject({ levels: [level] });
    }
  });

  it('are recorded without the place of the checkout', () => {
    const recorded = (directory: string): string =>
      recordedOptions(parseOptions([], directory) as BenchOptions, '/home/one/project').diskDirectory;
    expect(recorded('/home/one/project/bench/results')).toBe('bench/results');
    expect(recorded('/mnt/disk')).toBe('/mnt/disk');
  });

  it('are refused where they mean nothing', () => {
    for (const args of [
      ['--only', 'moon'],
      ['--rounds', '0'],
      ['--rounds', 'x'],
      ['--name', '../up'],
      ['--x'],
    ]) {
      expect(() => parseOptions(args, '/'), args.join(' ')).toThrow();
    }
  });
});
