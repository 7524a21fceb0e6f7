/** The HTTP port takes what it is meant for, bounded, and nothing else. */
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  HTTP_CONNECTIONS_MAX,
  type HttpPort,
  listenHttp,
  plain,
  type Route,
} from '../../lib/http/http-port.js';
import { checkHttpAddress } from '../../lib/http/replica-http.js';

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/secret', { answer: ({ url }) => plain(200, `secret ${url.searchParams.get('x') ?? ''}\n`) }],
  ['/open', { isOpen: true, answer: () => plain(200, 'open\n') }],
  [
    '/broken',
    {
      answer: () => {
        throw new Error('a bug');
      },
    },
  ],
]);
const TOKEN = 'correct horse battery staple';

let port: HttpPort;
afterEach(() => port.close());

async function open(token?: string): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  port = await listenHttp({ host: '127.0.0.1', port: 0, token, routes: ROUTES });
  return (path, init) => fetch(`http://127.0.0.1:${port.port}${path}`, init);
}

/** What comes back for these very bytes, until the connection ends. */
function said(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}

describe('an HTTP port', () => {
  it('answers GET and HEAD of what is there', async () => {
    const get = await open();
    const answer = await get('/secret?x=7');
    expect([answer.status, await answer.text()]).toEqual([200, 'secret 7\n']);
    const head = await get('/secret', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '8', '']);
    expect((await get('/other')).status).toBe(404);
    expect((await get('/../etc/passwd')).status).toBe(404);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    const get = await open();
    const answer = await get('/open', { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('refuses a request with a body', async () => {
    await open();
    const host = `Host: 127.0.0.1:${port.port}`;
    expect(await said(`GET /open HTTP/1.1\r\n${host}\r\nContent-Length: 5\r\n\r\nhello`)).toMatch(/ 400 /);
  });

  it('refuses headers beyond 8 KiB, and what is not HTTP', async () => {
    await open();
    expect(await said(`GET /open HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(9000)}\r\n\r\n`)).toMatch(
      / 431 /,
    );
    expect(await said('\u0000\u0001 nonsense\r\n\r\n')).toMatch(/ 400 /);
  });

  it('tells a page of a stranger nothing, whose name has come to mean this machine', async () => {
    await open();
    const ask = (host: string): Promise<string> =>
      said(`GET /open HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await ask('evil.example')).toMatch(/ 421 /);
    for (const name of ['localhost', `localhost:${port.port}`, '127.0.0.1', `[::1]:${port.port}`]) {
      expect(await ask(name)).toMatch(/ 200 OK/);
    }
  });

  it('asks for its token, but where it tells nothing of weight', async () => {
    const get = await open(TOKEN);
    const statusWith = async (authorization: string, path = '/secret'): Promise<number> =>
      (await get(path, { headers: { authorization } })).status;
    const missing = await get('/secret');
    expect([missing.status, missing.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Basic /),
    ]);
    const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
    expect((await get('/open')).status).toBe(200);
    expect((await get('/open?verbose')).status).toBe(401);
    expect(await statusWith(basic(`anybody:${TOKEN}`))).toBe(200);
    expect(await statusWith(basic(`anybody:${TOKEN}.`))).toBe(401);
    expect(await statusWith(basic(TOKEN))).toBe(401);
    expect(await statusWith(`Bearer ${TOKEN.slice(1)}`)).toBe(401);
    await port.close();
    const again = await open('0123456789abcdef');
    expect((await again('/secret', { headers: { authorization: 'Bearer 0123456789abcdef' } })).status).toBe(
      200,
    );
  });

  it('answers 500 for a bug of its own, and goes on', async () => {
    const get = await open();
    expect((await get('/broken')).status).toBe(500);
    expect((await get('/open')).status).toBe(200);
  });

  it('lets no more connections in than it counts descriptors for', async () => {
    await open();
    const sockets = Array.from({ length: HTTP_CONNECTIONS_MAX }, () => net.connect(port.port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    expect(await said('GET /open HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('');
    for (const socket of sockets) socket.destroy();
  });

  it('says who else listens there', async () => {
    await open();
    const second = listenHttp({ host: '127.0.0.1', port: port.port, routes: ROUTES });
    await expect(second).rejects.toMatchObject({
      code: 'ERR_INDELIBLE_NETWORK',
      message: expect.stringMatching(/another process listens there/),
    });
  });
});

describe('the address of an HTTP port', () => {
  it('is on a network only with a token, or when that was said', async () => {
    port = await listenHttp({ host: '127.0.0.1', port: 0, routes: ROUTES });
    const check = (host: string, options: object) => () => checkHttpAddress({ host, port: 7301 }, options);
    expect(check('10.0.0.1', {})).toThrow(/--http-token-file.*--insecure-http/);
    expect(check('0.0.0.0', {})).toThrow(/over the network/);
    expect(check('10.0.0.1', { token: TOKEN })).not.toThrow();
    expect(check('10.0.0.1', { insecure: true })).not.toThrow();
    expect(check('127.0.0.1', {})).not.toThrow();
    expect(check('127.0.0.1', { token: 'short' })).toThrow(/at least 16 characters/);
  });
});
