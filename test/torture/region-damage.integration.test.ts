/**
 * Every fault a medium could put into a region, found out or without meaning; and bits that rot under open
 * logs.
 */
import { describe, expect, it } from 'vitest';
import { DamageTally, VERDICTS } from '../../lib/torture/damage-tally.js';
import { damageRegion } from '../../lib/torture/region-damage.js';

const IMAGES = 6000;

describe('the log on a failing medium', () => {
  it('takes no damage for anything but what it is', () => {
    const tally = new DamageTally();
    for (let seed = 1; tally.images < IMAGES; seed++) {
      expect(damageRegion(seed, IMAGES - tally.images, tally)).toBeUndefined();
    }
    expect(tally.live).toBeGreaterThan(10);
    const places = ['header', 'root', 'word', 'unread', 'record', 'descriptors', 'payload', 'newest', 'tail'];
    const blocks = [
      'both headers',
      'both roots',
      'cut off',
      'zeroed, 256 B',
      'stale, 64 B',
      'misplaced, 4096 B',
    ];
    const kinds = [...places.map((place) => `flip in ${place}`), ...blocks];
    expect([...tally.verdicts.keys()]).toEqual(expect.arrayContaining(kinds));
    for (const verdict of VERDICTS) expect(tally.total(verdict), verdict).toBeGreaterThan(0);
  });
});
