/** Every fault a medium could put into a region, found out or without meaning; and bits that rot under open logs. */
import { describe, expect, it } from 'vitest';
import { damageCampaign } from '../../lib/torture/damage-campaign.js';

describe('the log on a failing medium', () => {
  it('takes no damage for anything but what it is', () => {
    const { images, live, verdicts, violation } = damageCampaign({ seed: 1, images: 6000 });
    expect(violation).toBeUndefined();
    expect(images).toBe(6000);
    expect(live).toBeGreaterThan(10);
    // Each kind of place was struck, and each verdict was due somewhere.
    for (const kind of [
      'header',
      'root',
      'word',
      'unread',
      'record',
      'descriptors',
      'payload',
      'newest',
      'tail',
    ]) {
      expect(verdicts[`flip in ${kind}`], kind).toBeDefined();
    }
    for (const kind of ['both headers', 'both roots', 'cut off', 'stale, 64 B', 'misplaced, 4096 B']) {
      expect(verdicts[kind], kind).toBeDefined();
    }
    const due = new Set(Object.values(verdicts).flatMap((counts) => Object.keys(counts)));
    expect([...due]).toEqual(
      expect.arrayContaining(['intact', 'unavailable', 'uncertain', 'lost', 'refused']),
    );
  });
});
