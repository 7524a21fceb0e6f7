/** Bad bytes on the ports of a running cluster: a clear error, and nothing else changes. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterFilePath } from '../../lib/cluster/cluster-file.js';
import { FRAME_BYTES_MAX } from '../../lib/limits.js';
import { clusterKeyPath, readClusterKey } from '../../lib/replica/key-file.js';
import { clusterKeys } from '../../lib/transport/proof.js';
import { FRAME_HEADER_BYTES, NO_BYTES } from '../../lib/wire/frame.js';
import { encodeHello, type Hello, HelloRole, NO_OPENING, NO_SALT } from '../../lib/wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from '../../lib/wire/protocol.js';
import { eventually } from '../service/eventually.js';
import { ownMemoryBytes } from '../service/processes.js';
import { ServiceCluster } from '../service/service-cluster.js';
import { greet } from '../transport/greets.js';
import { RawConnection } from '../transport/raw-connection.js';
import { frameOf } from '../wire/frames.js';
import { RawClient, say } from './raw-client.js';

const MEBIBYTE = 1 << 20;
/**
 * What a replica may take for itself beyond what it had, whatever comes in: a few clients at their bounds.
 */
const MEMORY_BYTES_MAX = 400 * MEBIBYTE;

let cluster: ServiceCluster;
let redis: Redis;
let pids: readonly (number | undefined)[];

beforeAll(async () => {
  cluster = await ServiceCluster.start({ backend: 'emulated', regionSize: '16MiB' });
  redis = new Redis({ port: cluster.redisPort(1), host: '127.0.0.1' });
  redis.on('error', () => {});
  await redis.set('kept', 'before');
  pids = cluster.ids.map((id) => cluster.pidOf(id));
});

/** Whatever was said: the same processes run, hold what they held, and took no more than is bounded. */
afterAll(async () => {
  expect(cluster.ids.map((id) => cluster.pidOf(id))).toEqual(pids);
  expect(await redis.get('kept')).toBe('before');
  await cluster.converged();
  redis.disconnect();
  expect(await cluster.stop()).toBe(0);
  cluster.removeData();
});

function memory(): number {
  return Math.max(...pids.map((pid) => ownMemoryBytes(pid!)));
}

/**
 * A client that is served beside an attack. Where a follower forwards, the leader may give up the connection
 * on which the attacker's answers pile up; others on it then get one of the two documented errors, and ask
 * again.
 */
async function setBeside(value: number): Promise<void> {
  for (;;) {
    try {
      await redis.set('beside', value);
      return;
    } catch (error) {
      if (!/^(UNKNOWN outcome|TRYAGAIN not executed)/.test((error as Error).message)) throw error;
    }
  }
}

/** Runs `attack`, and holds the replicas to the bound while it lasts. */
async function withinMemory(attack: () => Promise<unknown>): Promise<void> {
  const before = memory();
  let over = false;
  const attacking = attack().finally(() => {
    over = true;
  });
  const watching = eventually('the attack is over', () => {
    expect(memory() - before).toBeLessThan(MEMORY_BYTES_MAX);
    return over || undefined;
  });
  await Promise.all([attacking, watching]);
}

