/** The Redis port over TLS: with ioredis, with certificates of clients and without, renewed, and closed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../../lib/errors.js';
import type { TlsCertificates } from '../../../lib/transport/tls.js';
import { Authority } from '../../transport/authority.js';
import { closeAll, raw, redis, type Setup, start } from '../setup.js';

let directory: string;
let ours: Authority;
let port: TlsCertificates;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-redis-tls-'));
  ours = new Authority(directory, 'ours');
  port = ours.issue(['DNS:localhost', 'IP:127.0.0.1']);
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(closeAll);

function withoutClients({ cert, key }: TlsCertificates) {
  return { cert, key };
}

/** One that is to be refused. */
function quietly(setup: Setup, tls: object): Redis {
  return redis(setup, { tls }).on('error', () => {});
}

describe('the Redis port over TLS', () => {
  it('serves who trusts its certificate, and nobody plain', async () => {
    const refused: string[] = [];
    const setup = await start({
      tls: withoutClients(port),
      onRefused: (_, { message }) => refused.push(message),
    });
    const client = redis(setup, { tls: { ca: ours.certificate } });
    const long = 'x'.repeat(300_000);
    expect(await client.set('a', long)).toBe('OK');
    expect(await Promise.all([client.get('a'), client.strlen('a')])).toEqual([long, 300_000]);
    expect(await client.client('ID')).toBeGreaterThan(0);
    const plain = raw(setup);
    plain.lines('PING');
    expect(await plain.end()).not.toContain('PONG');
    await expect(quietly(setup, {}).ping()).rejects.toThrow();
    expect(refused.length).toBeGreaterThan(0);
    expect(setup.server.clients).toBe(1);
  });

  it('asks clients for certificates of the authority, if there is one', async () => {
    const setup = await start({ tls: port });
    const ca = ours.certificate;
    expect(await redis(setup, { tls: ours.issue([]) }).ping()).toBe('PONG');
    const other = new Authority(directory, 'theirs').issue([]);
    for (const tls of [{ ca }, { ...other, ca }, { ...ours.issue([], -1), ca }]) {
      await expect(quietly(setup, tls).ping()).rejects.toThrow();
    }
    expect(setup.server.clients).toBe(1);
  });

  it('takes new certificates without losing a client', async () => {
    const setup = await start({ tls: withoutClients(port) });
    const before = redis(setup, { tls: { ca: ours.certificate } });
    expect(await before.ping()).toBe('PONG');
    const next = new Authority(directory, 'next');
    setup.server.useCertificates(withoutClients(next.issue(['IP:127.0.0.1'])));
    expect(() => setup.server.useCertificates({ cert: 'none', key: 'none' })).toThrow(/cannot be used/);
    await expect(quietly(setup, { ca: ours.certificate }).ping()).rejects.toThrow();
    expect(await redis(setup, { tls: { ca: next.certificate } }).ping()).toBe('PONG');
    expect(await before.ping()).toBe('PONG');
  });

  it('closes though somebody is silent on it, and is opened with no certificates that are none', async () => {
    const setup = await start({ tls: withoutClients(port) });
    const silent = connect(setup.server.port, '127.0.0.1');
    silent.on('error', () => {});
    await new Promise((resolve) => silent.once('connect', resolve));
    await setup.server.close();
    const argument = expect.objectContaining({ code: ErrorCode.argument });
    await expect(start({ tls: { cert: 'none', key: 'none' } })).rejects.toEqual(argument);
    const plain = await start();
    expect(() => plain.server.useCertificates(withoutClients(port))).toThrow(argument);
  });
});
