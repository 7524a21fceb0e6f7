/** Crash images of the log on a few seeds, and what the rig says of them; `indelible torture` runs more. */
import { describe, expect, it } from 'vitest';
import { type HistoryOptions, type HistoryResult, SiteCounts } from '../../lib/torture/history.js';
import type { TortureVote } from '../../lib/torture/log-contents.js';
import { runLogHistory } from '../../lib/torture/log-history.js';
import { recordsOf } from '../../lib/torture/log-rig.js';

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
    const results = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((seed) => run(seed));
    for (const { seed, violation } of results) expect(violation, `seed ${seed}`).toBeUndefined();
    const workloads = new Set(results.map(({ workload }) => workload));
    expect([...workloads].sort()).toEqual([
      'crowded',
      'format',
      'groups',
      'lengths',
      'random',
      'reserve',
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
  });

  it('may leave of a group that no one record holds the first of its records, each of them whole', () => {
    // Votes so long that the promise they come with has a record of its own; fused and not.
    const results = [28, 68].map((seed) => run(seed));
    for (const { seed, workload, violation } of results) {
      expect(workload).toBe('lengths');
      expect(violation, `seed ${seed}`).toBeUndefined();
    }
  });

  it('are the same for the same seed', () => {
    expect(run(12)).toEqual(run(12));
  });

  it('can be judged one by one', () => {
    const distinct = sumOf([run(13, { moment: 1, image: 1 })]).total('distinct');
    expect(distinct).toBeGreaterThan(0);
    expect(distinct).toBeLessThan(200);
  });
});

describe('the records of a group', () => {
  const vote = (slot: number, lengthBytes: number): TortureVote => ({ slot, ballot: 1, lengthBytes });

  it('are one, torn nowhere, as long as that holds all of it', () => {
    for (const group of [
      { promise: 7, votes: [] },
      { promise: 0, votes: [vote(1, 4096 - 192 - 40)] },
      { promise: 7, votes: [vote(1, 4096 - 192 - 80)] },
      { promise: 7, votes: [vote(1, 1000), vote(2, 1000), vote(3, 1000)] },
    ]) {
      expect(recordsOf(group)).toEqual([group]);
    }
  });

  it('are as many as it takes, in the order of the items', () => {
    expect(recordsOf({ promise: 7, votes: [vote(1, 4096 - 192 - 79)] })).toEqual([
      { promise: 7, votes: [] },
      { promise: 0, votes: [vote(1, 4096 - 192 - 79)] },
    ]);
    expect(recordsOf({ promise: 0, votes: [vote(1, 1900), vote(2, 1900), vote(3, 1900)] })).toEqual([
      { promise: 0, votes: [vote(1, 1900), vote(2, 1900)] },
      { promise: 0, votes: [vote(3, 1900)] },
    ]);
  });
});
