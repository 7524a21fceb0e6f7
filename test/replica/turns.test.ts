import { setImmediate as endOfPhase } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../lib/replica/turns.js';
import { nodeRuntime } from '../../lib/runtime.js';

/** Turns that are counted, by a clock that is set by hand. */
const setUp = (during: (turns: Turns) => void = () => {}) => {
  const clock = { ms: 1000 };
  const counted = { turns: 0 };
  const turns: Turns = new Turns(
    () => {
      counted.turns++;
      during(turns);
    },
    { ...nodeRuntime, monotonicMs: () => clock.ms },
  );
  return { clock, counted, turns };
};

describe('a turn', () => {
  it('runs at once for input that comes alone', () => {
    const { clock, counted, turns } = setUp();
    turns.inputEnded();
    expect(counted.turns).toBe(1);
    clock.ms += 1;
    turns.inputEnded();
    expect(counted.turns).toBe(2);
  });

  it('takes together what follows closely, from however many sockets', async () => {
    const { counted, turns } = setUp();
    turns.inputEnded();
    for (let socket = 0; socket < 20; socket++) turns.inputEnded();
    expect(counted.turns).toBe(1);
    await endOfPhase();
    expect(counted.turns).toBe(2);
  });

  it('lets a caller in this process return first, and submit more', async () => {
    const { counted, turns } = setUp();
    for (let i = 0; i < 20; i++) turns.soon();
    expect(counted.turns).toBe(0);
    await Promise.resolve();
    await endOfPhase();
    expect(counted.turns).toBe(1);
  });

  it('never runs within another', async () => {
    let depth = 0;
    let deepest = 0;
    let left = 5;
    const { counted } = (() => {
      const all = setUp((turns) => {
        depth++;
        deepest = Math.max(deepest, depth);
        if (left-- > 0) {
          turns.inputEnded();
          turns.soon();
        }
        depth--;
      });
      all.turns.inputEnded();
      return all;
    })();
    while (left >= 0) await endOfPhase();
    expect(deepest).toBe(1);
    expect(counted.turns).toBe(6);
  });

  it('that was asked for is the one for all input until it runs', async () => {
    const { clock, counted, turns } = setUp();
    turns.request();
    clock.ms += 1;
    turns.inputEnded();
    turns.soon();
    expect(counted.turns).toBe(0);
    await endOfPhase();
    expect(counted.turns).toBe(1);
  });
});
