import { expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { type CheckpointSource, Checkpoints } from '../../lib/replica/checkpoints.js';
import { TUNING_DEFAULT } from '../../lib/replica/options.js';
import type { CheckpointStore } from '../../lib/storage/checkpoint.js';
import type { Storage } from '../../lib/storage/storage.js';

/** A host that has applied `appliedThrough`, and writes down what it is asked to trim. */
function hostAt(appliedThrough: number): {
  host: CheckpointSource;
  trims: number[];
  apply(slot: number): void;
} {
  const trims: number[] = [];
  const executor = { appliedThrough };
  const host = {
    executor,
    core: {
      role: 'follower',
      acceptor: { trimThrough: 0 },
      learner: { unloggedBytes: 0, learnedThrough: 0 },
      wantsCheckpointThrough: 0,
    },
    trim: (through: number) => trims.push(through),
  };
  return {
    host: host as unknown as CheckpointSource,
    trims,
    apply: (slot) => {
      executor.appliedThrough = slot;
    },
  };
}

it('trims nothing by a received checkpoint before it has become the state (contract 24)', () => {
  const store = { newest: { meta: { checkpointId: 7, throughSlot: 100 } } } as unknown as CheckpointStore;
  const storage = { usedBytes: 10, capacityBytes: 1000 } as Storage;
  const machine = new Counter();
  const checkpoints = new Checkpoints({
    store,
    storage,
    machine,
    tuning: TUNING_DEFAULT,
    random: () => 0,
  });
  const { host, trims, apply } = hostAt(40);
  checkpoints.tick(host);
  expect(trims).toEqual([]);
  apply(100);
  checkpoints.tick(host);
  expect(trims).toEqual([100]);
});
