/** Who leads has a token that is higher than all before, and hears when it leads no more. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import type { Leadership, Replica } from '../../lib/index.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { TestCluster } from './cluster.js';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start({
    machine: () => new Counter(),
    storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
  });
});
afterEach(() => cluster.closeAll());

/** The lead that is told of first, and whose it is. */
const nextLead = (): Promise<{ readonly replica: Replica; readonly lead: Leadership }> =>
  Promise.any(
    [...cluster.replicas.values()].map(async (replica) => ({ replica, lead: await replica.leadership() })),
  );

it('tokens rise from lead to lead, and the signal of each fires when it ends', async () => {
  const first = await nextLead();
  await cluster.close(first.replica.identity.replicaId);
  expect(first.lead.signal.aborted).toBe(true);
  await expect(first.replica.leadership()).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STOPPED' });
  const second = await nextLead();
  expect(second.lead.token).toBeGreaterThan(first.lead.token);
  // Without a quorum it cannot lead on, and says so.
  const leads = second.replica.identity.replicaId;
  for (const id of cluster.ids) if (id !== leads) await cluster.close(id);
  await cluster.until(() => second.lead.signal.aborted);
});
