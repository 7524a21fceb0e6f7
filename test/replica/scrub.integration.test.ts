import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { Random } from '../../lib/simulation/random.js';
import { type Hit, hitPayload, hitRecord, recordsOf } from '../../lib/simulation/region-rot.js';
import { machineDigest, TestCluster } from './cluster.js';

/** Turns a bit of the region over, under the replica that has it mapped. */
function rot(path: string, choose: (image: Uint8Array) => Hit | undefined): readonly number[] {
  const image = readFileSync(path);
  const hit = choose(image)!;
  const region = openSync(path, 'r+');
  writeSync(region, Uint8Array.of(image[hit.offset]! ^ 4), 0, 1, hit.offset);
  closeSync(region);
  return hit.slots;
}

describe('a region that rots under a replica', () => {
  let cluster: TestCluster;
  afterEach(() => cluster.closeAll());

  async function startWithData(scrubBytesPerSecond: number): Promise<{ follower: number; region: string }> {
    cluster = await TestCluster.start({
      machine: () => new Counter(),
      storage: () => ({ mode: 'emulated' }),
      tuning: { scrubBytesPerSecond },
    });
    const leader = await cluster.leader();
    for (let count = 0; count < 20; count++) await leader.propose(Buffer.from('add 1'));
    await cluster.converged();
    const follower = cluster.ids.find((id) => id !== leader.identity.replicaId)!;
    return { follower, region: join(cluster.directory, `replica-${follower}`, 'region') };
  }

  it('is found by the scrubber, and the bytes are fetched from a peer and written again', async () => {
    const { follower, region } = await startWithData(1 << 30);
    const replica = cluster.replicas.get(follower)!;
    const found: string[] = [];
    replica.on('damage', ({ reason }) => found.push(reason));
    rot(region, (image) => hitPayload(image, recordsOf(image), new Random(1)));
    await cluster.until(() => replica.status().damage.healedSlots > 0);
    expect(found.length).toBeGreaterThan(0);
    expect(replica.status()).toMatchObject({ advice: '', votes: true });
    expect(replica.status().damage).toMatchObject({ unavailable: [], uncertain: [] });
    expect(replica.status().damage.scrubPasses).toBeGreaterThan(0);
    await cluster.close(follower);
    const again = await cluster.open(follower);
    expect(again.status().recovery).toBe('intact');
    await cluster.until(() => machineDigest(again) === '20');
  });

  it('is known at the next open if nobody scrubbed, and is learned again from the peers', async () => {
    const { follower, region } = await startWithData(0);
    const slots = rot(region, (image) => hitRecord(recordsOf(image), 0, new Random(3)));
    await cluster.close(follower);
    const again = await cluster.open(follower);
    expect(again.status().recovery).toBe('damaged');
    expect(slots.length).toBeGreaterThan(0);
    await cluster.until(() => machineDigest(again) === '20');
    expect(again.status().damage.healedSlots).toBeGreaterThan(0);
  });
});
