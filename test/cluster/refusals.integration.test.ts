/** What `indelible cluster` refuses, with which exit code, and that it leaves everything as it was. */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ClusterProcess,
  type CommandResult,
  freePorts,
  indelible,
  type Ports,
  temporaryDirectory,
} from './cluster-process.js';

let directory: string;
let data: string;
let ports: Ports;

beforeEach(async () => {
  directory = temporaryDirectory();
  data = path.join(directory, 'data');
  ports = await freePorts();
});

afterEach(() => {
  fs.rmSync(directory, { recursive: true, force: true });
});

function argumentsOf({ port, peerPort }: Ports, where: string): readonly string[] {
  return ['--dir', where, '--port', String(port), '--peer-port', String(peerPort)];
}

/** Runs a cluster that is expected to refuse. */
function refused(...args: readonly string[]): Promise<CommandResult> {
  return indelible('cluster', ...argumentsOf(ports, data), ...args);
}

/** Forms a cluster, runs it once, and stops it. */
async function form(where: string, ...args: readonly string[]): Promise<void> {
  const cluster = new ClusterProcess([...argumentsOf(ports, where), '--region-size', '2MiB', ...args]);
  await cluster.event('up');
  await cluster.stop();
}

/** Every file below, with its content: equal before and after means that nothing was written. */
function contentOf(where: string): ReadonlyMap<string, string> {
  const files = fs.readdirSync(where, { recursive: true, withFileTypes: true });
  const stored = files.filter((entry) => entry.isFile() && !entry.name.endsWith('.log'));
  const paths = stored.map((entry) => path.join(entry.parentPath, entry.name));
  return new Map(paths.map((file) => [file, fs.readFileSync(file).toString('base64')]));
}

describe('before anything is written', () => {
  it('a port in use is refused', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(ports.port + 1, '127.0.0.1', resolve));
    const { code, problems } = await refused();
    server.close();
    expect(code).toBe(1);
    expect(problems).toMatch(
      /^error ERR_INDELIBLE_NETWORK: Redis port of replica 2: another process listens/,
    );
    expect(problems).toMatch(/--port/);
    expect(fs.readdirSync(data)).toEqual([]);
  });

  it('a directory whose parent is absent is refused', async () => {
    const missing = path.join(directory, 'absent', 'data');
    const { code, problems } = await refused('--dir', missing);
    expect(code).toBe(1);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_IO: cannot create .*: the directory does not exist/);
  });

  it('a directory that is a file is refused', async () => {
    fs.writeFileSync(data, 'not a directory');
    const { code, problems } = await refused();
    expect(code).toBe(1);
    expect(problems).toMatch(/a part of the path is not a directory/);
    expect(fs.readFileSync(data, 'utf8')).toBe('not a directory');
  });

  it('a disk that cannot hold the regions is refused', async () => {
    const { code, problems } = await refused('--region-size', '3TiB');
    expect(code).toBe(1);
    expect(problems).toMatch(/3 stores take \d+ MiB, and .* has \d+ MiB free/);
    expect(problems).toMatch(/--region-size/);
    expect(fs.readdirSync(data)).toEqual([]);
  });

  it('persistent memory that is none is refused', async () => {
    fs.mkdirSync(data);
    const { code, problems } = await refused('--backend', 'pmem', '--region-size', '2MiB');
    expect(code).toBe(1);
    expect(problems).toMatch(/^error ERR_INDELIBLE_NOT_PERSISTENT_MEMORY/);
    expect(fs.readdirSync(data)).toEqual([]);
  });

  it('a directory for persistent memory is never made up', async () => {
    const { code, problems } = await refused('--backend', 'pmem');
    expect(code).toBe(1);
    expect(problems).toMatch(/the directory does not exist/);
    expect(fs.existsSync(data)).toBe(false);
  });
});

describe('data that is not what was asked for', () => {
  it.each([
    ['--replicas', '5'],
    ['--backend', 'file'],
    ['--region-size', '4MiB'],
    ['--sync', 'msync'],
  ])('is left alone: %s %s', async (flag, value) => {
    await form(data);
    const before = contentOf(data);
    const { code, problems } = await refused(flag, value);
    expect(code).toBe(3);
    expect(problems).toMatch(new RegExp(`^error ERR_INDELIBLE_STORE_FOREIGN: .* was formatted with ${flag}`));
    expect(contentOf(data)).toEqual(before);
  });

  it('is left alone when most stores are gone', async () => {
    await form(data);
    for (const id of [2, 3]) fs.rmSync(path.join(data, `replica-${id}`), { recursive: true });
    const { code, problems } = await refused();
    expect(code).toBe(3);
    expect(problems).toMatch(/^error ERR_INDELIBLE_STORE_MISSING: .*no longer has the store of replica 2, 3/);
    expect(fs.existsSync(path.join(data, 'replica-2'))).toBe(false);
  });

  it('is left alone while another cluster runs on it', async () => {
    const first = new ClusterProcess([...argumentsOf(ports, data), '--region-size', '2MiB']);
    await first.event('up');
    ports = await freePorts();
    const { code, problems } = await refused();
    expect(code).toBe(1);
    expect(problems).toMatch(new RegExp(`^error ERR_INDELIBLE_STORE_LOCKED: process ${first.child.pid} `));
    expect((await indelible('status', '--dir', data)).code).toBe(0);
    expect(first.events.map(({ event }) => event)).not.toContain('died');
    expect(await first.stop()).toBe(0);
  });
});

describe('one store that cannot be used', () => {
  /** The cluster starts without replica `id`, whose store stays as it is. */
  async function leavesOut(id: number, failure: string): Promise<void> {
    const before =
      fs.existsSync(path.join(data, `replica-${id}`)) && contentOf(path.join(data, `replica-${id}`));
    const cluster = new ClusterProcess(argumentsOf(ports, data));
    const { replica, failure: told } = await cluster.event('unusable');
    expect([replica, told?.code]).toEqual([id, failure]);
    await cluster.event('up');
    expect((await indelible('status', '--dir', data)).out).toMatch(/leads/);
    expect(await cluster.stop()).toBe(0);
    expect(cluster.events.filter(({ event }) => event === 'unusable')).toHaveLength(1);
    const after =
      fs.existsSync(path.join(data, `replica-${id}`)) && contentOf(path.join(data, `replica-${id}`));
    expect(after).toEqual(before);
  }

  it('stays out when it is gone', async () => {
    await form(data);
    fs.rmSync(path.join(data, 'replica-2'), { recursive: true });
    await leavesOut(2, 'ERR_INDELIBLE_STORE_MISSING');
  });

  it.each(['emulated', 'file'])('stays out when it is of another cluster (%s)', async (backend) => {
    const other = path.join(directory, 'other');
    await form(data, '--backend', backend);
    await form(other, '--backend', backend);
    fs.rmSync(path.join(data, 'replica-2'), { recursive: true });
    fs.renameSync(path.join(other, 'replica-2'), path.join(data, 'replica-2'));
    await leavesOut(2, 'ERR_INDELIBLE_STORE_FOREIGN');
  });

  it('stays out when its region is none', async () => {
    await form(data);
    fs.writeFileSync(path.join(data, 'replica-3', 'region'), Buffer.alloc(1 << 20, 'x'));
    await leavesOut(3, 'ERR_INDELIBLE_STORE_FOREIGN');
  });
});
