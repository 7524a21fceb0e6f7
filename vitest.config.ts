import { defineConfig } from 'vitest/config';

/**
 * Two projects. `unit` needs nothing built and stays under a minute; `integration` loads the addon, opens
 * sockets or starts processes, and runs from `dist/` where a worker or a child process is involved.
 */
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
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.integration.test.ts'],
          pool: 'forks',
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
