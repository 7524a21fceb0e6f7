/** Back-up and restore as docs/backup.md has them, and what becomes of what it warns of. */
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ClusterProcess, freePorts, indelible, type Ports, temporaryDirectory } from './cluster-process.js';

let directory: string;
let ports: Ports;
let cluster: ClusterProcess | undefined;

beforeEach(async () => {
  directory = temporaryDirectory();
  ports = await freePorts();
});
afterEach(async () => {
  cluster?.child.kill('SIGKILL');
  await cluster?.exited;
  fs.rmSync(directory, { recursive: true, force: true });
});

const data = (): string => path.join(directory, 'data');

/** Runs the cluster while `use` has a client of it. */
async function running<T>(use: (redis: Redis) => Promise<T>): Promise<T> {
  const where = ['--dir', data(), '--region-size', '2MiB'];
  cluster = new ClusterProcess([...where, '--port', `${ports.port}`, '--peer-port', `${ports.peerPort}`]);
  await cluster.event('up');
  const redis = new Redis({ port: ports.port, host: '127.0.0.1' });
  const result = await use(redis);
  redis.disconnect();
  expect(await cluster.stop()).toBe(0);
  return result;
}

it('all directories, copied while all replicas are stopped, are what was there then', async () => {
  await running((redis) => redis.set('a', 'before'));
  const backUp = path.join(directory, 'back-up');
  fs.cpSync(data(), backUp, { recursive: true });
  await running((redis) => redis.mset({ a: 'after', b: '1' }));
  fs.rmSync(data(), { recursive: true });
  fs.renameSync(backUp, data());
  await running(async (redis) => {
    expect(await redis.mget('a', 'b')).toEqual(['before', null]);
    expect(await redis.set('c', '1')).toBe('OK');
  });
});

it('a single replica that is restored is refused by the others, which go on', async () => {
  await running((redis) => redis.set('a', 'before'));
  const copy = path.join(directory, 'copy');
  fs.cpSync(path.join(data(), 'replica-3'), copy, { recursive: true });
  await running((redis) => redis.set('a', 'after'));
  fs.rmSync(path.join(data(), 'replica-3'), { recursive: true });
  fs.renameSync(copy, path.join(data(), 'replica-3'));
  await running(async (redis) => {
    expect(await redis.get('a')).toBe('after');
    const { code, out } = await indelible('status', '--dir', data());
    expect(code).toBe(1);
    expect(out).toMatch(/replicas 1 and 3 do not talk: the store of replica 3 is not the one that voted/);
  });
});

it('a cluster that runs is backed up, and restored into a new one that no old replica can join', async () => {
  const backups = path.join(directory, 'backups');
  fs.mkdirSync(backups);
  const taken = await running(async (redis) => {
    await redis.mset({ a: '1', b: '2' });
    const made = await indelible('backup', '--dir', data(), '--to', backups, '--json');
    await redis.set('a', 'later');
    return made;
  });
  expect(taken.code, taken.problems).toBe(0);
  const { file, clusterId } = JSON.parse(taken.out) as { file: string; clusterId: string };
  expect(fs.readdirSync(backups)).toEqual([path.basename(file)]);
  expect((await indelible('backup', '--verify', file)).code).toBe(0);

  const old = path.join(directory, 'old');
  fs.renameSync(data(), old);
  const restored = await indelible('restore', file, '--dir', data(), '--region-size', '2MiB', '--json');
  expect(restored.code, restored.problems).toBe(0);
  expect(JSON.parse(restored.out)).toMatchObject({ of: clusterId });
  const again = await indelible('restore', file, '--dir', data());
  expect([again.code, again.problems]).toEqual([3, expect.stringMatching(/STORE_EXISTS.*is not empty/)]);
  await running(async (redis) => {
    expect(await redis.mget('a', 'b')).toEqual(['1', '2']);
    await redis.set('c', '3');
  });

  // Of the same number, with all that it knows.
  fs.rmSync(path.join(data(), 'replica-3'), { recursive: true });
  fs.cpSync(path.join(old, 'replica-3'), path.join(data(), 'replica-3'), { recursive: true });
  await running(async (redis) => {
    expect(await redis.mget('a', 'c')).toEqual(['1', '3']);
    const { out } = await indelible('status', '--dir', data());
    expect(out).toMatch(/3 +does not answer/);
    expect(cluster!.problems + JSON.stringify(cluster!.events)).toContain('STORE_FOREIGN');
  });
});

it('a damaged back-up is restored nowhere, and one is restored on several machines only from one state', async () => {
  await running((redis) => redis.mset({ a: '1', b: '2' }));
  const file = path.join(directory, 'stopped.backup');
  const taken = await indelible('backup', '--from', data(), '--to', file, '--json');
  expect(taken.code, taken.problems).toBe(0);
  const { throughSlot } = JSON.parse(taken.out) as { throughSlot: number };

  const damaged = path.join(directory, 'damaged.backup');
  const bytes = fs.readFileSync(file);
  bytes[bytes.length - 100]! ^= 1;
  fs.writeFileSync(damaged, bytes);
  const target = path.join(directory, 'restored');
  const refused = await indelible('restore', damaged, '--dir', target);
  expect([refused.code, refused.problems]).toEqual([3, expect.stringMatching(/(BACKUP|CHECKPOINT)_INVALID/)]);
  expect(fs.existsSync(target)).toBe(false);

  const plan = path.join(directory, 'plan.json');
  const small = ['--region-size', '2MiB'];
  const drawn = await indelible('restore', file, '--new-plan', '1', '--plan', plan);
  expect(drawn.code, drawn.problems).toBe(0);
  const member = ['--plan', plan, '--replica', '1', '--dir', target, ...small];
  const empty = await indelible('format', ...member);
  expect([empty.code, empty.problems]).toEqual([2, expect.stringMatching(/begins with a back-up/)]);
  fs.writeFileSync(plan, fs.readFileSync(plan, 'utf8').replace(/"chain": \d+/, `"chain": 1`));
  const other = await indelible('restore', file, ...member);
  expect([other.code, other.problems]).toEqual([3, expect.stringMatching(/has another history/)]);
  fs.rmSync(plan);
  fs.rmSync(plan.replace('.json', '.key'));
  await indelible('restore', file, '--new-plan', '1', '--plan', plan);
  const whole = await indelible('restore', file, ...member, '--json');
  expect(whole.code, whole.problems).toBe(0);
  expect(JSON.parse(whole.out)).toMatchObject({ throughSlot });
  expect(fs.readdirSync(target).sort()).toEqual(['checkpoints', 'cluster-key', 'region']);
});
