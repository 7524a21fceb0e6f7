/** What a replica does with commands and queries while it knows of no leader. */
import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { ErrorCode } from '../../lib/errors.js';
import type { Tuning } from '../../lib/index.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from './cluster.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const command = (words: string): Uint8Array => Buffer.from(words);

/** Longer than any test runs. */
const LONG_MS = 600_000;

describe('without a leader', () => {
  let cluster: TestCluster;
  afterEach(() => cluster.closeAll());

  const format = async (tuning: Partial<Tuning>): Promise<void> => {
    cluster = await TestCluster.format({
      tuning,
      machine: () => new Counter(),
      storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
    });
  };

  it('commands and queries are held, and executed in the order given once there is one', async () => {
    await format({ leaderWaitMs: LONG_MS });
    const alone = await cluster.open(1);
    const results = [1, 2, 3, 4, 5].map((n) => alone.propose(command(`add ${n}`)));
    const read = alone.read(command(''));
    await cluster.open(2);
    await cluster.open(3);
    expect((await Promise.all(results)).map(text)).toEqual(['1', '3', '6', '10', '15']);
    expect(Number(text(await read))).toBeLessThanOrEqual(15);
  });

  it('commands and queries are not executed when there is none in their time', async () => {
    await format({ leaderWaitMs: 1 });
    const alone = await cluster.open(1);
    await expect(alone.propose(command('add 1'))).rejects.toMatchObject({ code: ErrorCode.notExecuted });
    await expect(alone.read(command(''))).rejects.toMatchObject({ code: ErrorCode.notExecuted });
    await cluster.open(2);
    await cluster.open(3);
    await cluster.leader();
    // Until it has heard of the leader, and reached it, there is none for this replica.
    let answer: Uint8Array | undefined;
    while (answer === undefined) {
      answer = await alone.read(command('')).catch((error) => {
        expect(error).toMatchObject({ code: ErrorCode.notExecuted });
        return undefined;
      });
    }
    expect(text(answer)).toBe('0');
  });

  it('who writes one after the other through a follower hears no refusal while the leader is replaced', async () => {
    await format({ leaderWaitMs: LONG_MS });
    for (const id of cluster.ids) await cluster.open(id);
    const leader = (await cluster.leader()).identity.replicaId;
    const follower = cluster.replicas.get(cluster.ids.find((id) => id !== leader)!)!;
    await follower.propose(command('add 1'));
    // Closed and opened again at once: for others it still is the leader, for itself it is not.
    await cluster.close(leader);
    const again = cluster.open(leader);
    const outcomes: string[] = [];
    for (let i = 0; i < 100; i++) {
      outcomes.push(
        await follower.propose(command('add 1')).then(
          () => 'done',
          (error) => error.code,
        ),
      );
    }
    await again;
    // What was under way to the leader as it closed may be unknown: that is one command here.
    expect(outcomes.filter((outcome) => outcome !== 'done').length).toBeLessThanOrEqual(1);
    expect(outcomes).not.toContain(ErrorCode.notExecuted);
  });
});
