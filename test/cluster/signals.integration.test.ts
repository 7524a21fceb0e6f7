/** What signals do to a cluster of real processes: a leader that is stopped for a while, and a hang-up. */
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TUNING_DEFAULT } from '../../lib/replica/options.js';
import {
  type ClusterEvent,
  ClusterProcess,
  freePorts,
  type Ports,
  temporaryDirectory,
} from './cluster-process.js';

/** After which a request that has no place gets none any more. */
const REQUEST_TIMEOUT_MS: number = TUNING_DEFAULT.requestTimeoutMs;

let directory: string;
let ports: Ports;
let cluster: ClusterProcess;
let up: ClusterEvent;
let clients: Redis[];

beforeEach(async () => {
  directory = temporaryDirectory();
  ports = await freePorts();
  clients = [];
  const where = ['--dir', path.join(directory, 'data'), '--region-size', '2MiB'];
  cluster = new ClusterProcess([...where, '--port', `${ports.port}`, '--peer-port', `${ports.peerPort}`]);
  up = await cluster.event('up');
});

afterEach(async () => {
  for (const client of clients) client.disconnect();
  cluster.child.kill('SIGTERM');
  await cluster.exited;
  fs.rmSync(directory, { recursive: true, force: true });
});

function client(replica: number): Redis {
  const redis = new Redis({ port: ports.port + replica - 1, host: '127.0.0.1' });
  redis.on('error', () => {});
  clients.push(redis);
  return redis;
}

/** As a client asks during a change of the leader: what was not executed is asked again. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!/TRYAGAIN/.test(String(error))) throw error;
    }
  }
}

describe('a leader that is stopped while a follower forwards to it', () => {
  it('executes nothing, when it goes on, that another one has executed since', async () => {
    const { id, pid } = up.replicas!.find(({ id: replica }) => replica === up.leader)!;
    const follower = client(id === 1 ? 2 : 1);
    expect(await follower.set('k', 'first')).toBe('OK');
    process.kill(pid, 'SIGSTOP');
    // It was sent to the leader that is stopped, and is asked for again of the next one.
    expect(await again(() => follower.set('k', 'old'))).toBe('OK');
    expect(await again(() => follower.set('k', 'new'))).toBe('OK');
    process.kill(pid, 'SIGCONT');
    // Through the former leader, which has gone through everything that had come by the time it answers.
    const former = client(id);
    for (let i = 0; i < 20; i++) expect(await again(() => former.incr('turns'))).toBe(i + 1);
    expect(await again(() => former.get('k'))).toBe('new');
    expect(await again(() => follower.get('k'))).toBe('new');
  });
});

describe('a leader that is stopped with everybody who could lead in its place', () => {
  it('executes nothing, when all go on, whose deadline has passed meanwhile', async () => {
    const { id } = up.replicas!.find(({ id: replica }) => replica === up.leader)!;
    const asked = up.replicas!.find(({ id: replica }) => replica !== up.leader)!.id;
    const stopped = up.replicas!.filter(({ id: replica }) => replica !== asked);
    const follower = client(asked);
    expect(await follower.set('k', 'first')).toBe('OK');
    for (const { pid } of stopped) process.kill(pid, 'SIGSTOP');
    await expect(follower.set('k', 'old')).rejects.toThrow(/UNKNOWN/);
    // It had been taken by now. Nobody leads: each of these is refused when it has waited for a leader.
    const takenMs = performance.now();
    while (performance.now() - takenMs < REQUEST_TIMEOUT_MS) {
      await expect(follower.set('k', 'refused')).rejects.toThrow(/TRYAGAIN|UNKNOWN/);
    }
    for (const { pid } of stopped) process.kill(pid, 'SIGCONT');
    const former = client(id);
    for (let i = 0; i < 20; i++) expect(await again(() => former.incr('turns'))).toBe(i + 1);
    expect(await again(() => former.get('k'))).toBe('first');
    expect(await again(() => follower.get('k'))).toBe('first');
  });
});

describe('a hang-up', () => {
  it('does not end a cluster that is connected to no terminal, nor its replicas', async () => {
    for (const { pid } of up.replicas!) process.kill(pid, 'SIGHUP');
    process.kill(cluster.child.pid!, 'SIGHUP');
    expect(await client(1).set('greeting', 'hello')).toBe('OK');
    expect(await client(2).get('greeting')).toBe('hello');
    expect(cluster.events.map(({ event }) => event)).not.toContain('died');
    expect(await cluster.stop()).toBe(0);
  });
});
