import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import type { StorageChoice, Tuning } from '../../lib/index.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { machineDigest, TestCluster } from './cluster.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const command = (words: string): Uint8Array => Buffer.from(words);

/** Later than a log can fill whose records are as large as these. */
const LATE: Partial<Tuning> = { checkpointAtShare: 0.97, trimAtShare: 0.99 };

const STORAGE: Record<string, () => StorageChoice> = {
  memory: () => ({ mode: 'memory', disk: new MemoryDisk() }),
  emulated: () => ({ mode: 'emulated' }),
  file: () => ({ mode: 'file' }),
};

describe.each(Object.keys(STORAGE))('a cluster of three on %s storage', (mode) => {
  let cluster: TestCluster;
  afterEach(() => cluster.closeAll());

  const start = async (
    size = 3,
    sizes: { logBytes?: number; recordBytesMax?: number } = {},
    tuning: Partial<Tuning> = {},
  ): Promise<void> => {
    cluster = await TestCluster.start({
      size,
      ...sizes,
      tuning,
      machine: () => new Counter(),
      storage: STORAGE[mode]!,
    });
  };

  it('executes commands at the leader and at a follower, and reads what was answered anywhere', async () => {
    await start();
    const leader = await cluster.leader();
    expect(text(await leader.propose(command('add 2')))).toBe('2');
    const follower = [...cluster.replicas.values()].find((replica) => replica !== leader)!;
    expect(text(await follower.propose(command('add 3')))).toBe('5');
    for (const replica of cluster.replicas.values()) expect(text(await replica.read(command('')))).toBe('5');
  });

  it('keeps equal digests on all replicas, and everything answered, when the leader closes', async () => {
    await start();
    const first = await cluster.leader();
    await Promise.all(Array.from({ length: 500 }, () => first.propose(command('add 1'))));
    await cluster.close(first.identity.replicaId);
    const second = await cluster.leader();
    expect(text(await second.propose(command('add 1')))).toBe('501');
    await cluster.open(first.identity.replicaId);
    await cluster.until(() => [...cluster.replicas.values()].every((r) => machineDigest(r) === '501'));
    const chains = new Set([...cluster.replicas.values()].map((replica) => replica.status().chain));
    expect(chains.size).toBe(1);
  });

  it('serves alone when it is the only member', async () => {
    await start(1);
    const leader = await cluster.leader();
    expect(text(await leader.propose(command('add 7')))).toBe('7');
    expect(text(await leader.read(command('')))).toBe('7');
  });

  it('makes room when the log is full, however late it was told to', async () => {
    await start(3, { logBytes: 128 << 10, recordBytesMax: 16 << 10 }, LATE);
    const leader = await cluster.leader();
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 2000 }, () => leader.propose(command('add 1'))));
    }
    expect(text(await leader.read(command('')))).toBe('20000');
    expect(leader.status().trimThrough).toBeGreaterThan(0);
  });

  it('goes on under more data than the log holds, and brings a replica back by state transfer', async () => {
    await start(3, { logBytes: 128 << 10, recordBytesMax: 16 << 10 });
    const leader = await cluster.leader();
    const absent = cluster.ids.find((id) => id !== leader.identity.replicaId)!;
    await cluster.close(absent);
    for (let round = 0; round < 30; round++) {
      await Promise.all(Array.from({ length: 2000 }, () => leader.propose(command('add 1'))));
    }
    expect(leader.status().trimThrough).toBeGreaterThan(0);
    const returned = await cluster.open(absent);
    await cluster.until(() => machineDigest(returned) === '60000');
    // It is the state a moment before it is durable here, and what it covers is forgotten only then.
    await cluster.until(() => returned.status().trimThrough > 0);
  });
});
