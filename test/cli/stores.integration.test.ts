/** The commands for separate machines: format each store from one plan, serve it, look at it. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts, indelible, type Ports, PROGRAM, temporaryDirectory } from '../cluster/cluster-process.js';

let directory: string;
let plan: string;
let ports: Ports;
let children: ChildProcess[];

beforeEach(async () => {
  directory = temporaryDirectory();
  plan = path.join(directory, 'plan.json');
  ports = await freePorts();
  children = [];
  expect((await indelible('format', '--new-plan', '3', '--plan', plan)).code).toBe(0);
});

afterEach(async () => {
  await Promise.all(
    children.map((child) => {
      const ended = child.exitCode !== null || child.signalCode !== null;
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      return ended ? undefined : closed;
    }),
  );
  fs.rmSync(directory, { recursive: true, force: true });
});

function storeOf(replica: number): string {
  return path.join(directory, `store-${replica}`);
}

function format(replica: number, ...args: readonly string[]) {
  const where = ['--plan', plan, '--replica', String(replica), '--dir', storeOf(replica)];
  return indelible('format', ...where, '--region-size', '2MiB', ...args);
}

/** Starts a replica from a configuration file; resolves when it says that it is ready. */
function serve(replica: number, backend: string): Promise<ChildProcess> {
  const file = path.join(directory, `replica-${replica}.json`);
  const peers = Object.fromEntries([1, 2, 3].map((id) => [id, `127.0.0.1:${ports.peerPort + id}`]));
  const settings = {
    directory: storeOf(replica),
    backend,
    listen: `127.0.0.1:${ports.peerPort + replica}`,
    redis: `127.0.0.1:${ports.port + replica}`,
    peers,
  };
  fs.writeFileSync(file, JSON.stringify(settings));
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, _: process.execPath },
  });
  children.push(child);
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (text) => {
      said += String(text);
      if (said.includes('"msg":"ready"')) resolve(child);
    });
    child.once('close', () => reject(new Error(`replica ${replica} ended: ${said}`)));
  });
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', resolve));
}

describe('format', () => {
  it('never writes over a store', async () => {
    expect((await format(1)).code).toBe(0);
    const before = fs.readFileSync(path.join(storeOf(1), 'region'));
    const again = await format(1);
    expect(again.code).toBe(3);
    expect(again.problems).toMatch(/^error ERR_INDELIBLE_STORE_EXISTS/);
    expect(fs.readFileSync(path.join(storeOf(1), 'region')).equals(before)).toBe(true);
  });

  it('says whose store it wrote', async () => {
    const { out } = await format(2, '--json');
    const { members, clusterId } = JSON.parse(fs.readFileSync(plan, 'utf8')) as {
      members: { id: number; storeUuid: string }[];
      clusterId: string;
    };
    const { storeUuid } = members[1]!;
    expect(JSON.parse(out)).toMatchObject({ replicaId: 2, clusterId, storeUuid, regionBytes: 2 << 20 });
  });

  it('knows only the replicas of the plan', async () => {
    const { code, problems } = await format(4);
    expect(code).toBe(2);
    expect(problems).toMatch(/no replica 4/);
    expect(fs.existsSync(storeOf(4))).toBe(false);
  });
});

