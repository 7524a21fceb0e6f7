import { setImmediate as endOfPhase } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Watch } from '../../lib/replica/watch.js';
import { nodeRuntime } from '../../lib/runtime.js';

const LENGTH_MS = 0.25;

/** A watch by a clock that is set by hand; `looks` counts how often it has looked at the clock. */
const setUp = (lengthMs = LENGTH_MS) => {
  const world = { ms: 1000, looks: 0 };
  const now = (): number => {
    world.looks++;
    return world.ms;
  };
  return { world, watch: new Watch(lengthMs, { ...nodeRuntime, monotonicMs: now }) };
};

type SetUp = ReturnType<typeof setUp>;

/** Whether the loop is kept awake: a watch looks at the clock in every phase. */
async function isWatching({ world }: SetUp): Promise<boolean> {
  await endOfPhase();
  const before = world.looks;
  await endOfPhase();
  return world.looks > before;
}

/** Turns that end, and the next of which begins in time or not; how many of them kept the loop awake. */
async function turns(all: SetUp, count: number, inTime: boolean): Promise<number> {
  const { world, watch } = all;
  let watched = 0;
  for (let turn = 0; turn < count; turn++) {
    watch.turnBegins();
    watch.turnEnded();
    if (await isWatching(all)) watched++;
    if (!inTime) world.ms += LENGTH_MS;
    await endOfPhase();
  }
  return watched;
}

describe('a watch', () => {
  it('keeps the loop awake until the next turn', async () => {
    const all = setUp();
    all.watch.turnBegins();
    all.watch.turnEnded();
    expect(await isWatching(all)).toBe(true);
    all.watch.turnBegins();
    expect(await isWatching(all)).toBe(false);
    all.watch.turnEnded();
    expect(await isWatching(all)).toBe(true);
  });

  it('ends in time without one', async () => {
    const all = setUp();
    all.watch.turnBegins();
    all.watch.turnEnded();
    all.world.ms += LENGTH_MS / 2;
    expect(await isWatching(all)).toBe(true);
    all.world.ms += LENGTH_MS / 2;
    await endOfPhase();
    expect(await isWatching(all)).toBe(false);
  });

  it('is none where none is wanted', async () => {
    const all = setUp(0);
    all.watch.turnBegins();
    all.watch.turnEnded();
    expect(await isWatching(all)).toBe(false);
  });

  it('is none behind a turn that was longer', async () => {
    const all = setUp();
    all.watch.turnBegins();
    all.world.ms += LENGTH_MS;
    all.watch.turnEnded();
    expect(await isWatching(all)).toBe(false);
    all.watch.turnBegins();
    all.world.ms += LENGTH_MS / 2;
    all.watch.turnEnded();
    expect(await isWatching(all)).toBe(true);
  });

  it('looks once in a phase, however many turns there were in it', async () => {
    const all = setUp();
    for (let turn = 0; turn < 10; turn++) {
      all.watch.turnBegins();
      all.watch.turnEnded();
    }
    await endOfPhase();
    const before = all.world.looks;
    for (let phase = 0; phase < 5; phase++) await endOfPhase();
    expect(all.world.looks - before).toBeLessThanOrEqual(5);
  });

  it('is kept up as long as most turns follow closely', async () => {
    const all = setUp();
    for (let round = 0; round < 20; round++) {
      expect(await turns(all, 2, true)).toBe(2);
      expect(await turns(all, 1, false)).toBe(1);
    }
  });

  it('is given up where turns are few, but for a try now and then', async () => {
    const all = setUp();
    const first = await turns(all, 20, false);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(20);
    const later = await turns(all, 650, false);
    expect(later).toBeGreaterThan(4);
    expect(later).toBeLessThan(20);
  });

  it('comes back once turns follow closely again', async () => {
    const all = setUp();
    await turns(all, 100, false);
    await turns(all, 100, true);
    expect(await turns(all, 50, true)).toBe(50);
  });
});
