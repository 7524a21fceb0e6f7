/** Back-up and restore as the README has them, and what becomes of a restore that it warns of. */
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
