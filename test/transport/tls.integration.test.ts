/**
 * TLS between replicas, and from clients: sealed by the key and by certificates, renewed, and every way in
 * which two ends do not come to terms. Each of those is told at both ends, with a code, and lets nobody in.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, connect as tlsConnect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ErrorCode } from '../../lib/errors.js';
import type { TransportDiagnostic } from '../../lib/transport/diagnostics.js';
import { Exchange } from '../../lib/transport/exchange.js';
import { type ClusterKeys, clusterKeys } from '../../lib/transport/proof.js';
import type { TcpTransport, TcpTransportOptions } from '../../lib/transport/tcp.js';
import {
  CertificateSockets,
  type ClientTls,
  clientSockets,
  type ReplicaTls,
  replicaSockets,
} from '../../lib/transport/tls.js';
import type { ReplicaId } from '../../lib/types.js';
import { until, Witness } from '../contract/transport.js';
import { Authority } from './authority.js';
import { diagnosticsDuring } from './diagnosed.js';
import { KEYS, SocketPlace } from './places.js';
import { RawConnection } from './raw-connection.js';
import { EchoServer } from './servers.js';

const OTHER_KEYS = clusterKeys(Buffer.alloc(32, 'another key'));

let directory: string;
let ours: Authority;
let theirs: Authority;
let ends: (() => unknown)[] = [];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'indelible-certificates-'));
  ours = new Authority(directory, 'ours');
  theirs = new Authority(directory, 'theirs');
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

async function place(): Promise<SocketPlace> {
  const made = await SocketPlace.make(2);
  ends.push(() => made.dispose());
  return made;
}

interface Terms {
  readonly tls?: ReplicaTls | undefined;
  readonly keys?: ClusterKeys | undefined;
}

function socketsOf({ tls, keys = KEYS }: Terms): Partial<TcpTransportOptions> {
  return { keys, sockets: replicaSockets(tls, keys) };
}

/** Replica 2, listening on loopback: clients are echoed, and `up` says whether replica 1 was let in. */
async function listening(at: SocketPlace, terms: Terms, changes: Partial<TcpTransportOptions> = {}) {
  const witness = new Witness();
  const server = await EchoServer.start(
    at,
    2,
    { ...socketsOf(terms), listen: '127.0.0.1:0', ...changes },
    witness,
  );
  ends.push(() => server.transport.close());
  at.addresses.set(2, server.transport.address);
  return { server, witness, address: server.transport.address };
}

/** Replica 1, which dials replica 2. */
async function dialling(at: SocketPlace, terms: Terms) {
  const witness = new Witness();
  const transport = at.transport(1, socketsOf(terms));
  await transport.start(witness);
  ends.push(() => transport.close());
  return { transport, witness };
}

function ask(address: string, tls: ClientTls | undefined, replicaId?: ReplicaId, key = KEYS.clients) {
  const who = replicaId === undefined ? {} : { replicaId };
  return Exchange.connect({ address, key, sockets: clientSockets(tls, key), ...who });
}

async function isAnswered(exchange: Exchange): Promise<void> {
  expect(Buffer.from(await exchange.status()).toString()).toContain('leader');
  exchange.close();
}

const errorsOf = (seen: readonly TransportDiagnostic[], event: string) =>
  seen.filter((each) => each.event === event).map(({ error }) => error as { code?: string; message: string });

/** What both ends say when replica 1 dials replica 2 in vain: the dialler, and who was dialled. */
async function inVain(listener: Terms, dialler: Terms) {
  const at = await place();
  const seen = await diagnosticsDuring(async (soFar) => {
    const there = await listening(at, listener);
    const here = await dialling(at, dialler);
    const isTold = (event: string): boolean => errorsOf(soFar, event).length > 0;
    await until(at, () => isTold('dial-failed') && (isTold('refused') || isTold('malformed')));
    expect([there.witness.ups, here.witness.ups]).toEqual([0, 0]);
    await here.transport.close();
  });
  const here = errorsOf(seen, 'dial-failed')[0]!;
  const there = [...errorsOf(seen, 'refused'), ...errorsOf(seen, 'malformed')][0]!;
  for (const { message } of [here, there]) expect(message).toMatch(/^127\.0\.0\.1:\d+: /);
  return { here, there };
}

const tls = (text: RegExp) => ({ code: ErrorCode.tls, message: expect.stringMatching(text) });

