/** The log crash check on a few seeds; `lib/torture/log-crash-run.ts` runs as many as one has time for. */
import { describe, expect, it } from 'vitest';
import { checkLogCrashes } from '../../lib/torture/log-crash.js';

const OPERATIONS = 50;
const IMAGES_PER_FENCE = 2;

describe('crash images of the log', () => {
  it.each([1, 2, 3, 4, 5, 6])('recover to what was answered: seed %i', (seed) => {
    const result = checkLogCrashes({ seed, operations: OPERATIONS, imagesPerFence: IMAGES_PER_FENCE });
    const replay = `npx tsx lib/torture/log-crash-run.ts --seed ${seed} --histories 1 --operations ${OPERATIONS}`;
    expect(result.violation, `replay with: ${replay} --images ${IMAGES_PER_FENCE}`).toBeUndefined();
    expect(result.images).toBeGreaterThan(500);
  });

  it('covers every fence of append, root and recovery, restarts, trims and laps', () => {
    const sites = new Set<string>();
    let [restarts, trims, laps, damages] = [0, 0, 0, 0];
    for (let seed = 11; seed < 17; seed++) {
      const result = checkLogCrashes({ seed, operations: OPERATIONS, imagesPerFence: 1 });
      expect(result.violation, `seed ${seed}`).toBeUndefined();
      for (const site of Object.keys(result.fences)) sites.add(site);
      restarts += result.restarts;
      trims += result.trims;
      laps += result.laps;
      damages += result.damages;
    }
    expect([...sites].sort()).toEqual([
      'append.body-fence',
      'append.commit-fence',
      'recover.commit-fence',
      'recover.fence',
      'root.flip-fence',
      'root.slot-fence',
    ]);
    for (const count of [restarts, trims, laps, damages]) expect(count).toBeGreaterThan(0);
  });

  it('is the same history for the same seed', () => {
    const options = { seed: 42, operations: 20, imagesPerFence: 2 };
    expect(checkLogCrashes(options)).toEqual(checkLogCrashes(options));
  });
});
