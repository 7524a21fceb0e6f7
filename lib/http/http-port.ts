/**
 * A small HTTP server for what operators and their programs ask: it answers GET and HEAD, and nothing else.
 *
 * 1. What comes in is bounded: connections, the length and time of a request, no bodies. What it holds up is
 *    its own connection.
 * 2. On loopback it answers only who names this machine: a page of a stranger, whose name has come to mean
 *    127.0.0.1, reads nothing.
 * 3. With a token, it tells nothing but `open` routes to who does not give it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { ErrorCode, IndelibleError } from '../errors.js';
import { formatAddress, isOfThisMachine } from '../transport/address.js';
import { isAllowed } from './credentials.js';

/** Connections at a time: scrapers, probes, and some open pages. */
export const HTTP_CONNECTIONS_MAX = 32;
const HEADER_BYTES_MAX = 8192;
const REQUEST_MS_MAX = 5000;
/** A connection on which nothing has happened for this long is closed, in milliseconds. */
const IDLE_MS_MAX = 15_000;

export interface Asked {
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  /** Answered without the token, too. */
  readonly isOpen?: boolean;
  /** Undefined: it answers by itself, on `response`. */
  readonly answer: (asked: Asked) => Answer | undefined | Promise<Answer | undefined>;
}

export interface HttpPortOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly token?: string | undefined;
  /** {@link HTTP_CONNECTIONS_MAX} by default, which is the most. */
  readonly connectionsMax?: number | undefined;
  /** By path, as `/metrics`. */
  readonly routes: ReadonlyMap<string, Route>;
}

/** An HTTP port that is open. */
export interface HttpPort {
  /** As it was asked for. */
  readonly host: string;
  /** The port that was really bound. */
  readonly port: number;
  /** Ends every connection, and resolves when nobody listens any more. */
  close(): Promise<void>;
}

const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** @throws ERR_INDELIBLE_NETWORK when the address cannot be bound */
export async function listenHttp(options: HttpPortOptions): Promise<HttpPort> {
  const bounds = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: REQUEST_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: REQUEST_MS_MAX,
    connectionsCheckingInterval: 1000,
  };
  const server = createServer(bounds, (request, response) => {
    void respond(options, request, response);
  });
  server.maxConnections = Math.min(options.connectionsMax ?? HTTP_CONNECTIONS_MAX, HTTP_CONNECTIONS_MAX);
  server.setTimeout(IDLE_MS_MAX);
  await listen(server, options);
  // A connection that could not be accepted is its caller's loss alone.
  server.on('error', () => {});
  const { port } = server.address() as AddressInfo;
  return { host: options.host, port, close: () => closed(server) };
}

function listen(server: Server, { host, port }: HttpPortOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const path = formatAddress({ host, port });
      const why = cause.code === 'EADDRINUSE' ? 'another process listens there already' : cause.message;
      const sentence = `the HTTP port cannot listen on ${path}: ${why}`;
      reject(new IndelibleError(ErrorCode.network, sentence, { cause, path }));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function respond(
  options: HttpPortOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answer: Answer | undefined;
  try {
    answer = await answerTo(options, request, response);
  } catch (error) {
    answer = plain(500, `${(error as Error).message}\n`);
  }
  if (answer === undefined || response.destroyed) return;
  const { status, type, body, headers } = answer;
  if (status >= 400) response.setHeader('connection', 'close');
  const length = String(Buffer.byteLength(body));
  response.writeHead(status, { ...HEADERS, 'content-type': type, 'content-length': length, ...headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function answerTo(
  { host, token, routes }: HttpPortOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Answer | undefined | Promise<Answer | undefined> {
  const { method, headers } = request;
  if (method !== 'GET' && method !== 'HEAD') {
    return { ...plain(405, 'only GET and HEAD are answered\n'), headers: { allow: 'GET, HEAD' } };
  }
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
  if (hasBody) return plain(400, 'a request has no body\n');
  if (isOfThisMachine({ host, port: 0 }) && !namesThisMachine(headers.host)) {
    return plain(421, 'this port answers who names this machine: 127.0.0.1, [::1] or localhost\n');
  }
  const url = urlOf(request.url);
  const route = url === undefined ? undefined : routes.get(url.pathname);
  if (url === undefined || route === undefined) {
    return plain(404, `there is ${[...routes.keys()].join(', ')}\n`);
  }
  const isOpen = route.isOpen === true && url.search === '';
  if (!isOpen && !isAllowed(headers.authorization, token)) {
    const header = { 'www-authenticate': 'Basic realm="indelible", charset="UTF-8"' };
    return { ...plain(401, 'the token is missing: a bearer token, or the password\n'), headers: header };
  }
  return route.answer({ url, request, response });
}

/** The name in a Host header is one that can mean nothing but this machine. */
function namesThisMachine(header: string | undefined): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(header ?? '')?.[1]?.toLowerCase() ?? '';
  const bare = name.replace(/^\[|\]$/g, '');
  return bare === 'localhost' || isIP(bare) !== 0;
}

/** Undefined for what is none. */
function urlOf(text = ''): URL | undefined {
  try {
    return text.startsWith('/') ? new URL(text, 'http://localhost') : undefined;
  } catch {
    return undefined;
  }
}

/** A few words. */
export function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}
