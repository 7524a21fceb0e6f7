/** Power cuts of the file backend on a few seeds; `indelible torture --backend file` runs more. */
import { describe, expect, it } from 'vitest';
import { runFileHistory } from '../../lib/torture/file-history.js';
import { type HistoryOptions, type HistoryResult, SiteCounts } from '../../lib/torture/history.js';

const LIGHT: HistoryOptions['thoroughness'] = {
  exhaustiveMax: 16,
  randomImages: 2,
  kills: 1,
  deepEvery: 12,
  innerImages: 2,
};

function run(seed: number): Promise<HistoryResult> {
  return runFileHistory({ seed, thoroughness: LIGHT, only: undefined });
}

describe('the file backend under power cuts', () => {
  it('keeps every answer at every sync', async () => {
    const sites = new SiteCounts();
    for (const seed of [2, 3]) {
      const result = await run(seed);
      expect(result.violation, `seed ${seed}`).toBeUndefined();
      for (const [site, count] of Object.entries(result.sites)) sites.add(site, count);
    }
    // A site that no image was cut at would prove nothing about it.
    for (const site of ['identity', 'root', 'group', 'segment.prefill', 'segment.rename']) {
      expect(sites.at(site).distinct, site).toBeGreaterThan(2);
    }
  });

  it('is the same history for the same seed', async () => {
    expect(await run(3)).toEqual(await run(3));
  });
});
