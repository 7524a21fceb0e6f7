import { defineConfig } from 'vitest/config';

/**
 * Two projects. `unit` needs nothing built and stays under a minute; `integration` loads the addon, opens
 * sockets or starts processes, and runs from `dist/` where a worker or a child process is involved.
 *
 * A test that hangs ends; one that is slow because its machine is does not: the bound is far above what any
 * machine needs, and no test has a smaller one of its own.
 */
const HANGS_MS = 1_200_000;

export default defineConfig({
  test: {
    globalSetup: 'test/scratch-directory.ts',
    // Most of a run is waiting for processes of the tests' own.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.integration.test.ts'],
          testTimeout: HANGS_MS,
          hookTimeout: HANGS_MS,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.integration.test.ts'],
          pool: 'forks',
          testTimeout: HANGS_MS,
          hookTimeout: HANGS_MS,
        },
      },
    ],
  },
});
