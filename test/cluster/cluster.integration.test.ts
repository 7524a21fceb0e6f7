/** A cluster on one machine, from the first start to the second one, with deaths in between. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { argumentsOf } from '../service/processes.js';
import {
  ClusterProcess,
  freePorts,
  indelible,
  isAlive,
  type Ports,
  PROGRAM,
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

function flags(): readonly string[] {
  const where = ['--dir', path.join(directory, 'data'), '--region-size', '2MiB'];
  return [...where, '--port', String(ports.port), '--peer-port', String(ports.peerPort)];
}

function start(...args: readonly string[]): ClusterProcess {
  const cluster = new ClusterProcess([...flags(), ...args]);
  clusters.push(cluster);
  return cluster;
}

function client(replica = 1): Redis {
  const redis = new Redis({ port: ports.port + replica - 1, host: '127.0.0.1' });
  redis.on('error', () => {});
  clients.push(redis);
  return redis;
}

/** As a client asks during a change of the leader: what was not executed is asked again. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
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
    expect(await asked(() => redis.get('answered'))).toBe('1');
    const leading = client(up.leader);
    expect(await asked(() => leading.get('answered'))).toBe('1');
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

  it('serves and stops in order though its replicas cannot write their logs', async () => {
    const first = start();
    await first.event('up');
    await first.stop();
    for (const replica of [1, 2, 3]) {
      const log = path.join(directory, 'data', `replica-${replica}.log`);
      fs.rmSync(log);
      fs.symlinkSync('/dev/full', log);
    }
    const second = start();
    await second.event('up');
    expect(await client().set('greeting', 'hello')).toBe('OK');
    expect(await second.stop()).toBe(0);
    expect(second.events.map(({ event }) => event)).not.toContain('killed');
  });

  it('serves though nothing it says can be written, and tells so in the end', async () => {
    const full = fs.openSync('/dev/full', 'w');
    const cluster = spawn(process.execPath, [PROGRAM, 'cluster', ...flags()], {
      stdio: ['ignore', full, 'pipe'],
    });
    fs.closeSync(full);
    orphans.push(cluster);
    const problems = text(cluster.stderr!);
    const redis = client();
    expect(await asked(() => redis.set('greeting', 'hello'))).toBe('OK');
    cluster.kill('SIGTERM');
    expect(await once(cluster, 'exit')).toEqual([1, null]);
    expect(await problems).toBe(
      'error: standard output is not whole: ENOSPC: no space left on device, write\n',
    );
  });

  it('starts a replica again when its log can be opened again', async () => {
    const cluster = start();
    const up = await cluster.event('up');
    const { id, pid } = up.replicas!.find(({ id: replica }) => replica !== up.leader)!;
    const log = path.join(directory, 'data', `replica-${id}.log`);
    fs.rmSync(log);
    fs.mkdirSync(log);
    process.kill(pid, 'SIGKILL');
    await cluster.event('died');
    const since = cluster.events.findIndex(({ event }) => event === 'died') + 1;
    expect(await cluster.event('died', since)).toMatchObject({
      replica: id,
      how: 'could not be started',
      failure: { code: 'ERR_INDELIBLE_STORE_IO' },
    });
    fs.rmdirSync(log);
    expect(await cluster.event('back')).toMatchObject({ replica: id });
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
    await cluster.event('up');
    await client().set('greeting', 'hello');
    const running = await indelible('status', '--dir', data, '--json');
    expect(running.code).toBe(0);
    const said = JSON.parse(running.out) as {
      leader: number;
      replicas: { status: { durability: string } }[];
    };
    expect([1, 2, 3]).toContain(said.leader);
    expect(said.replicas.map(({ status }) => status.durability)).toEqual(['process', 'process', 'process']);
    const shown = await indelible('status', '--dir', data);
    expect(shown.out).toMatch(/replica [123] leads/);
    await cluster.stop();
    const stopped = await indelible('status', '--dir', data);
    expect(stopped.code).toBe(1);
    expect(stopped.problems).toMatch(/no cluster runs/);
  });

  it('fails where nobody answers', async () => {
    const peers = `1=127.0.0.1:${ports.peerPort},2=127.0.0.1:${ports.peerPort + 1}`;
    const keyFile = path.join(directory, 'key');
    const ask = ['status', '--peers', peers, '--key-file', keyFile];
    const keyless = await indelible(...ask);
    expect(keyless).toMatchObject({ code: 2, problems: expect.stringMatching(/there is no key file/) });
    await indelible('format', '--new-key', keyFile);
    const { code, out } = await indelible(...ask);
    expect(code).toBe(1);
    expect(out).toMatch(/does not answer/);
    expect(out).toMatch(/no quorum: 0 of 2/);
  });
});
