/** Crash images of the log on a few seeds, and what the rig says of them; `indelible torture` runs more. */
import { describe, expect, it } from 'vitest';
import { type HistoryOptions, type HistoryResult, SiteCounts } from '../../lib/torture/history.js';
import { runLogHistory } from '../../lib/torture/log-history.js';

const LIGHT: HistoryOptions['thoroughness'] = {
  exhaustiveMax: 64,
  randomImages: 4,
  kills: 2,
  deepEvery: 16,
  innerImages: 3,
};

function run(seed: number, only?: HistoryOptions['only']): HistoryResult {
  return runLogHistory({ seed, thoroughness: LIGHT, only });
}

function sumOf(results: readonly HistoryResult[]): SiteCounts {
  const sum = new SiteCounts();
  for (const { sites } of results) {
    for (const [site, count] of Object.entries(sites)) sum.add(site, count);
  }
  return sum;
}

describe('crash images of the log', () => {
  it('recover to what was answered, at every fence site and in every workload', () => {
    const results = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => run(seed));
    for (const { seed, violation } of results) expect(violation, `seed ${seed}`).toBeUndefined();
    const workloads = new Set(results.map(({ workload }) => workload));
    expect([...workloads].sort()).toEqual([
      'crowded',
      'format',
      'groups',
      'lengths',
      'random',
      'volatile',
      'wrap',
    ]);
    const sum = sumOf(results);
    const seen = Object.keys(sum.bySite).filter((site) => sum.at(site).distinct > 0);
    expect(seen.filter((site) => site.endsWith('fence')).sort()).toEqual([
      'append.body-fence',
      'append.commit-fence',
      'format.body-fence',
      'format.invalidate-fence',
      'format.magic-fence',
      'recover.fence',
      'root.flip-fence',
      'root.slot-fence',
    ]);
    expect(sum.total('distinct')).toBeGreaterThan(20_000);
  }, 120_000);

  it('are the same for the same seed', () => {
    expect(run(12)).toEqual(run(12));
  });

  it('can be judged one by one', () => {
    const distinct = sumOf([run(13, { moment: 1, image: 1 })]).total('distinct');
    expect(distinct).toBeGreaterThan(0);
    expect(distinct).toBeLessThan(200);
  });
});
