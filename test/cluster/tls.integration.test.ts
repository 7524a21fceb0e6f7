/**
 * Replicas with certificates, as operators run them: those that the commands of docs/operating.md make, asked
 * for their status, and given new ones while they run.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../packaging/sources.js';
import { freePorts, indelible, type Ports, temporaryDirectory } from './cluster-process.js';
import { ServeProcess } from './serve-process.js';

const IDS = [1, 2, 3];

let directory: string;
let ports: Ports;
let replicas: ServeProcess[];

beforeEach(async () => {
  directory = temporaryDirectory();
  ports = await freePorts();
  replicas = [];
});

afterEach(async () => {
  for (const { child } of replicas) child.kill('SIGTERM');
  await Promise.all(replicas.map(({ ended }) => ended));
  fs.rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => path.join(directory, name);

/** Makes an authority and certificates by the commands of the documentation. */
function makeCertificates(): void {
  const page = fs.readFileSync(path.join(PROJECT_ROOT, 'docs/operating.md'), 'utf8');
  const commands = /```sh\n(curve=[\s\S]*?)```/.exec(page)![1]!;
  execFileSync('sh', ['-e', '-c', commands], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
}

async function format(): Promise<void> {
  const plan = ['--plan', at('plan.json')];
  const commands = [[...plan, '--new-plan', '3']];
  for (const id of IDS) {
    commands.push([...plan, '--replica', String(id), '--dir', at(`store-${id}`), '--region-size', '2MiB']);
  }
  for (const command of commands) {
    const { code, problems } = await indelible('format', ...command);
    expect([code, problems]).toEqual([0, '']);
  }
}

/** Writes the settings of each replica. */
function configure(tls: (id: number) => object): void {
  const peers = Object.fromEntries(IDS.map((id) => [id, `127.0.0.1:${ports.peerPort + id}`]));
  for (const id of IDS) {
    const redis = `localhost:${ports.port + id}`;
    const where = { directory: at(`store-${id}`), listen: `127.0.0.1:${ports.peerPort + id}`, redis, peers };
    fs.writeFileSync(at(`${id}.json`), JSON.stringify({ ...where, ...tls(id) }));
  }
}

async function startAll(): Promise<void> {
  for (const id of IDS) replicas.push(new ServeProcess(at(`${id}.json`)));
  await Promise.all(replicas.map((replica) => replica.says('"leader":')));
}

const channels = (out: string): string[] =>
  (JSON.parse(out) as { replicas: { status: { security: { channel: string } } }[] }).replicas.map(
    ({ status }) => status.security.channel,
  );

describe('replicas with the certificates of the documentation', () => {
  it('elect a leader, serve Redis over TLS, are asked for their status, and take new ones', async () => {
    makeCertificates();
    await format();
    configure((id) => ({
      tlsCert: at(`replica-${id}.pem`),
      tlsKey: at(`replica-${id}.key`),
      tlsCa: at('ca.pem'),
      redisTlsCert: at(`replica-${id}.pem`),
      redisTlsKey: at(`replica-${id}.key`),
    }));
    await startAll();
    const { code, out } = await indelible('status', '--config', at('1.json'), '--json');
    expect(code).toBe(0);
    expect(channels(out)).toEqual(['tls', 'tls', 'tls']);
    const client = new Redis({
      port: ports.port + 1,
      host: 'localhost',
      tls: { ca: fs.readFileSync(at('ca.pem')) },
    });
    expect(await client.set('a', '1')).toBe('OK');

    fs.writeFileSync(at('replica-1.key'), 'half of a pair');
    fs.chmodSync(at('replica-1.key'), 0o600);
    const before = replicas[0]!.lines.length;
    replicas[0]!.child.kill('SIGHUP');
    await replicas[0]!.says('what was in use stays', before);
    makeCertificates();
    for (const replica of replicas) {
      replica.child.kill('SIGHUP');
      await replica.says('read again: certificates');
    }
    expect(await client.get('a')).toBe('1');
    client.disconnect();
    const again = await indelible('status', '--config', at('2.json'));
    expect(again).toMatchObject({ code: 0, problems: '' });
    expect(replicas.flatMap(({ lines }) => lines).join('')).not.toContain('peer down');
  });

  it('need none where the key of the cluster seals, and status says how to ask', async () => {
    await format();
    configure(() => ({ tls: true }));
    await startAll();
    const peers = IDS.map((id) => `${id}=127.0.0.1:${ports.peerPort + id}`).join(',');
    const asked = ['status', '--json', '--peers', peers, '--key-file', at('store-2/cluster-key')];
    const { code, out } = await indelible(...asked, '--tls');
    expect(code).toBe(0);
    expect(channels(out)).toEqual(['tls', 'tls', 'tls']);
    const plain = await indelible(...asked);
    expect(plain.code).toBe(1);
    expect(plain.out).toMatch(/may speak TLS only/);
    const keyless = await indelible('status', '--peers', peers, '--tls');
    expect(keyless.problems).toMatch(/--key-file/);
  });
});
