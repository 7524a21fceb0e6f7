/**
 * Stores that are not what they should be, under `indelible cluster`: each is named with a code, not written
 * to and left out while the others serve, or it serves without its vote. Putting the right bytes back brings
 * everything back. What the cluster says of itself must be right: otherwise it is refused with exit code 3.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crc64, digestOf } from '../../lib/storage/crc64.js';
import {
  ClusterProcess,
  freePorts,
  indelible,
  type Ports,
  temporaryDirectory,
} from '../cluster/cluster-process.js';
import type { TestedBackend } from '../service/service-cluster.js';

const KEYS = 300;
const HEADER_COPIES = [0, 4096];
const VERSION_AT = 8;

/** Gives every copy of a region's header another major version, its checksum made right again. */
function reversionRegion(file: string, major: number): void {
  const bytes = fs.readFileSync(file);
  for (const at of HEADER_COPIES) {
    bytes.writeUInt16LE(major, at + VERSION_AT);
    const halves = new Uint32Array(2);
    crc64(bytes, at, at + 248, halves);
    bytes.writeUInt32LE(halves[0]!, at + 248);
    bytes.writeUInt32LE(halves[1]!, at + 252);
  }
  fs.writeFileSync(file, bytes);
}

/** The same for the identity of a store in files. */
function reversionIdentity(file: string, major: number): void {
  const bytes = fs.readFileSync(file);
  for (const at of HEADER_COPIES) {
    bytes.writeUInt32LE(major, at + VERSION_AT);
    bytes.writeBigUInt64LE(BigInt(digestOf(bytes, at, at + 4088)), at + 4088);
  }
  fs.writeFileSync(file, bytes);
}

/** Overwrites bytes [start, end) of a file with others that are always the same. */
function scribble(file: string, start: number, end: number): void {
  const bytes = fs.readFileSync(file);
  for (let at = start; at < Math.min(end, bytes.length); at++) bytes[at] = (at * 167 + 13) & 0xff;
  fs.writeFileSync(file, bytes);
}

interface Damage {
  readonly what: string;
  /** Does it to the cluster in `data`; `other` is another cluster of the same shape. */
  readonly done: (data: string, other: string) => void;
  readonly code: string;
}

const region = (data: string): string => path.join(data, 'replica-1', 'region');
const log = (data: string, name = ''): string => path.join(data, 'replica-1', 'log', name);

const OF_THE_CLUSTER: readonly Damage[] = [
  {
    what: 'a cluster.json that is none',
    done: (data) => fs.writeFileSync(path.join(data, 'cluster.json'), '{'),
    code: 'STORE_FOREIGN',
  },
  {
    what: 'a cluster.json from later',
    done: (data) => fs.writeFileSync(path.join(data, 'cluster.json'), '{"cluster": 2}'),
    code: 'STORE_VERSION',
  },
  {
    what: 'stores without a cluster.json',
    done: (data) => fs.rmSync(path.join(data, 'cluster.json')),
    code: 'STORE_FOREIGN',
  },
];

const DAMAGES: Readonly<Record<TestedBackend, readonly Damage[]>> = {
  emulated: [
    { what: 'no region', done: (data) => fs.rmSync(region(data)), code: 'STORE_MISSING' },
    { what: 'an empty region', done: (data) => fs.truncateSync(region(data), 0), code: 'STORE_FOREIGN' },
    { what: 'something else', done: (data) => scribble(region(data), 0, 1 << 21), code: 'STORE_FOREIGN' },
    {
      what: 'the region of another cluster',
      done: (data, other) => fs.copyFileSync(region(other), region(data)),
      code: 'STORE_FOREIGN',
    },
    {
      what: 'the region of another replica',
      done: (data) => fs.copyFileSync(path.join(data, 'replica-2', 'region'), region(data)),
      code: 'STORE_FOREIGN',
    },
    { what: 'a region from later', done: (data) => reversionRegion(region(data), 9), code: 'STORE_VERSION' },
    {
      what: 'a region from earlier',
      done: (data) => reversionRegion(region(data), 0),
      code: 'STORE_VERSION',
    },
  ],
  file: [
    { what: 'no log', done: (data) => fs.rmSync(log(data), { recursive: true }), code: 'STORE_MISSING' },
    {
      what: 'an empty identity',
      done: (data) => fs.truncateSync(log(data, 'identity'), 0),
      code: 'STORE_FOREIGN',
    },
    {
      what: 'something else',
      done: (data) => scribble(log(data, 'identity'), 0, 8192),
      code: 'STORE_FOREIGN',
    },
    {
      what: 'the log of another cluster',
      done: (data, other) => fs.cpSync(log(other), log(data), { recursive: true }),
      code: 'STORE_FOREIGN',
    },
    {
      what: 'the log of another replica',
      done: (data) => fs.cpSync(path.join(data, 'replica-2', 'log'), log(data), { recursive: true }),
      code: 'STORE_FOREIGN',
    },
    {
      what: 'a log from later',
      done: (data) => reversionIdentity(log(data, 'identity'), 9),
      code: 'STORE_VERSION',
    },
    {
      what: 'a log from earlier',
      done: (data) => reversionIdentity(log(data, 'identity'), 0),
      code: 'STORE_VERSION',
    },
  ],
};

