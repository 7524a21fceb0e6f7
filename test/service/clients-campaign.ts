/**
 * Redis's own clients, used as they are used: redis-benchmark, and ioredis with its defaults while the leader
 * dies.
 *
 * 1. redis-benchmark runs through without an error, through a leader's and through a follower's port.
 * 2. ioredis: pipelines, transactions, WATCH, RESP3, expiry, SCAN, on every port.
 * 3. A client with default options goes on by itself when the replica that it is connected to is killed;
 *    so does one that is connected to a follower when the leader is.
 */
import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import type { Campaign } from './campaign.js';
import { eventually } from './eventually.js';
import { retried } from './retried.js';
import { ServiceCluster } from './service-cluster.js';
import { runTool } from './words.js';

const BENCHMARK = ['-t', 'set,get,incr', '-P', '16', '-c', '50', '-n', '100000', '-r', '10000', '--csv'];
const PIPELINE = 10_000;
const RACERS = 3;
const RACES = 20;
const CROWD = 30;
const CROWD_ROUNDS = 100;
const OUTLIVING_WRITES = 100;
/** What a write may be refused with while the leader changes (docs/redis.md). */
const DOCUMENTED = /^(UNKNOWN outcome|TRYAGAIN not executed)/;
/** Milliseconds of writing between two looks at the deadline. */
const ROUND_MS = 1000;

export const clientsCampaign: Campaign = async (settings, report) => {
  const cluster = await ServiceCluster.start({ backend: settings.backend });
  const leader = await cluster.leader();
  const follower = cluster.ids.find((id) => id !== leader)!;
  await report.check('redis-benchmark through the leader', () => benchmark(cluster.redisPort(leader)));
  await report.check('redis-benchmark through a follower', () => benchmark(cluster.redisPort(follower)));
  await report.check('ioredis: pipelines, transactions, expiry, SCAN, on every port', async () => {
    for (const id of cluster.ids) await ordinaryUse(cluster.redisPort(id), id);
    return '';
  });
  await report.check('ioredis: WATCH lets nothing be lost between ports', () => race(cluster));
  await report.check('ioredis: many clients at once, each hears its own answers', () => crowd(cluster));
  await report.check('RESP3', () => resp3(cluster.redisPort(follower)));
  await report.check('a client of the leader goes on by itself when it is killed', () =>
    outlive(cluster, leader, leader),
  );
  await report.check('a client of a follower goes on when the leader is killed', async () => {
    const leads = await cluster.leader();
    const other = cluster.ids.find((id) => id !== leads)!;
    return outlive(cluster, other, leads);
  });
  await report.check(
    'all replicas end in one state',
    async () => (await cluster.converged()).stateDigest ?? '',
  );
  await cluster.stop();
  cluster.removeData();
};

function same(what: string, found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
}

async function benchmark(port: number): Promise<string> {
  const { code, out } = await runTool('redis-benchmark', ['-p', String(port), ...BENCHMARK]);
  const rows = out.split('\n').flatMap((line) => {
    const match = /^"(SET|GET|INCR)","([\d.]+)"/.exec(line);
    return match === null ? [] : [`${match[1]} ${Math.round(Number(match[2]))}/s`];
  });
  if (code !== 0 || rows.length !== 3 || /error/i.test(out)) throw new Error(`exit code ${code}: ${out}`);
  return rows.join(', ');
}

async function ordinaryUse(port: number, id: number): Promise<void> {
  const redis = new Redis({ port, host: '127.0.0.1', keyPrefix: `use${id}:` });
  await redis.set('a', 'ä€😀');
  same('GET', await redis.get('a'), 'ä€😀');
  const pipeline = redis.pipeline();
  for (let i = 0; i < PIPELINE; i++) pipeline.set(`p${i}`, String(i));
  const results = (await pipeline.exec()) ?? [];
  same(
    'replies of a pipeline',
    results.filter(([error, value]) => error === null && value === 'OK').length,
    PIPELINE,
  );
  same('MGET', await redis.mget('p0', `p${PIPELINE - 1}`, 'none'), ['0', String(PIPELINE - 1), null]);
  const replies = await redis.multi().set('t', '1').incr('t').get('t').exec();
  same('EXEC', replies, [
    [null, 'OK'],
    [null, 2],
    [null, '2'],
  ]);
  await redis.set('gone', 'soon', 'PX', 40);
  await eventually('the key has expired', async () =>
    (await redis.exists('gone')) === 0 ? true : undefined,
  );
  await redis.set('counted', '5', 'EX', 600);
  same('TTL is positive', (await redis.ttl('counted')) > 0, true);
  same(
    'INCRBY of a word',
    (await redis.incrby('a', 2).catch((error: Error) => error.message)) as unknown,
    'ERR value is not an integer or out of range',
  );
  const keys: string[] = [];
  const scan = new Redis({ port, host: '127.0.0.1' });
  for await (const some of scan.scanStream({ match: `use${id}:p*`, count: 2000 }))
    keys.push(...(some as string[]));
  same('SCAN', new Set(keys).size, PIPELINE);
  scan.disconnect();
  redis.disconnect();
}

