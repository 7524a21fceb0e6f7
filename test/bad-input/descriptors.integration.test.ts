/**
 * A low `ulimit -n` and more idle clients than it allows, on the Redis ports and on the peer ports: clients
 * are refused, and the same processes go on with their elections, their logs and their checkpoints.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { statusAt } from '../../lib/client/status.js';
import type { ReplicaStatus } from '../../lib/index.js';
import { clusterKeyPath, readClientKey } from '../../lib/replica/key-file.js';
import {
  type ClusterEvent,
  freePorts,
  type Ports,
  PROGRAM,
  temporaryDirectory,
} from '../cluster/cluster-process.js';
import { eventually } from '../service/eventually.js';
import { childrenOf, runs } from '../service/processes.js';

const LIMIT = 90;
const IDLE = 120;
const REPLICAS = 3;
const WRITES = 2000;
const VALUE_BYTES = 1000;
const TEST_TIMEOUT_MS = 240_000;

let directory: string;
let ports: Ports;
let child: ChildProcess;
let events: ClusterEvent[];
let sockets: net.Socket[];

beforeEach(async () => {
  directory = temporaryDirectory();
  ports = await freePorts();
  events = [];
  sockets = [];
  const flags = `--dir '${directory}/data' --port ${ports.port} --peer-port ${ports.peerPort}`;
  const log = '--backend file --region-size 1MiB';
  const cluster = `'${process.execPath}' '${PROGRAM}' cluster --json ${flags} ${log}`;
  child = spawn('sh', ['-c', `ulimit -n ${LIMIT}; exec ${cluster}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! });
  lines.on('line', (line) => events.push(JSON.parse(line) as ClusterEvent));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  const pids = [child.pid!, ...childrenOf(child.pid!)];
  child.kill('SIGTERM');
  await eventually('the cluster has ended', () => !pids.some(runs) || undefined);
  fs.rmSync(directory, { recursive: true, force: true });
});

/** Connects, says nothing, and stays. Resolves once it is connected, or turned away. */
function idle(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', resolve);
    socket.on('error', () => resolve());
    socket.resume();
    sockets.push(socket);
  });
}

async function crowd(port: number): Promise<void> {
  for (let count = 0; count < IDLE; count++) await idle(port);
}

async function checkpointsOf(replica: number): Promise<number | undefined> {
  const address = `127.0.0.1:${ports.peerPort + replica - 1}`;
  const key = readClientKey(clusterKeyPath(path.join(directory, 'data')));
  const status = (await statusAt({ address, key }).catch(() => undefined)) as ReplicaStatus | undefined;
  return status !== undefined && status.checkpointId > 0 ? status.checkpointId : undefined;
}

it(
  'idle clients beyond a low ulimit -n end no replica and stop no checkpoint',
  async () => {
    const up = await eventually('the cluster is up', () => events.find(({ event }) => event === 'up'));
    const redis = new Redis({ port: ports.port, host: '127.0.0.1', maxRetriesPerRequest: null });
    redis.on('error', () => {});
    await redis.set('before', '1');
    const [, clientsMax] = (await redis.config('GET', 'maxclients')) as string[];
    expect(Number(clientsMax)).toBeLessThan(LIMIT);
    for (let replica = 0; replica < REPLICAS; replica++) {
      await crowd(ports.port + replica);
      await crowd(ports.peerPort + replica);
    }
    for (let write = 0; write < WRITES; write++) {
      await eventually('a write is taken', () =>
        redis.set(`key-${write}`, 'x'.repeat(VALUE_BYTES)).catch(() => undefined),
      );
    }
    for (const socket of sockets) socket.destroy();
    for (let replica = 1; replica <= REPLICAS; replica++) {
      await eventually('checkpoints were written', () => checkpointsOf(replica));
    }
    expect(events.filter(({ event }) => event === 'died')).toEqual([]);
    for (const { pid } of up.replicas!) expect(runs(pid)).toBe(true);
    const log = fs.readFileSync(path.join(directory, 'data', 'replica-1.log'), 'utf8');
    expect(log).toContain('ulimit -n leaves no more');
    redis.disconnect();
  },
  TEST_TIMEOUT_MS,
);