/** Damage after which the replica serves and never votes again. */
const LOSSES: readonly (Omit<Damage, 'code'> & { readonly backend: TestedBackend })[] = [
  {
    what: 'scribbled roots and records',
    backend: 'emulated',
    done: (data) => scribble(region(data), 0x2000, 0x40000),
  },
  { what: 'a scribbled root', backend: 'file', done: (data) => scribble(log(data, 'root'), 0, 8192) },
  { what: 'no root', backend: 'file', done: (data) => fs.rmSync(log(data, 'root')) },
];

/** Damage after which the replica cannot even learn: it stays out, as with the wrong bytes. */
const RUINS: readonly (Damage & { readonly backends: readonly TestedBackend[] })[] = [
  {
    what: 'no checkpoint at all',
    done: (data) => fs.rmSync(path.join(data, 'replica-1', 'checkpoints'), { recursive: true }),
    code: 'STORE_MISSING',
    backends: ['emulated', 'file'],
  },
  {
    what: 'half a region',
    done: (data) => fs.truncateSync(region(data), 1 << 20),
    code: 'STORE_CORRUPT',
    backends: ['emulated'],
  },
  {
    what: 'a region without an identity',
    done: (data) => {
      for (const at of HEADER_COPIES) scribble(region(data), at + 8, at + 4096);
    },
    code: 'STORE_CORRUPT',
    backends: ['emulated'],
  },
  {
    what: 'a log without an identity',
    done: (data) => {
      for (const at of HEADER_COPIES) scribble(log(data, 'identity'), at + 16, at + 4096);
    },
    code: 'STORE_CORRUPT',
    backends: ['file'],
  },
  {
    what: 'rotten checkpoints',
    done: (data) => {
      const directory = path.join(data, 'replica-1', 'checkpoints');
      for (const name of fs.readdirSync(directory)) scribble(path.join(directory, name), 0, 1 << 20);
    },
    code: 'CHECKPOINT_INVALID',
    backends: ['emulated', 'file'],
  },
];

