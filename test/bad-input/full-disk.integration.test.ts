/**
 * A disk that fills up under a running cluster: a small tmpfs in a mount namespace of the cluster's own,
 * filled from outside through /proc. Replicas that cannot write their checkpoints say why and try again;
 * nothing that was answered is lost, and when there is room again the cluster goes on by itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { statusAt } from '../../lib/client/status.js';
import type { ReplicaStatus } from '../../lib/index.js';
import { clusterKeyPath, readClientKey } from '../../lib/replica/key-file.js';
import { freePorts, type Ports, PROGRAM, temporaryDirectory } from '../cluster/cluster-process.js';
import { eventually } from '../service/eventually.js';
import { childrenOf, runs } from '../service/processes.js';
import { forgetMount, onTmpfs } from './mounts.js';

const DISK = '48m';
const KEYS = 3000;
const VALUE_BYTES = 800;
const LANES = 32;

let directory: string;
let ports: Ports;
let child: ChildProcess;
let lines: string[];

beforeEach(async () => {
  directory = temporaryDirectory();
  ports = await freePorts();
  lines = [];
});
afterEach(async () => {
  const pids = [child.pid!, ...childrenOf(child.pid!)];
  child.kill('SIGTERM');
  await eventually('the cluster has ended', () => !pids.some(runs) || undefined);
  forgetMount(directory);
  fs.rmSync(directory, { recursive: true, force: true });
});

function start(backend: string): void {
  const flags = `--dir '${directory}/data' --port ${ports.port} --peer-port ${ports.peerPort}`;
  const cluster = `'${process.execPath}' '${PROGRAM}' cluster --json ${flags} --backend ${backend} --region-size 1MiB`;
  const [program, ...args] = onTmpfs(directory, `size=${DISK}`, `exec ${cluster}`);
  child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
}

const says = (what: string, words: string): Promise<unknown> =>
  eventually(
    what,
    () => lines.some((line) => line.includes(words)) || undefined,
    () => lines.join('\n'),
  );

async function statusOf(replica: number): Promise<ReplicaStatus | undefined> {
  const address = `127.0.0.1:${ports.peerPort + replica - 1}`;
  // The directory is mounted where the cluster is, and nowhere else.
  const key = readClientKey(clusterKeyPath(path.join(`/proc/${child.pid}/root${directory}`, 'data')));
  return (await statusAt({ address, key }).catch(() => undefined)) as ReplicaStatus | undefined;
}

function isFull(status: ReplicaStatus | undefined): boolean {
  const { code, reason } = status?.checkpointProblem ?? { code: '', reason: '' };
  return code === 'ERR_INDELIBLE_STORE_IO' && reason.includes('ENOSPC') && status!.advice.includes('ENOSPC');
}

function clientOf(replica: number): Redis {
  const redis = new Redis({
    port: ports.port + replica - 1,
    host: '127.0.0.1',
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  redis.on('error', () => {});
  return redis;
}

/** A read during a change of the leader is asked again. */
async function read(redis: Redis, key: string): Promise<string | null> {
  for (;;) {
    try {
      return await redis.get(key);
    } catch (error) {
      if (!(error as Error).message.startsWith('TRYAGAIN not executed')) throw error;
    }
  }
}

/**
 * Writes versions of the keys until told to stop, and remembers the last one that was acknowledged of each.
 */
class Writer {
  readonly acknowledged = new Map<number, number>();
  readonly asked = new Map<number, number>();
  writes = 0;
  #stopping = false;
  #work: Promise<unknown>;

  constructor(clients: readonly Redis[]) {
    this.#work = Promise.all(
      Array.from({ length: LANES }, (_, lane) => this.#lane(clients[lane % 3]!, lane)),
    );
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#work;
  }

  /** Each lane has keys of its own, so that versions of a key come one after the other. */
  async #lane(redis: Redis, lane: number): Promise<void> {
    for (let version = 1; !this.#stopping; version++) {
      for (let key = lane; key < KEYS && !this.#stopping; key += LANES) {
        this.asked.set(key, version);
        try {
          await redis.set(`key:${key}`, `${version}`.padEnd(VALUE_BYTES, '.'));
          this.acknowledged.set(key, version);
          this.writes++;
        } catch (error) {
          expect((error as Error).message).toMatch(/^(UNKNOWN outcome|(TRYAGAIN|MISCONF) not executed)/);
        }
      }
    }
  }
}

describe.each(['emulated', 'file'])('a disk that fills up under the backend %s', (backend) => {
  it('costs nothing that was answered, and no restart by hand', async () => {
    start(backend);
    await says('the cluster is up', '"event":"up"');
    const clients = [1, 2, 3].map(clientOf);
    const writer = new Writer(clients);
    await eventually('every key is written', () => writer.acknowledged.size === KEYS || undefined);
    const disk = `/proc/${child.pid}/root${directory}`;
    const filler = fs.openSync(path.join(disk, 'filler'), 'w');
    expect(() => {
      for (const block = Buffer.alloc(1 << 20); ; ) fs.writeSync(filler, block);
    }).toThrow(/ENOSPC/);
    fs.closeSync(filler);
    await eventually(
      'a replica names the full disk in its status',
      async () => {
        const statuses = await Promise.all([1, 2, 3].map(statusOf));
        return statuses.some((status) => isFull(status)) || undefined;
      },
      () => lines.join('\n'),
    );
    // One that is told to close does, with its disk full and its log at its bound; it comes again by itself.
    const closing = childrenOf(child.pid!)[0]!;
    process.kill(closing, 'SIGTERM');
    await eventually('a replica closes in order', () => !runs(closing) || undefined);
    fs.rmSync(path.join(disk, 'filler'));
    const target = writer.writes + 2 * KEYS;
    await eventually(
      'writes go on',
      () => writer.writes >= target || undefined,
      () => lines.slice(-9).join('\n'),
    );
    await writer.stop();
    for (const redis of clients) {
      const values = await Promise.all(Array.from({ length: KEYS }, (_, key) => read(redis, `key:${key}`)));
      for (const [key, value] of values.entries()) {
        const version = Number.parseInt(value ?? '0', 10);
        expect(version).toBeGreaterThanOrEqual(writer.acknowledged.get(key)!);
        expect(version).toBeLessThanOrEqual(writer.asked.get(key)!);
      }
    }
    for (const redis of clients) redis.disconnect();
  });
});
