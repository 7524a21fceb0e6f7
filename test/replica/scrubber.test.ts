import { beforeEach, describe, expect, it } from 'vitest';
import { Scrubber } from '../../lib/replica/scrubber.js';
import type { FoundDamage, Recovered, ScrubProgress, Storage } from '../../lib/storage/storage.js';

const RATE = 1 << 20;
const DAMAGE: FoundDamage = { reason: 'a record rotted', votes: [], uncertain: [{ from: 3, through: 4 }] };

/** A store whose scrubs wait until the test ends them. */
class Scrubbed {
  budgets: number[] = [];
  done: ((progress: ScrubProgress) => void) | undefined;
  outcome: Recovered['outcome'] = 'intact';

  scrub(budgetBytes: number, done: (progress: ScrubProgress) => void): void {
    this.budgets.push(budgetBytes);
    this.done = done;
  }
  get recovered(): Partial<Recovered> {
    return { outcome: this.outcome };
  }
}

let store: Scrubbed;
let found: FoundDamage[];

beforeEach(() => {
  store = new Scrubbed();
  found = [];
});

function scrubberAt(bytesPerSecond: number): Scrubber {
  return new Scrubber(store as unknown as Storage, bytesPerSecond, (damage) => found.push(damage));
}

/** Ticks every 10 ms through `throughMs`; every scrub reads all it may. */
function run(scrubber: Scrubber, throughMs: number): number {
  let passes = 0;
  for (let nowMs = 0; nowMs <= throughMs; nowMs += 10) {
    scrubber.tick(nowMs);
    const done = store.done;
    store.done = undefined;
    done?.({ bytes: store.budgets.at(-1)!, passes: ++passes, damage: undefined });
  }
  return store.budgets.reduce((sum, bytes) => sum + bytes, 0);
}

describe('the scrubber', () => {
  it('reads at its rate, in calls of a bounded size', () => {
    const scrubber = scrubberAt(RATE);
    const bytes = run(scrubber, 10_000);
    expect(bytes).toBeLessThanOrEqual(10 * RATE);
    expect(bytes).toBeGreaterThan(9.5 * RATE);
    expect(Math.max(...store.budgets)).toBeLessThanOrEqual(256 << 10);
    expect(scrubber.bytes).toBe(bytes);
    expect(scrubber.passes).toBe(store.budgets.length);
  });

  it('does not make up for a long pause', () => {
    const scrubber = scrubberAt(RATE);
    scrubber.tick(0);
    scrubber.tick(3_600_000);
    expect(store.budgets).toEqual([256 << 10]);
  });

  it('asks a store that answers later no second time before', () => {
    const scrubber = scrubberAt(RATE);
    for (let nowMs = 0; nowMs < 1000; nowMs += 10) scrubber.tick(nowMs);
    expect(store.budgets).toHaveLength(1);
    store.done?.({ bytes: 1, passes: 0, damage: undefined });
    for (let nowMs = 1000; nowMs < 2000; nowMs += 10) scrubber.tick(nowMs);
    expect(store.budgets).toHaveLength(2);
  });

  it('tells of what a scrub finds, once', () => {
    const scrubber = scrubberAt(RATE);
    scrubber.tick(0);
    scrubber.tick(1000);
    store.done?.({ bytes: 100, passes: 1, damage: DAMAGE });
    expect(found).toEqual([DAMAGE]);
    expect(scrubber.findings).toBe(1);
  });

  it('is off at a rate of 0, and for a store that is lost', () => {
    run(scrubberAt(0), 10_000);
    store.outcome = 'lost';
    run(scrubberAt(RATE), 10_000);
    expect(store.budgets).toEqual([]);
  });
});
