/** Whether what was acknowledged is there: read through every port, and compared with what was written. */
import fs from 'node:fs';
import { Redis } from 'ioredis';
import { retried } from './retried.js';
import type { ServiceCluster } from './service-cluster.js';

/** Keys of one MGET. */
const KEYS_AT_ONCE = 500;

export function readKeys(file: string): readonly string[] {
  return [...new Set(fs.readFileSync(file, 'utf8').trimEnd().split('\n'))];
}

/**
 * Reads every key through one port.
 * @throws with the first keys that are not there, or hold something else
 */
export async function checkThrough(
  port: number,
  keys: readonly string[],
  expected: (key: string) => string,
): Promise<void> {
  const redis = new Redis({ port, host: '127.0.0.1' });
  const wrong: string[] = [];
  for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
    const some = keys.slice(at, at + KEYS_AT_ONCE);
    const values = await retried(() => redis.mget(some));
    for (const [index, key] of some.entries()) {
      if (values[index] !== expected(key)) wrong.push(`${key} = ${values[index]}`);
    }
  }
  redis.disconnect();
  if (wrong.length === 0) return;
  throw new Error(
    `port ${port} lacks ${wrong.length} of ${keys.length} acknowledged keys: ${wrong.slice(0, 5)}`,
  );
}

/**
 * Every key of `file` is on every replica: all of them have one state (slots, chain, digest), and it is read
 * through each port.
 * @returns how many keys were acknowledged
 */
export async function checkAcknowledged(
  cluster: ServiceCluster,
  file: string,
  expected: (key: string) => string,
): Promise<number> {
  const keys = readKeys(file);
  await cluster.converged();
  for (const id of cluster.ids) {
    await checkThrough(cluster.redisPort(id), keys, expected).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await cluster.diagnosis()}`);
    });
  }
  await cluster.converged();
  return keys.length;
}

/** DBSIZE through each port. */
export function sizesOf(cluster: ServiceCluster): Promise<readonly number[]> {
  return Promise.all(
    cluster.ids.map(async (id) => {
      const redis = new Redis({ port: cluster.redisPort(id), host: '127.0.0.1' });
      const size = await retried(() => redis.dbsize());
      redis.disconnect();
      return size;
    }),
  );
}