/** Clients on all ports add to one number by WATCH, GET, MULTI, SET, EXEC. */
async function race(cluster: ServiceCluster): Promise<string> {
  let lost = 0;
  const racers = Array.from({ length: RACERS }, async (_, index) => {
    const redis = new Redis({ port: cluster.redisPort(1 + (index % cluster.ids.length)), host: '127.0.0.1' });
    for (let done = 0; done < RACES; ) {
      await redis.watch('raced');
      const value = Number((await redis.get('raced')) ?? 0);
      const result = await redis
        .multi()
        .set('raced', value + 1)
        .exec();
      if (result === null) lost++;
      else done++;
    }
    redis.disconnect();
  });
  await Promise.all(racers);
  const redis = new Redis({ port: cluster.redisPort(2), host: '127.0.0.1' });
  same('the number', await redis.get('raced'), String(RACERS * RACES));
  redis.disconnect();
  return `${RACERS * RACES} transactions, ${lost} races lost and run again`;
}

/** Clients on all ports read and write keys of their own, all at the same time. */
async function crowd(cluster: ServiceCluster): Promise<string> {
  const clients = Array.from(
    { length: CROWD },
    (_, index) => new Redis({ port: cluster.redisPort(1 + (index % cluster.ids.length)), host: '127.0.0.1' }),
  );
  let asked = 0;
  const one = async (redis: Redis, number: number): Promise<void> => {
    for (let i = 0; i < CROWD_ROUNDS; i++) {
      const key = `crowd:${number}:${i % 7}`;
      const value = `${number}-${i}-${'x'.repeat((number * 37 + i) % 200)}`;
      await redis.set(key, value);
      const [got, both] = await Promise.all([redis.get(key), redis.mget(key, `crowd:${number}:none`)]);
      same(key, got, value);
      same(key, both, [value, null]);
      asked += 3;
    }
  };
  await Promise.all(clients.map(one));
  for (const redis of clients) redis.disconnect();
  return `${asked} requests of ${CROWD} clients`;
}

async function resp3(port: number): Promise<string> {
  const requests = 'HELLO 3\nSET resp3 1\nGET resp3\nGET resp3:none\nQUIT\n';
  const { out } = await runTool('redis-cli', ['-p', String(port), '-3'], requests);
  if (!out.includes('proto') || !out.includes('OK')) throw new Error(out);
  return '';
}

/**
 * Kills replica `victim` while a client of replica `id` writes one key after the other, each once: it writes
 * on until as many are answered after the kill as before, and hears of the others in one of the documented
 * ways.
 */
async function outlive(cluster: ServiceCluster, id: number, victim: number): Promise<string> {
  const redis = new Redis({ port: cluster.redisPort(id), host: '127.0.0.1' });
  let dropped = 0;
  redis.on('error', () => {});
  redis.on('close', () => dropped++);
  const done: string[] = [];
  const refusals = new Map<string, number>();
  let written = 0;
  const writeUntil = async (answered: number): Promise<true | undefined> => {
    for (const endMs = performance.now() + ROUND_MS; performance.now() < endMs; ) {
      const key = `outlive:${victim}:${id}:${written++}`;
      try {
        await redis.set(key, key);
        done.push(key);
        if (done.length === answered) return true;
      } catch (error) {
        const text = (error as Error).message;
        if (!DOCUMENTED.test(text)) throw new Error(`refused with ${text}`);
        refusals.set(text, (refusals.get(text) ?? 0) + 1);
      }
    }
    return undefined;
  };
  const seen = () =>
    `${done.length} of ${written} writes answered, reconnected ${dropped} times; refused: ${told(refusals)}`;
  await eventually('writes answered', () => writeUntil(OUTLIVING_WRITES), seen);
  await cluster.kill(victim);
  await eventually('writes answered after the kill', () => writeUntil(2 * OUTLIVING_WRITES), seen);
  await cluster.caughtUp(victim);
  same('values', await retried(() => redis.mget(done)), done);
  redis.disconnect();
  return seen();
}

function told(refusals: ReadonlyMap<string, number>): string {
  if (refusals.size === 0) return 'none';
  return [...refusals].map(([text, times]) => `${times} × ${text}`).join('; ');
}
