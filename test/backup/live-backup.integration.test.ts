/** Back-ups of replicas that run, over their peer ports, and clusters made of them. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Counter } from '../../examples/counter.js';
import { BackupFile } from '../../lib/backup/backup-file.js';
import { backupOf } from '../../lib/backup/live-backup.js';
import { Replay } from '../../lib/backup/replay.js';
import { clientKeyOf, newClusterKey } from '../../lib/index.js';
import { BACKUPS_MAX } from '../../lib/replica/backup-source.js';
import type { Host } from '../../lib/replica/host.js';
import { MemoryDisk } from '../../lib/storage/memory.js';
import { Exchange } from '../../lib/transport/exchange.js';
import { BackupWhat } from '../../lib/wire/client-messages.js';
import { TestCluster } from '../replica/cluster.js';

let cluster: TestCluster;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-backup-'));
});
afterEach(async () => {
  await cluster.closeAll();
  rmSync(directory, { recursive: true });
});

const start = (size: number): Promise<TestCluster> =>
  TestCluster.start({
    size,
    machine: () => new Counter(),
    storage: () => ({ mode: 'memory', disk: new MemoryDisk() }),
  });

const add = (amount: number): Promise<Uint8Array> =>
  cluster.replicas.get(1)!.propose(Buffer.from(`add ${amount}`));
const fileIn = (): string => join(directory, 'a.backup');
const access = (id: number): { address: string; replicaId: number; key: Uint8Array } => ({
  address: cluster.addressOf(id),
  replicaId: id,
  key: clientKeyOf(cluster.key),
});

/** The counter at the end of a back-up. */
async function valueIn(file: string): Promise<string | undefined> {
  const backup = await BackupFile.open(file);
  const replay = new Replay(backup, new Counter());
  replay.run(backup.throughSlot);
  await backup.close();
  // That of the sessions is behind it.
  return replay.stateDigest?.split('+')[0];
}

describe('a back-up of a replica that runs', () => {
  it('holds everything that was answered before it was begun, from each of them', async () => {
    cluster = await start(3);
    for (let i = 0; i < 10; i++) await add(1);
    await cluster.leader();
    await cluster.converged();
    for (const id of cluster.ids) {
      const { lengthBytes, replicaId, throughSlot } = await backupOf({ ...access(id), file: fileIn() });
      expect({ replicaId, hasBytes: lengthBytes > 0 }).toEqual({ replicaId: id, hasBytes: true });
      expect(throughSlot).toBe(cluster.replicas.get(id)!.status().learnedThrough);
      expect(await valueIn(fileIn())).toBe('10');
      rmSync(fileIn());
    }
  });

  it('begins with a checkpoint and ends with what came behind it', async () => {
    cluster = await start(1);
    await add(1);
    await cluster.replicas.get(1)!.checkpoint();
    await add(2);
    const { checkpointThrough, throughSlot } = await backupOf({ ...access(1), file: fileIn() });
    expect(checkpointThrough).toBeGreaterThan(0);
    expect(throughSlot).toBeGreaterThan(checkpointThrough);
    expect(await valueIn(fileIn())).toBe('3');
  });

  it('is refused to who has another key, and to a file that is there', async () => {
    cluster = await start(1);
    await add(1);
    const stranger = { ...access(1), key: clientKeyOf(newClusterKey()), file: fileIn() };
    await expect(backupOf(stranger)).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STRANGER' });
    mkdirSync(fileIn());
    const taken = backupOf({ ...access(1), file: fileIn() });
    await expect(taken).rejects.toMatchObject({ code: 'ERR_INDELIBLE_STORE_EXISTS' });
    expect(readdirSync(directory)).toEqual(['a.backup']);
  });

  it('is begun anew when the replica had to forget the log meanwhile, but not without end', async () => {
    cluster = await start(1);
    await add(1);
    const { learner } = (Reflect.get(cluster.replicas.get(1)!, 'host') as Host).core;
    const { tell } = learner;
    let forgets = 2;
    learner.tell = (...range) => (forgets-- > 0 ? [] : tell.apply(learner, range));
    await backupOf({ ...access(1), file: fileIn() });
    expect(await valueIn(fileIn())).toBe('1');
    forgets = Number.POSITIVE_INFINITY;
    const never = backupOf({ ...access(1), file: join(directory, 'b.backup') });
    await expect(never).rejects.toMatchObject({ code: 'ERR_INDELIBLE_NOT_EXECUTED' });
    await expect(never).rejects.toThrow(/replica 1 has forgotten slot 1, or lost its bytes/);
    expect(readdirSync(directory)).toEqual(['a.backup']);
  });

  it('fails with a code, and leaves nothing, when the replica ends meanwhile', async () => {
    cluster = await start(1);
    await add(1);
    // So slow that it is under way for as long as the test takes.
    const taken = backupOf({ ...access(1), file: fileIn(), bytesPerSecond: 1 });
    taken.catch(() => {});
    await cluster.until(() => readdirSync(directory).length > 0);
    await cluster.close(1);
    await expect(taken).rejects.toMatchObject({ code: 'ERR_INDELIBLE_NETWORK' });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('keeps the checkpoint and the log behind it, while checkpoints and trims go on', async () => {
    cluster = await start(1);
    const replica = cluster.replicas.get(1)!;
    await add(1);
    await replica.checkpoint();
    await add(2);
    const exchange = await Exchange.connect(access(1));
    const offer = await exchange.backup({ what: BackupWhat.offer, at: 0 });
    const { checkpointThrough, throughSlot } = JSON.parse(Buffer.from(offer.body).toString());
    for (let i = 0; i < 5; i++) {
      await add(1);
      await replica.checkpoint();
    }
    const trimmed = (): number => replica.status().trimThrough;
    expect(trimmed()).toBeLessThanOrEqual(checkpointThrough);
    const log = await exchange.backup({ what: BackupWhat.log, at: checkpointThrough + 1 });
    expect(log.isGiven).toBe(true);
    // All of the log is told: it is not kept any longer, and the checkpoint is.
    await cluster.until(() => trimmed() > throughSlot);
    expect((await exchange.backup({ what: BackupWhat.checkpoint, at: 0 })).isGiven).toBe(true);
    exchange.close();
  });

  it('that nobody goes on with keeps nothing, and there are no more than a few at a time', async () => {
    cluster = await start(1);
    await add(1);
    const asks = await Promise.all(
      Array.from({ length: BACKUPS_MAX + 1 }, () => Exchange.connect(access(1))),
    );
    const offers: boolean[] = [];
    for (const ask of asks) offers.push((await ask.backup({ what: BackupWhat.offer, at: 0 })).isGiven);
    expect(offers).toEqual([...Array(BACKUPS_MAX).fill(true), false]);
    asks[0]!.close();
    const [, second, third] = asks;
    const again = async (): Promise<boolean> =>
      (await third!.backup({ what: BackupWhat.offer, at: 0 })).isGiven;
    // The replica learns of the end of a connection in its own time.
    while (!(await again())) await new Promise((resolve) => setImmediate(resolve));
    const idle = await second!.backup({ what: BackupWhat.log, at: 999 });
    expect(Buffer.from(idle.body).toString()).toMatch(/slot 999 is not to be told/);
    const over = await second!.backup({ what: BackupWhat.log, at: 1 });
    expect(Buffer.from(over.body).toString()).toMatch(/nothing is kept for this back-up any more/);
    for (const ask of asks) ask.close();
  });
});
