/** `indelible replace N --dir DIR`, on a cluster that runs, also when it is interrupted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readClusterFile, replicaDirectory, writeClusterFile } from '../../lib/cluster/cluster-file.js';
import { eventually } from '../service/eventually.js';
import { programsOn, runs, signal } from '../service/processes.js';
import {
  ClusterProcess,
  freePorts,
  indelible,
  type Ports,
  PROGRAM,
  temporaryDirectory,
} from './cluster-process.js';

let directory: string;
let ports: Ports;
let cluster: ClusterProcess;

const data = (): string => path.join(directory, 'data');
const storeOf = (id: number): string => replicaDirectory(data(), id);

function launch(): ClusterProcess {
  return new ClusterProcess(['--dir', data(), '--region-size', '2MiB', '--port', `${ports.port}`]);
}

beforeEach(async () => {
  directory = temporaryDirectory();
  ports = await freePorts();
  cluster = launch();
  await cluster.event('up');
});
afterEach(async () => {
  cluster.child.kill('SIGKILL');
  await cluster.exited;
  fs.rmSync(directory, { recursive: true, force: true });
});

async function asked<T>(id: number, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ port: ports.port + id - 1, host: '127.0.0.1' });
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

async function replaced(id: number): Promise<string> {
  const { code, out, problems } = await indelible('replace', `${id}`, '--dir', data(), '--json');
  expect(code, problems).toBe(0);
  const { members } = JSON.parse(out) as { members: { id: number; role: string }[] };
  return members.map((each) => `${each.id} ${each.role}`).join(', ');
}

/** Begins to replace `id`, and kills the command once the heir is started, if it has not ended by then. */
async function interrupted(id: number): Promise<void> {
  const since = cluster.events.length;
  const child = spawn(process.execPath, [PROGRAM, 'replace', `${id}`, '--dir', data()], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await cluster.event('joined', since);
  child.kill('SIGKILL');
  await ended;
}

/** What `replace` has done when its heir runs and is no member yet. @returns the heir's id */
async function heirJoins(gone: number): Promise<number> {
  const file = readClusterFile(data())!;
  const id = 1 + Math.max(...file.members.map((member) => member.id));
  const [since, peers] = [cluster.events.length, `1=unix:${data()}/peers/replica-1`];
  const access = ['--peers', peers, '--key-file', path.join(data(), 'cluster-key'), '--json'];
  const store = ['--replica', `${id}`, '--dir', storeOf(id), '--region-size', '2MiB'];
  const { out, problems } = await indelible('format', '--join', ...store, ...access);
  expect(problems).toBe('');
  const heir = { id, storeUuid: (JSON.parse(out) as { storeUuid: string }).storeUuid };
  const replacement = { gone: [gone], heir, phase: 'joining' } as const;
  writeClusterFile(data(), { ...file, members: [...file.members, heir], replacement });
  await cluster.event('joined', since);
  return id;
}

/** Ends the process of replica `id`, and its store with it; resolves when the supervisor has given it up. */
async function lose(id: number): Promise<void> {
  const since = cluster.events.length;
  fs.renameSync(storeOf(id), path.join(directory, `lost-${id}`));
  for (const pid of programsOn(storeOf(id)).filter(runs)) signal(pid, 'SIGKILL');
  expect((await cluster.event('unusable', since)).replica).toBe(id);
}

const membersIn = (): number[] => readClusterFile(data())!.members.map(({ id }) => id);

it('a lost store is told of with the command that mends it, also when its heir is lost half-way', async () => {
  await asked(1, (redis) => redis.set('a', 'kept'));
  await lose(3);
  const { out } = await indelible('status', '--dir', data());
  expect(out).toContain(`the store of replica 3 is lost: indelible replace 3 --dir ${data()}`);

  const heir = await heirJoins(3);
  expect(membersIn()).toEqual([1, 2, 3, heir]);
  const other = await indelible('replace', '2', '--dir', data());
  expect(other.code).toBe(2);
  expect(other.problems).toContain(`replica ${heir} is taking the place of replica 3`);

  // The heir has run: it is never formatted again under its id.
  await eventually('the heir runs', () => programsOn(storeOf(heir)).some(runs) || undefined);
  await lose(heir);
  expect(await replaced(3)).toBe('1 voter, 2 voter, 5 voter');
  expect(membersIn()).toEqual([1, 2, 5]);
  expect(readClusterFile(data())).not.toHaveProperty('replacement');
  expect(await asked(5, (redis) => redis.get('a'))).toBe('kept');

  const never = await indelible('replace', '7', '--dir', data());
  expect(never.code).toBe(2);
  expect(never.problems).toContain('replica 7 is no member');
});

it('a healthy replica is replaced, stopped and set aside, wherever that is interrupted', async () => {
  await asked(1, (redis) => redis.set('a', 'kept'));
  // Named, and no more: its store is formatted by whoever goes on.
  const heir = { id: 4, storeUuid: '4'.repeat(32) };
  const file = readClusterFile(data())!;
  writeClusterFile(data(), { ...file, replacement: { gone: [1], heir, phase: 'forming' } });
  await interrupted(1);
  cluster.child.kill('SIGKILL');
  await cluster.exited;
  cluster = launch();
  await cluster.event('up');
  expect(await replaced(1)).toBe('2 voter, 3 voter, 4 voter');
  expect(readClusterFile(data())!.members[2]).toEqual(heir);
  expect(fs.existsSync(`${storeOf(1)}.set-aside`)).toBe(true);
  expect(fs.existsSync(storeOf(1))).toBe(false);
  expect(await cluster.stop()).toBe(0);

  // Directories of clusters are moved.
  fs.renameSync(directory, `${directory}-moved`);
  directory = `${directory}-moved`;
  cluster = launch();
  const { replicas = [] } = await cluster.event('up');
  expect(replicas.map(({ id }) => id)).toEqual([2, 3, 4]);
  expect(await asked(4, (redis) => redis.set('a', 'written'))).toBe('OK');
  expect(await asked(2, (redis) => redis.get('a'))).toBe('written');
  expect(await replaced(1)).toBe('2 voter, 3 voter, 4 voter');
});
