/**
 * libpmem chooses how it copies and flushes by the processor and by its environment variables, and so does
 * the addon where libpmem is not installed. The storage contract holds on every one of their ways, and all of
 * them leave the same bytes. The variables are read once, so each way has a process of its own.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CHILD_TIMEOUT_MS = 240_000;

/** As if it were not installed. */
const NO_LIBPMEM = { INDELIBLE_LIBPMEM: '/nonexistent/libpmem.so.1' };

const WAYS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['libpmem as it chooses', {}],
  ['libpmem without non-temporal stores', { PMEM_NO_MOVNT: '1' }],
  ['libpmem with non-temporal stores for every length', { PMEM_MOVNT_THRESHOLD: '0' }],
  ['libpmem without AVX', { PMEM_AVX: '0', PMEM_AVX512F: '0', PMEM_MOVDIR64B: '0' }],
  [
    'libpmem without AVX, flushed by clflush',
    { PMEM_AVX: '0', PMEM_AVX512F: '0', PMEM_NO_CLWB: '1', PMEM_NO_CLFLUSHOPT: '1' },
  ],
  ['the addon as it chooses', NO_LIBPMEM],
  ['the addon, flushed by clflush', { ...NO_LIBPMEM, PMEM_NO_CLWB: '1', PMEM_NO_CLFLUSHOPT: '1' }],
];

const directory = mkdtempSync(join(tmpdir(), 'indelible-copy-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** The environment without what a test runner left in it, and with `variables`. */
function environment(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|TEST$|NODE_ENV|PMEM_)/.test(name),
  );
  return { ...Object.fromEntries(inherited), ...variables };
}

describe.each(WAYS)('%s', (name, variables) => {
  it(
    'keeps the storage contract',
    () => {
      const args = [
        'vitest',
        'run',
        '--project',
        'integration',
        '-t',
        'emulated, two fences',
        'test/storage/pmem.integration.test.ts',
      ];
      const options = {
        cwd: ROOT,
        env: environment(variables),
        encoding: 'utf8',
        timeout: CHILD_TIMEOUT_MS,
      } as const;
      const ran = spawnSync('npx', ['--no-install', ...args], options);
      expect(ran.status, ran.stdout + ran.stderr).toBe(0);
      expect(ran.stdout).toMatch(/\d+ passed/);
    },
    CHILD_TIMEOUT_MS,
  );

  it(
    'leaves the same bytes',
    () => {
      const digest = (path: string, env: NodeJS.ProcessEnv): string => {
        const workload = join(ROOT, 'test/storage/pmem-copy-workload.ts');
        return execFileSync(process.execPath, ['--import', 'tsx', workload, path], {
          cwd: ROOT,
          env,
          encoding: 'utf8',
        });
      };
      const here = digest(join(directory, `${name.replaceAll(' ', '-')}.region`), environment(variables));
      const usual = digest(join(directory, `${name.replaceAll(' ', '-')}.usual`), environment({}));
      expect(here).toBe(usual);
      expect(here).toMatch(/^[0-9a-f]{64}\n$/);
    },
    CHILD_TIMEOUT_MS,
  );
});