describe('serve', () => {
  it.each(['emulated', 'file'])('runs the replicas of a plan, each by itself (%s)', async (backend) => {
    for (const replica of [1, 2, 3]) expect((await format(replica, '--backend', backend)).code).toBe(0);
    const replicas = await Promise.all([1, 2, 3].map((replica) => serve(replica, backend)));
    const redis = new Redis({ port: ports.port + 1, host: '127.0.0.1' });
    expect(await redis.set('greeting', 'hello')).toBe('OK');
    redis.disconnect();
    const config = path.join(directory, 'replica-1.json');
    const status = await indelible('status', '--config', config);
    expect(status.out).toMatch(/replica \d leads/);
    const exits = replicas.map(ended);
    const signals = ['SIGTERM', 'SIGINT', 'SIGTERM'] as const;
    for (const [i, replica] of replicas.entries()) replica.kill(signals[i]);
    expect(await Promise.all(exits)).toEqual([0, 0, 0]);
  });

  it('never formats', async () => {
    const listen = ['--listen', `127.0.0.1:${ports.peerPort}`, '--peers', `1=127.0.0.1:${ports.peerPort}`];
    const { code, problems } = await indelible('serve', '--dir', storeOf(1), ...listen);
    expect(code).toBe(3);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_MISSING/);
    expect(fs.existsSync(storeOf(1))).toBe(false);
  });

  it('runs no other store than the one that was meant', async () => {
    await format(1);
    const listen = ['--listen', `127.0.0.1:${ports.peerPort}`, '--peers', `1=127.0.0.1:${ports.peerPort}`];
    const store = ['--store', '0'.repeat(32)];
    const { code, problems } = await indelible('serve', '--dir', storeOf(1), ...listen, ...store);
    expect(code).toBe(3);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_FOREIGN: .*expected was 0{32}/m);
  });
});

describe('inspect', () => {
  it('shows a new region, and writes nothing', async () => {
    await format(3);
    const before = fs.readFileSync(path.join(storeOf(3), 'region'));
    const { code, out } = await indelible('inspect', storeOf(3));
    expect(code).toBe(0);
    expect(out).toMatch(/header at 0x0000: replica 3,/);
    expect(out).toMatch(/root at 0x2000: generation \d+, head record 1/);
    expect(fs.readFileSync(path.join(storeOf(3), 'region')).equals(before)).toBe(true);
  });

  it('shows what is left of a damaged region', async () => {
    await format(3);
    const region = path.join(storeOf(3), 'region');
    const bytes = fs.readFileSync(region);
    bytes.fill(0xff, 0, 256);
    fs.writeFileSync(region, bytes);
    const { code, out } = await indelible('inspect', region);
    expect(code).toBe(0);
    expect(out).toMatch(/header at 0x0000: none/);
    expect(out).toMatch(/header at 0x1000: replica 3,/);
  });

  it('refuses what is no region, and a directory that holds no store', async () => {
    const { code, out, problems } = await indelible('inspect', plan);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_FOREIGN: .* is no region: too short to be a region/);
    const noise = path.join(directory, 'noise');
    fs.writeFileSync(noise, Buffer.alloc(100_000, 7));
    expect((await indelible('inspect', '--json', noise)).code).toBe(3);
    fs.mkdirSync(path.join(directory, 'other', 'log'), { recursive: true });
    expect((await indelible('inspect', path.join(directory, 'other'))).code).toBe(3);
  });

  it.each([
    ['emulated', 'region', 0x2000, 0x4000],
    ['file', 'log/root', 0, 8192],
  ])('ends with 1 where recovery would find damage (%s)', async (backend, name, from, through) => {
    await format(2, '--backend', backend);
    const file = path.join(storeOf(2), name);
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(file, bytes.fill(0xff, from, through));
    const { code, out } = await indelible('inspect', storeOf(2));
    expect(out).toMatch(/recovery would find it (damaged|lost): /);
    expect(code).toBe(1);
  });

  it('shows a file store, and writes nothing', async () => {
    await format(2, '--backend', 'file');
    const files = () => fs.readdirSync(path.join(storeOf(2), 'log')).sort();
    const before = files();
    const shown = await indelible('inspect', storeOf(2));
    expect(shown.code).toBe(0);
    expect(shown.out).toMatch(/identity: replica 2,/);
    expect(shown.out).toMatch(/recovery would find it intact/);
    const { out } = await indelible('inspect', '--json', path.join(storeOf(2), 'log'));
    expect(JSON.parse(out)).toMatchObject({ shape: { identity: { replicaId: 2 } }, unreadable: [] });
    expect(files()).toEqual(before);
  });

  it('says when there is nothing', async () => {
    const { code, problems } = await indelible('inspect', path.join(directory, 'absent'));
    expect(code).toBe(3);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_MISSING: there is nothing at/);
  });
});
