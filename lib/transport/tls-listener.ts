/**
 * A listening socket on which TLS is agreed on before a connection is handed over.
 *
 * 1. A handshake takes a bounded time; those under way can be counted and dropped, the oldest
 *    first, so that strangers who begin many keep nobody out.
 * 2. Why one failed is told once, with the caller's address.
 */
import type { Socket as NetSocket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { IndelibleError } from '../errors.js';
import { type Handshakes, type Listener, listenWith } from './listener.js';
import { socketError, tlsError } from './socket-error.js';

export interface TlsListener extends Listener {
  /** Connections opened from now on have these. @throws what OpenSSL says of them */
  renew(options: TlsOptions): void;
}

export async function listenTls(
  text: string,
  options: TlsOptions & { readonly handshakeTimeout: number },
  onSocket: (socket: TLSSocket) => void,
): Promise<TlsListener> {
  const server = createServer(options);
  const handshakes = new HandshakesUnderWay();
  server.prependListener('connection', (socket: NetSocket) => handshakes.began(socket));
  server.on('secureConnection', (socket) => {
    handshakes.ended(socket);
    onSocket(socket);
  });
  server.on('tlsClientError', (cause, socket) => {
    handshakes.failed(socket, cause);
    // One whose time is up stays open otherwise.
    socket.destroy();
  });
  const listener = await listenWith(server, text);
  return Object.assign(listener, { handshakes, renew: (next: TlsOptions) => server.setSecureContext(next) });
}

class HandshakesUnderWay implements Handshakes {
  onBegin: () => void = () => {};
  onFailed: (remote: string, error: IndelibleError) => void = () => {};
  /** By the addresses of both ends: TLS hands over another object than the system did. */
  private readonly sockets = new Map<string, NetSocket>();

  get count(): number {
    return this.sockets.size;
  }

  dropOldest(): void {
    const [socket] = this.sockets.values();
    if (socket === undefined) return;
    this.fail(nameOf(socket), remoteOf(socket), 'others needed the place before TLS was agreed on');
    socket.destroy();
  }

  began(socket: NetSocket): void {
    const name = nameOf(socket);
    const remote = remoteOf(socket);
    this.sockets.set(name, socket);
    const hangUp = 'it hung up before TLS was agreed on: it may not accept the certificate here';
    socket.once('close', () => this.fail(name, remote, hangUp));
    this.onBegin();
  }

  ended(socket: NetSocket): void {
    this.sockets.delete(nameOf(socket));
  }

  /** One that is closed already has no addresses any more, and was told of as such. */
  failed(socket: NetSocket, cause: Error): void {
    this.fail(nameOf(socket), remoteOf(socket), cause);
  }

  private fail(name: string, remote: string, why: Error | string): void {
    if (!this.sockets.delete(name)) return;
    this.onFailed(remote, typeof why === 'string' ? tlsError(remote, why) : socketError(remote, why));
  }
}

function remoteOf({ remoteAddress, remotePort }: NetSocket): string {
  return `${remoteAddress}:${remotePort}`;
}

function nameOf(socket: NetSocket): string {
  return `${remoteOf(socket)} ${socket.localAddress}:${socket.localPort}`;
}
