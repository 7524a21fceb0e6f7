import { describe, expect, it } from 'vitest';
import { TUNING_DEFAULT, tune } from '../../lib/replica/options.js';

const STORE = { batchBytesMax: 1 << 20, capacityBytes: 100 << 20 };

describe('tuning', () => {
  it('is the defaults where nothing is given', () => {
    expect(tune({}, STORE)).toMatchObject({ ...TUNING_DEFAULT, commandBytesMax: (1 << 20) - 128 });
  });

  it('keeps the open window a small part of the log, however it is asked for', () => {
    for (const capacityBytes of [64 << 10, 1 << 20, 100 << 20]) {
      const { windowBytes, windowSlots } = tune(
        { windowBytes: 2 ** 40, windowSlots: 1024 },
        { ...STORE, capacityBytes },
      );
      expect(windowBytes).toBeLessThanOrEqual(capacityBytes / 8);
      expect(windowSlots * 8192).toBeLessThanOrEqual(capacityBytes / 4);
      expect(windowSlots).toBeGreaterThanOrEqual(1);
    }
  });

  it('fits commands into the batches that the store was formatted for', () => {
    const { commandBytesMax, batchBytesTarget } = tune({}, { batchBytesMax: 3000, capacityBytes: 64 << 10 });
    expect(commandBytesMax).toBeLessThan(3000);
    expect(batchBytesTarget).toBeLessThanOrEqual(3000);
  });

  it('refuses what cannot work, and names that nobody has', () => {
    expect(() => tune({ tickMs: 0 }, STORE)).toThrow(RangeError);
    expect(() => tune({ watchMs: -1 }, STORE)).toThrow(/watchMs/);
    expect(() => tune({ windowSlots: 1e9 }, STORE)).toThrow(RangeError);
    expect(() => tune({ checkpointAtShare: 0.9, trimAtShare: 0.5 }, STORE)).toThrow(RangeError);
    expect(() => tune({ tickMsx: 1 } as never, STORE)).toThrow(/tickMsx/);
  });
});
