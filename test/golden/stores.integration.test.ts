/**
 * Stores that earlier programs left are opened by this one, for ever: each archive of stores/ holds the
 * directory of a cluster of one replica, closed in order or killed, with the same keys in it. The last number
 * of its name is the version of its checkpoints. `make-stores.sh` makes them.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { ClusterProcess, freePorts, temporaryDirectory } from '../cluster/cluster-process.js';
import { PROJECT_ROOT } from '../packaging/sources.js';

const STORES = path.join(PROJECT_ROOT, 'test', 'golden', 'stores');
/** 8 × 60 values but one, and a counter. */
const KEYS = 480;
const ARCHIVES = fs.readdirSync(STORES).filter((name) => name.endsWith('.tgz'));

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

function unpacked(archive: string): string {
  const directory = temporaryDirectory();
  endings.push(() => fs.rmSync(directory, { recursive: true }));
  const { status, stderr } = spawnSync('tar', ['-xzf', path.join(STORES, archive), '-C', directory]);
  if (status !== 0) throw new Error(`tar: ${stderr}`);
  return path.join(directory, 'data');
}

async function opened(directory: string): Promise<[ClusterProcess, Redis]> {
  const { port, peerPort } = await freePorts();
  const cluster = new ClusterProcess([
    ...['--dir', directory, '--port', String(port), '--peer-port', String(peerPort)],
    ...['--replicas', '1'],
  ]);
  endings.push(() => cluster.stop());
  await cluster.event('up');
  const redis = new Redis({ port, host: '127.0.0.1' });
  endings.push(() => redis.disconnect());
  return [cluster, redis];
}

/** What all of them hold; `keys` with what was added since. */
async function expectAll(redis: Redis, keys: number): Promise<void> {
  for (let round = 1; round <= 8; round++) {
    const numbers = Array.from({ length: 60 }, (_, index) => index + 1);
    const values = await redis.mget(numbers.map((number) => `key:${round}:${number}`));
    const expected = numbers.map((number) =>
      round === 1 && number === 2 ? null : `value-${round}-${number}-${'0'.repeat(number * 3)}`,
    );
    expect(values).toEqual(expected);
  }
  expect(await redis.get('counter')).toBe('42');
  expect(await redis.ttl('key:1:1')).toBeGreaterThan(1_000_000_000);
  expect(await redis.dbsize()).toBe(keys);
}

describe('a store of an earlier program', () => {
  it('is kept for each version of checkpoints that this program reads', () => {
    const versions = new Set(ARCHIVES.map((name) => name.replace(/^.*-(\d+)\.tgz$/, '$1')));
    expect([...versions].sort()).toEqual(['1', '2', '3']);
  });

  it.each(ARCHIVES)('%s has checkpoints of that version', (archive) => {
    const directory = path.join(unpacked(archive), 'replica-1', 'checkpoints');
    const versions = fs.readdirSync(directory).map((name) => {
      return fs.readFileSync(path.join(directory, name)).readUInt32LE(8);
    });
    expect(versions.map(String)).toContain(archive.replace(/^.*-(\d+)\.tgz$/, '$1'));
  });

  it.each(ARCHIVES)('%s is opened, holds what it held, takes more, and is opened again', async (archive) => {
    const directory = unpacked(archive);
    const [cluster, redis] = await opened(directory);
    await expectAll(redis, KEYS);
    expect(await redis.set('new', 'one')).toBe('OK');
    redis.disconnect();
    expect(await cluster.stop()).toBe(0);
    const [, again] = await opened(directory);
    await expectAll(again, KEYS + 1);
    expect(await again.get('new')).toBe('one');
  });
});