describe('malformed requests on the Redis port', () => {
  it.each([
    ['a count that is no number', '*x\r\n', '-ERR Protocol error: invalid multibulk length'],
    ['a count beyond all bounds', '*1000000000\r\n', '-ERR Protocol error: invalid multibulk length'],
    ['no length', '*1\r\nGET\r\n', "-ERR Protocol error: expected '$', got 'G'"],
    ['a length beyond all bounds', '*1\r\n$4294967296\r\n', '-ERR Protocol error: invalid bulk length'],
    ['a negative length', '*2\r\n$3\r\nGET\r\n$-1\r\n', '-ERR Protocol error: invalid bulk length'],
    ['quotes that do not end', 'SET "a b\r\n', '-ERR Protocol error: unbalanced quotes in request'],
    ['a line without end', 'x'.repeat(70_000), '-ERR Protocol error: too big inline request'],
  ])('%s: an error, and the connection is closed', async (_, request, error) => {
    const client = await RawClient.open(cluster.redisPort(2));
    client.socket.write(request);
    expect(await client.ended()).toBe(`${error}\r\n`);
  });

  it('that are only half there are dropped with their connection', async () => {
    expect(await say(cluster.redisPort(1), '*3\r\n$3\r\nSET\r\n$4\r\nkept\r\n$5\r\nafte')).toBe('');
    expect(await redis.get('kept')).toBe('before');
  });

  it('answer what came before them', async () => {
    expect(await say(cluster.redisPort(3), 'GET kept\r\n*1\r\n!\r\n')).toMatch(
      /^\$6\r\nbefore\r\n-ERR Protocol error/,
    );
  });

  it('at random harm nobody', async () => {
    const word = fc.constantFrom(
      '*',
      '$',
      '\r\n',
      'SET',
      'GET',
      'kept2',
      '3',
      '-1',
      '"',
      'EXEC',
      'MULTI',
      'HELLO',
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(word, { maxLength: 40 }).map((words) => Buffer.from(words.join(''))),
    );
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom(...cluster.ids), async (some, id) => {
        await say(cluster.redisPort(id), some);
      }),
      { numRuns: 200 },
    );
    expect(await redis.get('kept')).toBe('before');
  });
});

describe('oversize commands', () => {
  it('get an error each, and the connection goes on', async () => {
    const client = new Redis({ port: cluster.redisPort(2), host: '127.0.0.1' });
    await expect(client.set('big', 'x'.repeat(1_000_000))).rejects.toThrow(/exceeds|longer|too/);
    await expect(client.set('k'.repeat(40_000), 'x')).rejects.toThrow('key longer than 32768 bytes');
    await expect(client.call('NO-SUCH', 'x')).rejects.toThrow("unknown command 'NO-SUCH'");
    expect(await client.get('kept')).toBe('before');
    expect(await client.set('large', 'x'.repeat(900_000))).toBe('OK');
    expect(await client.strlen('large')).toBe(900_000);
    client.disconnect();
  });

  it('longer than a request may be get an error each, too, and the connection goes on', async () => {
    const client = new Redis({ port: cluster.redisPort(2), host: '127.0.0.1', retryStrategy: () => null });
    await expect(client.set('big', 'x'.repeat(4_000_000))).rejects.toThrow(
      'string exceeds maximum allowed size',
    );
    const values = Object.fromEntries([1, 2, 3, 4].map((i) => [`k${i}`, 'x'.repeat(900_000)]));
    await expect(client.mset(values)).rejects.toThrow('request longer than 2097152 bytes');
    await client.multi({ pipeline: false });
    await expect(client.set('big', 'x'.repeat(2_000_000))).rejects.toThrow('string exceeds');
    await expect(client.exec()).rejects.toThrow('EXECABORT');
    expect(await client.exists('big', 'k1')).toBe(0);
    client.disconnect();
  });

  it('longer than anybody reads get an error, and the connection is closed', async () => {
    const client = await RawClient.open(cluster.redisPort(1));
    client.socket.write(`*9\r\n$3\r\nSET\r\n$${64 * MEBIBYTE + 1}\r\n`);
    expect(await client.ended()).toBe('-ERR Protocol error: invalid bulk length\r\n');
  });

  it('that never end are cut off in bounded memory', async () => {
    await withinMemory(async () => {
      const clients = await Promise.all(
        Array.from({ length: 20 }, () => RawClient.open(cluster.redisPort(1))),
      );
      const head = Buffer.from(`$${MEBIBYTE}\r\n`);
      const argument = Buffer.concat([head, Buffer.alloc(MEBIBYTE, 'x'), Buffer.from('\r\n')]);
      for (const client of clients) {
        client.socket.write('*100000\r\n');
        for (let i = 0; i < 8; i++) client.socket.write(argument);
        client.socket.write(`$${65 * MEBIBYTE}\r\n`);
      }
      // What is on its way when the port closes can take the error with it (TCP resets); never a good reply.
      for (const client of clients) expect(await client.ended()).toMatch(/^(-ERR Protocol error.*\r\n)?$/);
    });
  });

  it('whose replies nobody reads are not answered without end', async () => {
    await redis.set('large', 'x'.repeat(900_000));
    await withinMemory(async () => {
      // As queries, and behind a write as commands of the log: 1.8 GB of replies each.
      const asked = 'GET large\r\n'.repeat(2000);
      for (const requests of [asked, `SET first 1\r\n${asked}`]) {
        const client = await RawClient.open(cluster.redisPort(1));
        client.socket.pause().write(requests);
        for (let i = 0; i < 100; i++) await setBeside(i);
        client.socket.destroy();
      }
    });
    expect(await redis.get('beside')).toBe('99');
  });
});

