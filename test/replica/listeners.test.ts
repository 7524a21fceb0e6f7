/** Whatever a listener of a replica's event does, the others hear of it, and who tells it goes on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SafeEmitter } from '../../lib/replica/listeners.js';
import type { ReplicaEvents } from '../../lib/replica/replica-events.js';

/** All of them: the compiler misses none. */
const NAMES: Record<keyof ReplicaEvents, true> = {
  role: true,
  peer: true,
  checkpoint: true,
  checkpointProblem: true,
  disk: true,
  transfer: true,
  damage: true,
  clock: true,
  halted: true,
  members: true,
  failure: true,
};

class Teller extends SafeEmitter<ReplicaEvents> {
  raise(name: keyof ReplicaEvents): boolean {
    return this.tell(name, ...([undefined] as unknown as ReplicaEvents[typeof name]));
  }
}

let warnings: string[];
const onWarning = (warning: Error & { code?: string }): number => warnings.push(warning.code ?? warning.name);
beforeEach(() => {
  warnings = [];
  process.on('warning', onWarning);
});
afterEach(() => process.off('warning', onWarning));

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('listeners of an event', () => {
  it.each(Object.keys(NAMES) as (keyof ReplicaEvents)[])('%s hear of it all', async (name) => {
    const teller = new Teller();
    const heard: string[] = [];
    teller.on(name, () => {
      heard.push('first');
      throw new Error('a bug of a listener');
    });
    teller.once(name, (async () => {
      heard.push('once');
      throw new Error('a bug of an async listener');
    }) as () => void);
    teller.on(name, () => heard.push('last'));
    expect(teller.raise(name)).toBe(true);
    expect(teller.raise(name)).toBe(true);
    expect(heard).toEqual(['first', 'once', 'last', 'first', 'last']);
    await settled();
    for (const code of warnings) expect(code).toBe('ERR_INDELIBLE_CALLBACK');
  });

  it('cause a warning', async () => {
    const teller = new Teller();
    teller.on('clock', () => {
      throw new Error('a bug of a listener');
    });
    // One that is told at the 1st, 2nd, 4th, 8th … time of the process.
    while (warnings.length === 0) {
      teller.raise('clock');
      await settled();
    }
    expect(warnings).toEqual(['ERR_INDELIBLE_CALLBACK']);
  });
});
