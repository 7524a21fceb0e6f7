import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { machineDigest, TestCluster } from './cluster.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Both copies of the root, as docs/format.md places them. */
const ROOTS_AT = 0x2000;
const ROOTS_BYTES = 0x2000;

describe('a replica whose region has lost both roots (contract 7)', () => {
  let cluster: TestCluster;
  afterEach(() => cluster.closeAll());

  it('never votes again, says so, and goes on learning through more data than its log could hold', async () => {
    cluster = await TestCluster.start({
      machine: () => new Counter(),
      storage: () => ({ mode: 'emulated' }),
      logBytes: 128 << 10,
      recordBytesMax: 16 << 10,
    });
    const leader = await cluster.leader();
    await leader.propose(Buffer.from('add 5'));
    const damaged = cluster.ids.find((id) => id !== leader.identity.replicaId)!;
    await cluster.close(damaged);
    const region = openSync(join(cluster.directory, `replica-${damaged}`, 'region'), 'r+');
    writeSync(region, Buffer.alloc(ROOTS_BYTES), 0, ROOTS_BYTES, ROOTS_AT);
    closeSync(region);

    const returned = await cluster.open(damaged);
    expect(returned.status()).toMatchObject({ recovery: 'lost', votes: false });
    for (let round = 0; round < 15; round++) {
      await Promise.all(Array.from({ length: 2000 }, () => leader.propose(Buffer.from('add 1'))));
    }
    await cluster.until(() => machineDigest(returned) === '30005');
    expect(returned.failure).toBeUndefined();
    expect(returned.status().checkpointId).toBeGreaterThan(0);
    expect(text(await returned.propose(Buffer.from('add 1')))).toBe('30006');
  });

  it('does not count towards a majority: with one more replica gone, nothing is answered as done', async () => {
    cluster = await TestCluster.start({
      machine: () => new Counter(),
      storage: () => ({ mode: 'emulated' }),
      tuning: { requestTimeoutMs: 300 },
    });
    const leader = await cluster.leader();
    await leader.propose(Buffer.from('add 5'));
    const [damaged, other] = cluster.ids.filter((id) => id !== leader.identity.replicaId) as [number, number];
    await cluster.close(damaged);
    const region = openSync(join(cluster.directory, `replica-${damaged}`, 'region'), 'r+');
    writeSync(region, Buffer.alloc(ROOTS_BYTES), 0, ROOTS_BYTES, ROOTS_AT);
    closeSync(region);
    await cluster.open(damaged);
    await cluster.close(other);
    await expect(leader.propose(Buffer.from('add 1'))).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_INDELIBLE_(UNKNOWN|NOT_EXECUTED)$/),
    });
  });
});