describe.each([
  ['the key', (): ReplicaTls => true, (): ClientTls => true],
  ['certificates', (id: ReplicaId): ReplicaTls => ours.of(id), (): ClientTls => ({ ca: ours.certificate })],
])('TLS sealed by %s', (_, of, clientTls) => {
  it('carries peers and clients, in TLS 1.3, and shows nothing to who listens in', async () => {
    const at = await place();
    const { witness, address, server } = await listening(at, { tls: of(2) });
    const { witness: other } = await dialling(at, { tls: of(1) });
    await until(at, () => witness.ups > 0 && other.ups > 0);
    await isAnswered(await ask(address, clientTls(), 2));
    await isAnswered(await ask(address, clientTls()));
    expect(server.transport.security).toEqual({ key: true, channel: 'tls' });
  });

  it('takes no Unix socket’s place', async () => {
    const at = await place();
    const server = await EchoServer.start(at, 1, socketsOf({ tls: of(1) }));
    ends.push(() => server.transport.close());
    expect(server.transport.security.channel).toBe('local');
    await isAnswered(await ask(at.addresses.get(1)!, undefined));
    await isAnswered(await ask(at.addresses.get(1)!, clientTls()));
  });

  it('is asked of who comes without, and both ends say so', async () => {
    const { here, there } = await inVain({ tls: of(2) }, {});
    expect(there).toMatchObject(tls(/no TLS is spoken there/));
    expect(here).toMatchObject({ code: ErrorCode.network, message: expect.stringContaining('TLS only') });
  });

  it('is not spoken with who listens without, and both ends say so', async () => {
    const { here, there } = await inVain({}, { tls: of(1) });
    expect(here).toMatchObject(tls(/hung up before TLS/));
    expect(there).toMatchObject(tls(/TLS is spoken there, and none here/));
  });

  it('is agreed on in a bounded time, or the stranger is hung up on', async () => {
    const at = await place();
    const seen = await diagnosticsDuring(async () => {
      const { address } = await listening(at, { tls: of(2) }, { bounds: { helloMsMax: 30 } });
      const silent = await RawConnection.open(address);
      await silent.closed;
    });
    expect(errorsOf(seen, 'refused')).toEqual([expect.objectContaining(tls(/TLS took too long/))]);
  });

  it('gives no place to strangers whose handshakes do not end', async () => {
    const at = await place();
    const bounds = { clientsMax: 5 };
    const { witness, address } = await listening(at, { tls: of(2) }, { bounds });
    const silent = await Promise.all(Array.from({ length: 40 }, () => RawConnection.open(address)));
    ends.push(() => {
      for (const each of silent) each.destroy();
    });
    await dialling(at, { tls: of(1) });
    await until(at, () => witness.ups > 0);
  });
});

describe('TLS sealed by the key', () => {
  it('is not agreed on with who has another one', async () => {
    const { here, there } = await inVain({ tls: true }, { tls: true, keys: OTHER_KEYS });
    expect(there).toMatchObject(tls(/another key than that of this cluster/));
    expect(here).toMatchObject(tls(/the key here is not that of the cluster there/));
  });

  it('is not agreed on with who has certificates, either way round', async () => {
    const one = await inVain({ tls: true }, { tls: ours.of(1) });
    expect([one.here.code, one.there.code]).toEqual([ErrorCode.tls, ErrorCode.tls]);
    const other = await inVain({ tls: ours.of(2) }, { tls: true });
    expect([other.here.code, other.there.code]).toEqual([ErrorCode.tls, ErrorCode.tls]);
  });

  it('needs a key', () => {
    const argument = expect.objectContaining({ code: ErrorCode.argument });
    expect(() => replicaSockets(true, undefined)).toThrow(argument);
    expect(() => clientSockets(true, undefined)).toThrow(argument);
  });

  it('with the clients’ key makes nobody a replica', async () => {
    const asReplica = { clients: KEYS.clients, replicas: KEYS.clients };
    const { here, there } = await inVain({ tls: true }, { tls: true, keys: asReplica });
    expect([here.code, there.code]).toEqual([ErrorCode.tls, ErrorCode.tls]);
  });
});

