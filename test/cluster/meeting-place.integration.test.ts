/** Where the peers of a local cluster meet: sockets that only their owner reaches, whatever lies there. */
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { socketIn } from '../../lib/cluster/addresses.js';
import { closeMeetingPlace, openMeetingPlace } from '../../lib/cluster/meeting-place.js';
import { ClusterProcess, freePorts, indelible, type Ports, temporaryDirectory } from './cluster-process.js';

let directory: string;
let places: string[];

beforeEach(() => {
  directory = temporaryDirectory();
  places = [];
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const place of places) closeMeetingPlace(place);
  fs.rmSync(directory, { recursive: true, force: true });
});

async function open(where: string, last?: string): Promise<string> {
  const place = await openMeetingPlace(where, [1, 2, 3], last);
  places.push(place);
  return place;
}

async function listenOn(file: string): Promise<net.Server> {
  const server = net.createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen({ path: file }, resolve));
  return server;
}

const modeOf = (file: string): number => fs.statSync(file).mode & 0o777;
const usual = (): string => path.join(directory, 'peers');

describe('the place where peers meet', () => {
  it('is in the cluster’s directory, and for its owner alone', async () => {
    expect(await open(directory)).toBe(usual());
    expect(modeOf(usual())).toBe(0o700);
    expect(fs.readdirSync(usual())).toEqual([]);
  });

  it('is made so where everybody could enter it', async () => {
    fs.mkdirSync(usual());
    fs.chmodSync(usual(), 0o777);
    expect(await open(directory)).toBe(usual());
    expect(modeOf(usual())).toBe(0o700);
  });

  it.each([
    ['too long', 'x'.repeat(100)],
    ['a list inside', 'a,b'],
  ])('is a temporary directory where the path is %s', async (_, name) => {
    const where = path.join(directory, name);
    fs.mkdirSync(where);
    const place = await open(where);
    expect(path.dirname(place)).toBe(os.tmpdir());
    expect(modeOf(place)).toBe(0o700);
    closeMeetingPlace(place);
    expect(fs.existsSync(place)).toBe(false);
  });

  it('is another where a link leads elsewhere, a file lies, or somebody else owns it', async () => {
    const elsewhere = path.join(directory, 'elsewhere');
    fs.mkdirSync(elsewhere);
    fs.symlinkSync(elsewhere, usual());
    expect(path.dirname(await open(directory))).toBe(os.tmpdir());
    expect(fs.readdirSync(elsewhere)).toEqual([]);
    fs.rmSync(usual());
    fs.writeFileSync(usual(), 'not a directory');
    expect(path.dirname(await open(directory))).toBe(os.tmpdir());
    fs.rmSync(usual());
    fs.mkdirSync(usual());
    vi.spyOn(process, 'getuid').mockReturnValue(fs.statSync(usual()).uid + 1);
    expect(path.dirname(await open(directory))).toBe(os.tmpdir());
    vi.restoreAllMocks();
  });

  it('that a killed run left in the temporary directory is removed, and nothing else is', async () => {
    const long = path.join(directory, 'x'.repeat(100));
    fs.mkdirSync(long);
    const first = await open(long);
    await listenOn(socketIn(first, 1));
    const next = await open(long, socketIn(first, 1));
    expect(fs.existsSync(first)).toBe(false);
    expect(next).not.toBe(first);
    const other = path.join(directory, 'indelible-peers-other');
    fs.mkdirSync(other);
    await open(long, socketIn(other, 1));
    expect(fs.existsSync(other)).toBe(true);
  });

  it('is none where neither can be had, and the error says what to do', async () => {
    fs.writeFileSync(usual(), 'not a directory');
    vi.spyOn(os, 'tmpdir').mockReturnValue(path.join(directory, 'x'.repeat(100)));
    await expect(open(directory)).rejects.toThrow(/no place for the peers' Unix sockets.*--peer-port/);
  });
});

describe('a cluster on one machine', () => {
  let ports: Ports;
  let cluster: ClusterProcess | undefined;
  const data = (): string => path.join(directory, 'data');
  const flags = (where: string): string[] => ['--dir', where, '--port', String(ports.port)];

  beforeEach(async () => {
    ports = await freePorts();
    cluster = undefined;
  });

  afterEach(async () => {
    await cluster?.stop();
  });

  async function start(where: string): Promise<readonly { readonly id: number; readonly pid: number }[]> {
    const http = ['--http-port', String(ports.peerPort)];
    cluster = new ClusterProcess([...flags(where), ...http, '--region-size', '2MiB']);
    const { replicas } = (await cluster.event('up')) as unknown as {
      replicas: { id: number; pid: number; peer: string }[];
    };
    return replicas;
  }

  it('meets on sockets, answers there, and comes back over those of killed replicas', async () => {
    const [first] = await start(data());
    const place = path.join(data(), 'peers');
    expect(fs.readdirSync(place).sort()).toEqual(['replica-1', 'replica-2', 'replica-3']);
    expect(modeOf(place)).toBe(0o700);
    const told = await indelible('status', '--dir', data(), '--json');
    expect(told.code).toBe(0);
    process.kill(first!.pid, 'SIGKILL');
    await cluster!.event('back');
    // By hand, as a program of its own would: with the addresses and the key.
    const peers = [1, 2, 3].map((id) => `${id}=unix:${socketIn(place, id)}`).join(',');
    const key = ['--key-file', path.join(data(), 'cluster-key')];
    expect((await indelible('status', '--peers', peers, ...key)).problems).toBe('');
    await cluster!.stop();
    expect(fs.existsSync(place)).toBe(false);
  });

  it('does so where its own path is too long for a socket', async () => {
    const where = path.join(directory, 'x'.repeat(100));
    await start(where);
    expect((await indelible('status', '--dir', where)).code).toBe(0);
  });

  it('does not start where somebody listens on one of the sockets, who is left alone', async () => {
    const place = path.join(data(), 'peers');
    fs.mkdirSync(data());
    fs.mkdirSync(place, 0o700);
    const server = await listenOn(socketIn(place, 2));
    const { code, problems } = await indelible('cluster', ...flags(data()), '--region-size', '2MiB');
    expect(code).toBe(1);
    expect(problems).toMatch(/peer port of replica 2: another process listens on unix:/);
    await new Promise<void>((resolve) => net.connect(socketIn(place, 2), resolve));
    await new Promise((resolve) => server.close(resolve));
  });
});
