/** What a signal ends: every wait of a replica and of a client, and nothing else. */
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { Client, clientKeyOf, memoryStorage, type Replica } from '../../lib/index.js';
import { TestCluster } from './cluster.js';

const REASON = new Error('enough');
const ABORTED = AbortSignal.abort(REASON);

let cluster: TestCluster;
afterEach(() => cluster.closeAll());

/** One replica of three: it has no quorum, so that everything waits. */
async function alone(): Promise<Replica> {
  cluster = await TestCluster.format({ machine: () => new Counter(), storage: memoryStorage });
  return cluster.open(1);
}

/** A signal that is aborted when somebody looks at it for more than `looks` times. */
function abortedLater(looks: number): AbortSignal {
  const signal = new AbortController().signal;
  let look = 0;
  const aborted = (): boolean => ++look > looks;
  return Object.defineProperties(signal, {
    aborted: { get: aborted },
    reason: { value: REASON },
    throwIfAborted: {
      value: () => {
        if (aborted()) throw REASON;
      },
    },
  });
}

it('opening ends at whatever moment the signal comes, and the store can be opened again', async () => {
  cluster = await TestCluster.start({ size: 1, machine: () => new Counter(), storage: memoryStorage });
  await cluster.close(1);
  for (const looks of [0, 1, 2]) {
    await expect(cluster.open(1, { signal: abortedLater(looks) })).rejects.toBe(REASON);
  }
  expect((await cluster.open(1)).failure).toBeUndefined();
});

it('a checkpoint is no longer waited for, and is written all the same', async () => {
  const replica = await alone();
  const written = new Promise((resolve) => replica.once('checkpoint', resolve));
  const controller = new AbortController();
  const wait = replica.checkpoint({ signal: controller.signal });
  controller.abort(REASON);
  await expect(wait).rejects.toBe(REASON);
  await written;
});

it('a skip is not asked for after the signal', async () => {
  const replica = await alone();
  await expect(replica.skip(1, 0, 'why', { signal: ABORTED })).rejects.toBe(REASON);
});

it('connecting a client ends, before it began and during it', async () => {
  const replica = await alone();
  const addresses = new Map([[1, replica.address]]);
  const key = clientKeyOf(cluster.key);
  const controller = new AbortController();
  const connecting = Client.connect({ addresses, key, signal: controller.signal, connectMsMax: 600_000 });
  controller.abort(REASON);
  await expect(connecting).rejects.toBe(REASON);
  await expect(Client.connect({ addresses, key, signal: ABORTED })).rejects.toBe(REASON);
});

it('a status is no longer waited for', async () => {
  cluster = await TestCluster.start({ machine: () => new Counter(), storage: memoryStorage });
  const leader = await cluster.leader();
  const addresses = new Map([[leader.identity.replicaId, leader.address]]);
  await using client = await Client.connect({ addresses, key: clientKeyOf(cluster.key) });
  await expect(client.status({ signal: ABORTED })).rejects.toBe(REASON);
  expect(await client.status()).toMatchObject({ replicaId: expect.any(Number) });
});
