/** A replica with users in a file, as operators run it, and the file replaced while it runs. */
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts, indelible, temporaryDirectory } from './cluster-process.js';
import { ServeProcess } from './serve-process.js';

let directory: string;
let replica: ServeProcess | undefined;
const clients: Redis[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
  replica = undefined;
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  replica?.child.kill('SIGTERM');
  await replica?.ended;
  fs.rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => path.join(directory, name);

function writeUsers(...lines: readonly string[]): void {
  fs.writeFileSync(at('users.acl'), `${lines.join('\n')}\n`, { mode: 0o600 });
}

/** One replica; resolves with its Redis port when it leads. */
async function start(): Promise<number> {
  const ports = await freePorts();
  const plan = ['--plan', at('plan.json')];
  for (const command of [
    [...plan, '--new-plan', '1'],
    [...plan, '--replica', '1', '--dir', at('store'), '--region-size', '2MiB'],
  ]) {
    expect(await indelible('format', ...command)).toMatchObject({ code: 0, problems: '' });
  }
  const listen = `127.0.0.1:${ports.peerPort}`;
  const where = { directory: at('store'), listen, redis: `127.0.0.1:${ports.port}`, peers: { 1: listen } };
  fs.writeFileSync(at('1.json'), JSON.stringify({ ...where, aclFile: at('users.acl') }));
  replica = new ServeProcess(at('1.json'));
  await replica.says('"leader":');
  return ports.port;
}

function connect(port: number, username: string, password: string): Redis {
  const options = { port, host: '127.0.0.1', username, password, enableReadyCheck: false };
  const client = new Redis({ ...options, retryStrategy: () => null });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

const DEFAULT = 'user default off';
const ADMIN = 'user admin on >root ~* &* +@all';
const READER = 'user reader on >r ~pub:* +@read';

describe('the users of a replica', () => {
  it('come from a file, and again from it after SIGHUP, if it can be used', async () => {
    writeUsers(DEFAULT, ADMIN, READER);
    const port = await start();
    const admin = connect(port, 'admin', 'root');
    const reader = connect(port, 'reader', 'r');
    await admin.set('pub:a', '1');
    expect(await reader.get('pub:a')).toBe('1');
    await expect(reader.get('a')).rejects.toThrow(/^NOPERM/);

    writeUsers(DEFAULT, ADMIN, 'user reader on >r ~* +@nosuch');
    const before = replica!.lines.length;
    replica!.child.kill('SIGHUP');
    expect(await replica!.says('what was in use stays', before)).toMatch(/line 3: \+@nosuch of user reader/);
    expect(await reader.get('pub:a')).toBe('1');

    writeUsers(DEFAULT, ADMIN, 'user reader on >r ~* +@read');
    const closed = new Promise((resolve) => reader.once('close', resolve));
    replica!.child.kill('SIGHUP');
    await replica!.says('read again: users', before);
    await closed;
    expect(await connect(port, 'reader', 'r').get('a')).toBeNull();
    expect(await admin.get('pub:a')).toBe('1');
  });

  it('keep it from starting if their file is not its owner’s alone', async () => {
    writeUsers(DEFAULT, ADMIN);
    fs.chmodSync(at('users.acl'), 0o644);
    const cluster = ['cluster', '--dir', at('data'), '--acl-file', at('users.acl')];
    const { code, problems } = await indelible(...(cluster as [string, ...string[]]));
    expect(code).toBe(2);
    expect(problems).toMatch(/users\.acl: chmod 600 it/);
    expect(fs.existsSync(at('data/replica-1'))).toBe(false);
  });
});