describe.each(['emulated', 'file'] as const)('a store on the backend %s', (backend) => {
  let home: string;
  let data: string;
  let ports: Ports;
  let started: ClusterProcess | undefined;
  const at = (name: string): string => path.join(home, name);

  const start = async (dir: string): Promise<ClusterProcess> => {
    const flags = ['--dir', dir, '--port', String(ports.port), '--peer-port', String(ports.peerPort)];
    started = new ClusterProcess([
      ...flags,
      ...(fs.existsSync(dir) ? [] : ['--backend', backend, '--region-size', '2MiB']),
    ]);
    await started.event('up');
    return started;
  };
  const run = (dir: string, port: number) =>
    indelible('cluster', '--dir', dir, '--port', String(port), '--peer-port', String(port + 10));

  /** Every key is there, read through every port. */
  const checkKeys = async (): Promise<void> => {
    for (const replica of [0, 1, 2]) {
      const redis = new Redis({ port: ports.port + replica, host: '127.0.0.1' });
      const keys = Array.from({ length: KEYS }, (_, index) => `key:${index}`);
      expect(await redis.mget(keys)).toEqual(keys);
      redis.disconnect();
    }
  };
  const fingerprint = (dir: string): string => {
    const hash = createHash('sha256');
    for (const entry of fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
      const file = path.join(dir, entry);
      // What a replica says goes to its log file; everything else is the store's.
      if (fs.statSync(file).isDirectory() || /replica-\d\.log$/.test(entry)) continue;
      // Replicas whose own store is whole may have opened it.
      if (!entry.startsWith('replica-1') && entry !== 'cluster.json') continue;
      hash.update(entry).update(fs.readFileSync(file));
    }
    return hash.digest('hex');
  };

  /** The cluster names replica 1's store once, does not start it, serves without it, and stops in order. */
  const startWithout1 = async (code: string): Promise<void> => {
    const cluster = await start(data);
    expect(await cluster.event('unusable')).toMatchObject({
      replica: 1,
      remaining: 2,
      failure: { code: `ERR_INDELIBLE_${code}` },
    });
    const redis = new Redis({ port: ports.port + 1, host: '127.0.0.1' });
    expect(await redis.get('key:7')).toBe('key:7');
    expect(await redis.set('key:7', 'key:7')).toBe('OK');
    redis.disconnect();
    expect(await cluster.stop()).toBe(0);
    expect(cluster.events.filter(({ event }) => event === 'unusable')).toHaveLength(1);
    expect(cluster.events.map(({ event }) => event)).not.toContain('died');
  };

  beforeAll(async () => {
    home = temporaryDirectory();
    ports = await freePorts();
    await (await start(at('other'))).stop();
    const cluster = await start(at('whole'));
    const redis = new Redis({ port: ports.port, host: '127.0.0.1' });
    await Promise.all(Array.from({ length: KEYS }, (_, index) => redis.set(`key:${index}`, `key:${index}`)));
    redis.disconnect();
    expect(await cluster.stop()).toBe(0);
  });
  afterAll(() => fs.rmSync(home, { recursive: true, force: true }));

  beforeEach(() => {
    data = at('data');
    fs.cpSync(at('whole'), data, { recursive: true });
  });
  afterEach(async () => {
    await started?.stop();
    fs.rmSync(data, { recursive: true, force: true });
  });

  it.each(OF_THE_CLUSTER)('with $what is refused as $code', async ({ done, code }) => {
    done(data, at('other'));
    const before = fingerprint(data);
    const { code: exitCode, problems } = await run(data, ports.port);
    expect(problems).toMatch(new RegExp(`^error ERR_INDELIBLE_${code}: `));
    expect(exitCode).toBe(3);
    expect(fingerprint(data)).toBe(before);
  });

  it('comes back whole when the right bytes are put back', async () => {
    const [damage] = DAMAGES[backend];
    damage!.done(data, at('other'));
    await startWithout1(damage!.code);
    fs.cpSync(path.join(at('whole'), 'replica-1'), path.join(data, 'replica-1'), { recursive: true });
    await start(data);
    await checkKeys();
  });

  it('comes back whole when its checkpoints are put back', async () => {
    const checkpoints = path.join(data, 'replica-1', 'checkpoints');
    fs.renameSync(checkpoints, at('elsewhere'));
    await startWithout1('STORE_MISSING');
    fs.renameSync(at('elsewhere'), checkpoints);
    const cluster = await start(data);
    expect(cluster.events.map(({ event }) => event)).not.toContain('damaged');
    await checkKeys();
  });

  it.each(LOSSES.filter((loss) => loss.backend === backend))(
    'with $what serves without voting, and nothing is missing',
    async ({ done }) => {
      done(data, at('other'));
      const cluster = await start(data);
      expect(await cluster.event('damaged')).toMatchObject({ replica: 1, outcome: 'lost' });
      await checkKeys();
      const { out, code } = await indelible('status', '--dir', data);
      expect(out).toContain('does not vote (log lost)');
      expect(code).toBe(0);
    },
  );

  it.each([...DAMAGES[backend], ...RUINS.filter(({ backends }) => backends.includes(backend))])(
    'with $what stays out as $code, unwritten, and the others serve',
    async ({ done, code }) => {
      done(data, at('other'));
      const before = fingerprint(data);
      await startWithout1(code);
      expect(fingerprint(data)).toBe(before);
    },
  );

  it('is not opened by two processes', async () => {
    await start(data);
    const second = await run(data, ports.port + 5);
    expect(second.problems).toMatch(/^error ERR_INDELIBLE_STORE_LOCKED: /);
    expect(second.code).toBe(1);
    const serve = await indelible(
      ...['serve', '--dir', path.join(data, 'replica-1'), '--backend', backend],
      ...['--key-file', path.join(data, 'cluster-key')],
      ...['--listen', `127.0.0.1:${ports.peerPort + 8}`, '--peers', `1=127.0.0.1:${ports.peerPort + 8}`],
    );
    expect(serve.problems).toMatch(/^error ERR_INDELIBLE_STORE_LOCKED: /);
    expect(serve.code).toBe(1);
    await checkKeys();
    expect((await indelible('status', '--dir', data)).code).toBe(0);
  });

  it.each([
    ['--replicas', '5', '--replicas 3, not 5'],
    ['--region-size', '4MiB', '--region-size 2097152, not 4194304'],
    ['--backend', backend === 'file' ? 'emulated' : 'file', `--backend ${backend}, not`],
  ])('is not taken for one with %s %s', async (flag, value, sentence) => {
    const { code, problems } = await indelible('cluster', '--dir', data, flag, value);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_FOREIGN: /);
    expect(problems).toContain(sentence);
    expect(code).toBe(3);
  });
});
