import { expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import type { CheckpointFetch } from '../../lib/paxos/messages.js';
import { type CheckpointSource, Checkpoints } from '../../lib/replica/checkpoints.js';
import { TUNING_DEFAULT } from '../../lib/replica/options.js';
import { SessionTable } from '../../lib/replica/sessions/session-table.js';
import type { CheckpointStore } from '../../lib/storage/checkpoint.js';
import type { CheckpointFile } from '../../lib/storage/checkpoint-file.js';
import { RecordingMedium } from '../../lib/storage/file/recording-medium.js';
import type { Storage } from '../../lib/storage/storage.js';
import type { Digest } from '../../lib/types.js';
import { storeAt } from '../simulation/schedules/transfer-pair.js';

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
    sessions: new SessionTable(),
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

it('writes one of its own at once where that of a peer became the state and could not be made durable', async () => {
  const medium = new RecordingMedium();
  const [own, source] = [await storeAt(10, medium), await storeAt(30)];
  const machine = {
    execute: () => {},
    query: () => true,
    checkpoint: () => [new Uint8Array(8)],
    restore: (chunks: Iterable<Uint8Array>) => void [...chunks],
  };
  const checkpoints = new Checkpoints({
    store: own,
    storage: { usedBytes: 0, capacityBytes: 1000 } as Storage,
    machine,
    sessions: new SessionTable(),
    tuning: TUNING_DEFAULT,
    random: () => 0,
  });
  const { host, apply } = hostAt(10);
  const { meta, digest, lengthBytes } = source.newest;
  const name = { checkpointId: meta.checkpointId, throughSlot: meta.throughSlot, digest: digest as Digest };
  const problems: unknown[] = [];
  let durable = 0;
  Object.assign(host, {
    post: (_to: number, message: CheckpointFetch) => {
      const bytes = source.newest.read(message.offset, message.bytesMax)!;
      const chunk = { ...name, type: 'checkpointChunk', offset: message.offset, lengthBytes, bytes } as const;
      setImmediate(() => checkpoints.receive(2, chunk));
    },
    hasRoom: () => true,
    restored: () => apply(30),
    transfer: () => {},
    checkpointProblem: (problem: unknown) => problems.push(problem),
    durableCheckpoint: ({ meta: { throughSlot } }: CheckpointFile) => {
      durable = throughSlot;
    },
  });
  const { core } = host;
  const configuration = { configuration: meta.configuration, above: 0 };
  Object.assign(core, { configurations: { peers: [2], at: () => configuration }, progress: new Map() });
  Object.assign(core.learner, { learnedThrough: 30, chain: 30 });
  Object.assign(host.executor, { timeMs: 0, ballotThrough: 0 });
  checkpoints.start(host);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  medium.rename = () => Promise.reject(Object.assign(new Error('no entry'), { code: 'EIO' }));
  checkpoints.take(2, { type: 'checkpointOffer', ...name, lengthBytes });
  while (problems.length === 0) await turn();
  expect(problems[0]).toMatchObject({ failures: 1 });
  expect(checkpoints.mayRestore, 'the newest checkpoint is behind the state').toBe(false);
  delete (medium as Partial<RecordingMedium>).rename;
  while (durable === 0) {
    checkpoints.tick(host);
    await turn();
  }
  expect(durable).toBe(30);
  expect(checkpoints.mayRestore).toBe(true);
  expect(problems.at(-1)).toBeUndefined();
});
