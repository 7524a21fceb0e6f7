import { afterEach, describe, expect, it } from 'vitest';
import { Bank } from '../../examples/bank.js';
import { Counter } from '../../examples/counter.js';
import type { Replica, StateMachine } from '../../lib/index.js';
import { TestCluster } from '../replica/cluster.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('the examples, on three replicas with emulated persistent memory', () => {
  let cluster: TestCluster;
  afterEach(() => cluster.closeAll());

  const start = async (machine: () => StateMachine): Promise<Replica> => {
    cluster = await TestCluster.start({ machine, storage: () => ({ mode: 'emulated' }) });
    return cluster.leader();
  };

  it('the counter counts, survives the death of all replicas, and refuses nonsense', async () => {
    const leader = await start(() => new Counter());
    await Promise.all(Array.from({ length: 100 }, (_, i) => leader.propose(Buffer.from(`add ${i}`))));
    expect(text(await leader.propose(Buffer.from('nonsense')))).toBe('error: say add N');
    for (const id of cluster.ids) await cluster.close(id);
    for (const id of cluster.ids) await cluster.open(id);
    const next = await cluster.leader();
    expect(text(await next.read(Buffer.from('')))).toBe(String((99 * 100) / 2));
  });

  it('the bank keeps the sum of all accounts, whoever is asked and whoever leads', async () => {
    const leader = await start(() => new Bank());
    const say = (replica: Replica, request: object): Promise<string> =>
      replica.propose(Buffer.from(JSON.stringify(request))).then(text);
    for (const name of ['ann', 'bob', 'cy']) await say(leader, { open: name, amount: 1000 });
    const replicas = [...cluster.replicas.values()];
    const moves = Array.from({ length: 300 }, (_, i) =>
      say(replicas[i % 3]!, {
        from: ['ann', 'bob', 'cy'][i % 3],
        to: ['ann', 'bob', 'cy'][(i * 7 + 1) % 3],
        amount: i,
      }),
    );
    const outcomes = (await Promise.all(moves)).map((answer) => (JSON.parse(answer) as { ok: boolean }).ok);
    expect(outcomes).toContain(true);
    await leader.checkpoint();
    await cluster.close(leader.identity.replicaId);
    const next = await cluster.leader();
    expect(text(await next.read(Buffer.from('')))).toBe('3000');
    expect(await say(next, { from: 'ann', to: 'nobody', amount: 1 })).toBe(
      '{"ok":false,"refusal":"no such account"}',
    );
  });
});
