/** Every fault a disk could put into a file store, found out, without meaning, or what was legal earlier. */
import { describe, expect, it } from 'vitest';
import { DamageTally, VERDICTS } from '../../lib/torture/damage-tally.js';
import { damageFile } from '../../lib/torture/file-damage.js';

const IMAGES = 12_000;

describe('the file backend on a failing disk', () => {
  it('takes no damage for anything but what it is', async () => {
    const tally = new DamageTally();
    for (let seed = 1; tally.images < IMAGES; seed++) {
      expect(await damageFile(seed, IMAGES - tally.images, tally)).toBeUndefined();
    }
    const kinds = ['flipped bit', 'zeroed, 512 B', 'stale, 4096 B', 'misplaced, 512 B', 'file gone'];
    expect([...tally.verdicts.keys()]).toEqual(
      expect.arrayContaining([...kinds, 'unreadable (EIO), 4096 B', 'both identities', 'both roots']),
    );
    for (const verdict of VERDICTS) expect(tally.total(verdict), verdict).toBeGreaterThan(0);
  });
});