describe('strangers on the peer port', () => {
  const hello = (changes: object): Hello => ({
    type: 'hello',
    version: PROTOCOL_VERSION,
    versionMin: PROTOCOL_VERSION_MIN,
    role: HelloRole.replica,
    replicaId: 2,
    wantedId: 1,
    clusterId: '0'.repeat(31).concat('1'),
    storeUuid: '0'.repeat(31).concat('2'),
    configurationNumber: 1,
    opening: NO_OPENING,
    salt: NO_SALT,
    added: NO_BYTES,
    ...changes,
  });
  const refusal = async (changes: object, key: Uint8Array): Promise<string> => {
    const raw = await RawConnection.open(`127.0.0.1:${cluster.peerPort(1)}`);
    await greet(raw, hello(changes), clusterKeys(key));
    await raw.closed;
    return String(raw.frames().find(({ kind }) => kind === FrameKind.refusal)?.body);
  };

  it('without the key hear nothing that they did not bring, whatever they say', async () => {
    const { clusterId } = (await cluster.statuses())[0]!;
    const plan = readFileSync(clusterFilePath(cluster.directory), 'utf8');
    const { members } = JSON.parse(plan) as { members: { storeUuid: string }[] };
    const secrets = [clusterId, ...members.map(({ storeUuid }) => storeUuid)];
    for (const changes of [{}, { clusterId }, { replicaId: 1 }, { role: HelloRole.client, replicaId: 0 }]) {
      const client = await RawClient.open(cluster.peerPort(1));
      client.socket.write(frameOf(encodeHello, hello(changes)));
      const words = await client.ended();
      expect(words).toContain('the key of the cluster is asked for');
      const wrong = await refusal(changes, Buffer.alloc(32, 1));
      expect(wrong).toContain('the key is not that of this cluster');
      for (const secret of secrets) {
        expect(words + wrong).not.toContain(secret);
        expect(Buffer.from(words + wrong, 'latin1').toString('hex')).not.toContain(secret);
      }
    }
  });

  it('with the key, but of another version or looking for somebody else, are refused in words', async () => {
    const clusterId = (await cluster.statuses())[0]!.clusterId;
    const key = readClusterKey(clusterKeyPath(cluster.directory))!;
    for (const [changes, words] of [
      [{}, 'is not the one here'],
      [{ clusterId, version: 99, versionMin: 98 }, 'protocol version 98 to 99'],
      [{ clusterId, wantedId: 3 }, 'this is not replica 3'],
      [{ clusterId }, 'has another store'],
      [{ clusterId, replicaId: 9 }, 'replica 9 is not in configuration'],
      [{ clusterId, replicaId: 1 }, 'two replicas have the same id'],
    ] as const) {
      expect(await refusal(changes, key)).toContain(words);
    }
  });

  it('that are no replicas at all are cut off', async () => {
    await say(cluster.peerPort(1), 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await say(cluster.peerPort(2), '*1\r\n$4\r\nPING\r\n');
    await say(cluster.peerPort(3), randomBytes(5 * MEBIBYTE));
    const bytes = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (some, greets) => {
        await say(
          cluster.peerPort(2),
          greets ? Buffer.concat([frameOf(encodeHello, hello({})), some]) : some,
        );
      }),
      { numRuns: 200 },
    );
  });

  it('that announce the largest frame and send none take no memory', async () => {
    await withinMemory(async () => {
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      header.writeUInt32LE(FRAME_BYTES_MAX, 4);
      const clients = await Promise.all(
        Array.from({ length: 200 }, () => RawClient.open(cluster.peerPort(1))),
      );
      for (const client of clients) client.socket.write(header);
      for (const client of clients) await client.ended();
    });
    expect(await redis.get('kept')).toBe('before');
  });
});