describe('a certificate', () => {
  it.each([
    ['of another authority', () => theirs.of(1), /not of the authority/],
    ['that has expired', () => ours.of(1, -1), /has expired/],
    ['of another replica', () => ours.of(3), /names replica 3; .*URI:indelible:replica:1/],
    ['of no replica', () => ours.issue(['DNS:localhost']), /names no replica/],
  ])('%s lets no replica in, and both ends say why', async (_, of, why) => {
    const { here, there } = await inVain({ tls: ours.of(2) }, { tls: { ...of(), ca: ours.certificate } });
    expect(there).toMatchObject({ message: expect.stringMatching(why), code: ErrorCode.stranger });
    expect(here).toMatchObject({ message: expect.stringMatching(why), code: ErrorCode.stranger });
  });

  it.each([
    ['of another authority', () => theirs.of(2), /not of the authority/],
    ['that has expired', () => ours.of(2, -1), /has expired/],
    ['of another replica', () => ours.of(3), /names replica 3; .*URI:indelible:replica:2/],
    ['of no replica', () => ours.issue(['DNS:localhost']), /names no replica/],
  ])('%s is not believed of who answers', async (_, of, why) => {
    const { here, there } = await inVain({ tls: { ...of(), ca: ours.certificate } }, { tls: ours.of(1) });
    expect(here).toMatchObject(tls(why));
    expect(there.message).toMatch(/may not accept the certificate here/);
  });

  it('is not needed of a client, but what it shows must be right', async () => {
    const at = await place();
    const { address } = await listening(at, { tls: ours.of(2) });
    await isAnswered(await ask(address, { ca: ours.certificate }, 2));
    await isAnswered(await ask(address, ours.issue(['DNS:client.example']), 2));
    const wrong = ask(address, { ...theirs.issue([]), ca: ours.certificate }, 2);
    await expect(wrong).rejects.toMatchObject({ code: ErrorCode.stranger });
    const keyless = ask(address, { ca: ours.certificate }, 2, OTHER_KEYS.clients);
    await expect(keyless).rejects.toMatchObject({ code: ErrorCode.stranger });
  });

  it('that is none is refused before anything is opened', () => {
    const argument = expect.objectContaining({ code: ErrorCode.argument });
    const { cert, ca } = ours.of(1);
    expect(() => new CertificateSockets({ cert: 'x', key: 'x', ca })).toThrow(argument);
    expect(() => new CertificateSockets({ cert, key: ours.of(1).key, ca })).toThrow(argument);
  });

  it('is renewed without a connection that ends, and the old authority is not taken any more', async () => {
    const at = await place();
    const [mine, yours] = [new CertificateSockets(ours.of(1)), new CertificateSockets(ours.of(2))];
    const { address, witness } = await listening(at, {}, { sockets: yours });
    const transport: TcpTransport = at.transport(1, { sockets: mine });
    await transport.start(new Witness());
    ends.push(() => transport.close());
    await until(at, () => witness.ups === 1);
    const open = await ask(address, { ca: ours.certificate }, 2);
    yours.renew(theirs.of(2));
    mine.renew(theirs.of(1));
    expect(() => yours.renew({ ca: '', cert: 'none', key: 'none' })).toThrow(/cannot be used/);
    await expect(ask(address, { ca: ours.certificate }, 2)).rejects.toMatchObject(tls(/authority/));
    await isAnswered(await ask(address, { ca: theirs.certificate }, 2));
    await isAnswered(open);
    expect([witness.ups, witness.downs]).toEqual([1, 0]);
  });
});

describe('who calls', () => {
  it('says nothing to who has no certificate that it accepts', async () => {
    const { cert, key } = theirs.of(2);
    let bytes = 0;
    let ended: () => void = () => {};
    const over = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const server = createServer({ cert, key, minVersion: 'TLSv1.3' }, (socket) => {
      socket.on('data', (chunk) => {
        bytes += chunk.length;
      });
      socket.on('error', () => {});
      socket.on('close', ended);
    });
    server.on('tlsClientError', ended);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => server.close(resolve)));
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    await expect(ask(address, { ca: ours.certificate }, 2)).rejects.toMatchObject(tls(/authority/));
    await over;
    expect(bytes).toBe(0);
  });

  it('and is passed on by somebody in between proves nothing there, though he has a certificate', async () => {
    const at = await place();
    const { address } = await listening(at, { tls: ours.of(2) });
    const { cert, key } = ours.of(2);
    // He is believed by the client, opens a connection of his own, and passes every byte on.
    const between = createServer({ cert, key, minVersion: 'TLSv1.3' }, (socket) => {
      const [host, port] = address.split(':') as [string, string];
      const onward = tlsConnect({
        host,
        port: Number(port),
        ca: ours.certificate,
        checkServerIdentity: () => undefined,
      });
      socket.pipe(onward).pipe(socket);
      for (const each of [socket, onward]) each.on('error', () => {});
      socket.on('close', () => onward.destroy());
      onward.on('close', () => socket.destroy());
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => between.close(resolve)));
    const his = `127.0.0.1:${(between.address() as { port: number }).port}`;
    const asked = ask(his, { ca: ours.certificate }, 2);
    await expect(asked).rejects.toMatchObject({ code: ErrorCode.stranger, message: /key/ });
  });

  it('is told so by who speaks something else', async () => {
    const server = createPlainServer((socket) => socket.resume().end('SSH-2.0-OpenSSH_9.2\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => server.close(resolve)));
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    await expect(ask(address, true)).rejects.toMatchObject(tls(/no TLS is spoken there/));
  });
});
