/** A cluster on one machine, from the first start to the second one, with deaths in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { argumentsOf } from '../service/processes.js';
import {
  ClusterProcess,
  freePorts,
  indelible,
  isAlive,
  type Ports,
  temporaryDirectory,
} from './cluster-process.js';

let directory: string;
let ports: Ports;
let clusters: ClusterProcess[];
let clients: Redis[];
let orphans: ChildProcess[];

beforeEach(async () => {
  directory = temporaryDirectory();
  ports = await freePorts();
  clusters = [];
  clients = [];
  orphans = [];
});

afterEach(async () => {
  for (const client of clients) client.disconnect();
  for (const orphan of orphans) orphan.kill('SIGKILL');
  for (const cluster of clusters) {
    cluster.child.kill('SIGTERM');
    await cluster.exited;
  }
  fs.rmSync(directory, { recursive: true, force: true });
});

function start(...args: readonly string[]): ClusterProcess {
  const where = ['--dir', path.join(directory, 'data'), '--region-size', '2MiB'];
  const listen = ['--port', String(ports.port), '--peer-port', String(ports.peerPort)];
  const cluster = new ClusterProcess([...where, ...listen, ...args]);
  clusters.push(cluster);
  return cluster;
}

function client(replica = 1): Redis {
  const redis = new Redis({ port: ports.port + replica - 1, host: '127.0.0.1' });
  redis.on('error', () => {});
  clients.push(redis);
  return redis;
}

/** As a client reads during a change of the leader: what was not executed is asked again. */
async function read(redis: Redis, key: string): Promise<string | null> {
  for (;;) {
    try {
      return await redis.get(key);
    } catch (error) {
      if (!String(error).includes('TRYAGAIN')) throw error;
    }
  }
}

async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.each(['emulated', 'file'])('a cluster on the backend %s', (backend) => {
  it('serves, stops in order, leaves no process, and finds its data again', async () => {
    const first = start('--backend', backend);
    const up = await first.event('up');
    expect(up.durability).toBe(backend === 'file' ? 'power' : 'process');
    expect(up.leader).toBeGreaterThan(0);
    expect(first.events.filter(({ event }) => event === 'formatting')).toHaveLength(3);
    expect(await client(2).set('greeting', 'hello')).toBe('OK');
    expect(await client(3).get('greeting')).toBe('hello');
    expect(await first.stop()).toBe(0);
    expect(up.replicas?.filter(({ pid }) => isAlive(pid))).toEqual([]);

    const second = start();
    await second.event('up');
    expect(second.events.map(({ event }) => event)).not.toContain('formatting');
    expect(await client(1).get('greeting')).toBe('hello');
  });

  it('starts a killed leader again, and loses nothing that was answered', async () => {
    const cluster = start('--backend', backend);
    const up = await cluster.event('up');
    const other = up.leader === 1 ? 2 : 1;
    const redis = client(other);
    await redis.set('answered', '1');
    const leader = up.replicas?.find(({ id }) => id === up.leader);
    const since = cluster.events.length;
    process.kill(leader!.pid, 'SIGKILL');
    expect(await cluster.event('died', since)).toMatchObject({ replica: up.leader, how: 'signal SIGKILL' });
    expect(await cluster.event('back', since)).toMatchObject({ replica: up.leader });
    expect(await read(redis, 'answered')).toBe('1');
    expect(await read(client(up.leader), 'answered')).toBe('1');
  });
});

describe('a cluster', () => {
  it('closes in order though npm passes the signal on a second time', async () => {
    const cluster = start();
    await cluster.event('up');
    cluster.child.kill('SIGINT');
    cluster.child.kill('SIGTERM');
    expect(await cluster.exited).toBe(0);
    for (const replica of [1, 2, 3]) {
      const said = fs.readFileSync(path.join(directory, 'data', `replica-${replica}.log`), 'utf8');
      expect(said).toContain('"msg":"closed"');
    }
  });

  it('does not outlive its supervisor', async () => {
    const cluster = start();
    const up = await cluster.event('up');
    await cluster.stop('SIGKILL');
    await gone(up.replicas?.map(({ pid }) => pid) ?? []);
    const again = start();
    expect((await again.event('up')).leader).toBeGreaterThan(0);
  });

  it('has no replica that stays behind because it was only being loaded when its supervisor ended', async () => {
    const cluster = start();
    const up = await cluster.event('up');
    const [, ...args] = argumentsOf(up.replicas![0]!.pid);
    await cluster.stop();
    const orphan = spawn(process.execPath, args.slice(0, -1), {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    orphans.push(orphan);
    orphan.disconnect();
    expect(await once(orphan, 'exit')).toEqual([0, null]);
  });

  it.each([1, 5])('can have %d replicas', async (replicas) => {
    const cluster = start('--replicas', String(replicas));
    const up = await cluster.event('up');
    expect(up.replicas).toHaveLength(replicas);
    expect(await client(replicas).incr('counter')).toBe(1);
  });

  it('runs beside another one', async () => {
    await start().event('up');
    await client().set('mine', 'first');
    ports = await freePorts();
    const other = new ClusterProcess([
      ...['--dir', path.join(directory, 'other'), '--region-size', '2MiB'],
      ...['--port', String(ports.port), '--peer-port', String(ports.peerPort)],
    ]);
    clusters.push(other);
    await other.event('up');
    expect(await client().get('mine')).toBeNull();
  });

  it('lets in only who knows the password, where there is one', async () => {
    const file = path.join(directory, 'password');
    fs.writeFileSync(file, 'open sesame\n');
    await start('--password-file', file).event('up');
    await expect(client().get('greeting')).rejects.toThrow(/NOAUTH/);
    const redis = new Redis({ port: ports.port, host: '127.0.0.1', password: 'open sesame' });
    clients.push(redis);
    expect(await redis.get('greeting')).toBeNull();
  });
});

describe('status', () => {
  it('shows a running cluster, and fails without one', async () => {
    const data = path.join(directory, 'data');
    const cluster = start();
    const { leader } = await cluster.event('up');
    await client().set('greeting', 'hello');
    const running = await indelible('status', '--dir', data, '--json');
    expect(running.code).toBe(0);
    const said = JSON.parse(running.out) as {
      leader: number;
      replicas: { status: { durability: string } }[];
    };
    expect(said.leader).toBe(leader);
    expect(said.replicas.map(({ status }) => status.durability)).toEqual(['process', 'process', 'process']);
    const shown = await indelible('status', '--dir', data);
    expect(shown.out).toMatch(new RegExp(`replica ${leader} leads`));
    await cluster.stop();
    const stopped = await indelible('status', '--dir', data);
    expect(stopped.code).toBe(1);
    expect(stopped.problems).toMatch(/no cluster runs/);
  });

  it('fails where nobody answers', async () => {
    const peers = `1=127.0.0.1:${ports.peerPort},2=127.0.0.1:${ports.peerPort + 1}`;
    const { code, out } = await indelible('status', '--peers', peers);
    expect(code).toBe(1);
    expect(out).toMatch(/does not answer/);
    expect(out).toMatch(/no quorum: 0 of 2/);
  });
});
