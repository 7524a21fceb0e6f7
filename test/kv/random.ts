/**
 * How the random tests of this folder run: with a seed that a failure prints, and the environment can set.
 */
import type { Parameters } from 'fast-check';

const given = process.env['INDELIBLE_TEST_SEED'];

/** `file` is this test's, for the command that replays a failure. */
export function seeded<T>(file: string, runs: number): Parameters<T> {
  const seed = given === undefined ? Date.now() & 0x7fffffff : Number(given);
  return {
    seed,
    numRuns: runs,
    reporter(details) {
      if (!details.failed) return;
      const cause = details.errorInstance instanceof Error ? details.errorInstance.stack : '';
      throw new Error(
        `seed ${details.seed}, path ${details.counterexamplePath}: ` +
          `${JSON.stringify(details.counterexample)}\n` +
          `replay: INDELIBLE_TEST_SEED=${details.seed} npx vitest run --project unit ${file}\n${cause}`,
      );
    },
  };
}
