/**
 * Two whole clusters on one directory, in two PID namespaces, as two containers over one volume are: the
 * second cannot see the first one's processes, is refused, and changes nothing of what it found.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../service/eventually.js';
import { freePorts, PROGRAM, temporaryDirectory } from './cluster-process.js';

const TEST_TIMEOUT_MS = 180_000;
const UNSHARE = ['--user', '--map-root-user', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

interface Apart {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<number | null>;
}

const directory: string = temporaryDirectory();
const data: string = path.join(directory, 'data');
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
  fs.rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
});

/** A cluster in a PID namespace of its own. */
async function cluster(): Promise<Apart & { readonly port: number }> {
  const { port, peerPort } = await freePorts();
  const ports = ['--port', String(port), '--peer-port', String(peerPort)];
  const store = ['--dir', data, '--backend', 'file', '--region-size', '1MiB'];
  const command = [process.execPath, PROGRAM, 'cluster', '--json', ...ports, ...store];
  const child = spawn('unshare', [...UNSHARE, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const lines: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, lines, ended, port };
}

/** Names of all there is, but for what a running cluster makes and removes as it goes. */
function names(): string[] {
  return (fs.readdirSync(data, { recursive: true }) as string[])
    .filter((name) => !name.includes('checkpoint'))
    .sort();
}

it(
  'a second cluster on one directory, in another PID namespace, is refused and changes nothing',
  async () => {
    const first = await cluster();
    const isUp = (): true | undefined => first.lines.some((line) => line.includes('"up"')) || undefined;
    await eventually('the first cluster is up', isUp, () => first.lines.join('\n'));
    const redis = new Redis({ port: first.port, host: '127.0.0.1', maxRetriesPerRequest: null });
    redis.on('error', () => {});
    await redis.set('kept', 'yes');
    const before = names();
    const plan = fs.readFileSync(path.join(data, 'cluster.json'));

    const second = await cluster();
    expect(await second.ended).not.toBe(0);
    expect(second.lines.join('\n')).toContain('ERR_INDELIBLE_STORE_LOCKED');

    expect(names()).toEqual(before);
    expect(fs.readFileSync(path.join(data, 'cluster.json'))).toEqual(plan);
    expect(await redis.get('kept')).toBe('yes');
    await redis.set('kept', 'still');
    expect(await redis.get('kept')).toBe('still');
    expect(first.child.exitCode).toBe(null);
    redis.disconnect();
  },
  TEST_TIMEOUT_MS,
);
