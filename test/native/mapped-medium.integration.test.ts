/**
 * What a mapped region asks of libpmem and the kernel is what the recording medium stands for, in every
 * mode, and a region's file is made as it should be: test/rigs/mapped-medium says how.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../packaging/sources.js';

const RUN_TIMEOUT_MS = 300_000;

it(
  'a mapped region makes the calls that the recording medium stands for',
  () => {
    const program = join(PROJECT_ROOT, 'test', 'rigs', 'mapped-medium', 'run.ts');
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', program, '1', '2'], {
      encoding: 'utf8',
      timeout: RUN_TIMEOUT_MS,
      cwd: PROJECT_ROOT,
    });
    expect(stderr).toBe('');
    expect(stdout.match(/calls as they should be/g)).toHaveLength(6);
    expect(status).toBe(0);
  },
  RUN_TIMEOUT_MS,
);
