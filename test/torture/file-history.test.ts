/** Power cuts of the file backend on one seed; `indelible torture --backend file` runs more. */
import { describe, expect, it } from 'vitest';
import { runFileHistory } from '../../lib/torture/file-history.js';
import type { HistoryOptions, HistoryResult } from '../../lib/torture/history.js';

const LIGHT: HistoryOptions['thoroughness'] = {
  exhaustiveMax: 4,
  randomImages: 1,
  kills: 1,
  deepEvery: 40,
  innerImages: 2,
};

/** A short history in which segments are filled, given up and filled anew, and a torn group is wiped. */
const SEED = 9;

function run(only?: HistoryOptions['only']): Promise<HistoryResult> {
  return runFileHistory({ seed: SEED, thoroughness: LIGHT, only });
}

describe('the file backend under power cuts', () => {
  it('keeps every answer at every sync', async () => {
    const { violation, sites } = await run();
    expect(violation).toBeUndefined();
    // A site that no image was cut at would prove nothing about it.
    const cut = Object.keys(sites).filter((site) => sites[site]!.images > 2 && sites[site]!.distinct > 0);
    expect(cut.sort()).toEqual([
      'between operations',
      'directory',
      'group',
      'identity',
      'root',
      'segment.prefill',
      'segment.recovered',
      'segment.refill',
      'segment.rename',
    ]);
  });

  it('is the same history for the same seed', async () => {
    const only = { moment: 20, image: undefined };
    expect(await run(only)).toEqual(await run(only));
  });
});
