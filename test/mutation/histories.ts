/** Short histories of the simulator, for mutants that only a whole cluster notices: a test a seed. */
import { expect, test } from 'vitest';
import { simulate } from '../../lib/simulation/simulation.js';

const FAULTS = { rotBytes: 15, rotRecord: 10, loseStore: 0.4 };

for (let seed = 1; seed <= 12; seed++) {
  test(`history ${seed} keeps every promise`, async () => {
    const backend = seed % 2 === 0 ? 'memory' : 'delayed';
    const faults = seed % 3 === 0 ? FAULTS : {};
    const { violation } = await simulate({ seed, events: 2000, backend, faults, damage: 'minority' });
    expect(violation).toBeUndefined();
  });
}
