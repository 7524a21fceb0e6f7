/** Every fault a disk could put into a file store, found out, without meaning, or what was legal earlier. */
import { describe, expect, it } from 'vitest';
import { fileDamageCampaign } from '../../lib/torture/file-damage.js';

describe('the file backend on a failing disk', () => {
  it('takes no damage for anything but what it is', async () => {
    const { images, verdicts, violation } = await fileDamageCampaign({ seed: 1, images: 1200 });
    expect(violation).toBeUndefined();
    expect(images).toBe(1200);
    const due = new Set(Object.values(verdicts).flatMap((counts) => Object.keys(counts)));
    expect([...due]).toEqual(
      expect.arrayContaining(['intact', 'unavailable', 'uncertain', 'lost', 'refused']),
    );
  });
});
