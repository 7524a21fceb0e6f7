/**
 * The Redis port over TLS. A client is handed over when TLS is agreed on; until then it is nobody: bounded in
 * number and time, and closed with the port.
 */
import type { Server, Socket } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { argumentError } from '../../errors.js';

/** In PEM, each the text of one file. */
export interface KvTls {
  readonly cert: string;
  readonly key: string;
  /** Clients must have a certificate of this authority; without it they need none. */
  readonly ca?: string;
}

export interface TlsPort {
  readonly server: Server;
  /** For clients that connect from now on. @throws RangeError, and then the old ones stay */
  renew(tls: KvTls): void;
  /** Closes who has not agreed on TLS yet. */
  dropStrangers(): void;
}

const HANDSHAKE_MS_MAX = 10_000;
/** Connections beyond the most clients, on which TLS is not agreed on yet. */
const HANDSHAKES_MAX = 256;

/** @throws RangeError for certificates that cannot be used */
export function tlsPort(
  tls: KvTls,
  clientsMax: number,
  onRefused: (remote: string, error: Error) => void,
): TlsPort {
  const strangers = new Map<string, Socket>();
  const server = usable(() =>
    createServer({
      allowHalfOpen: true,
      handshakeTimeout: HANDSHAKE_MS_MAX,
      requestCert: tls.ca !== undefined,
      rejectUnauthorized: true,
      ...optionsOf(tls),
    }),
  );
  server.maxConnections = clientsMax + HANDSHAKES_MAX;
  server.prependListener('connection', (socket: Socket) => {
    const name = nameOf(socket);
    strangers.set(name, socket);
    socket.once('close', () => strangers.delete(name));
  });
  server.prependListener('secureConnection', (socket) => strangers.delete(nameOf(socket)));
  server.on('tlsClientError', (error, socket) => {
    const { remoteAddress, remotePort } = socket;
    onRefused(remoteAddress === undefined ? 'who hung up' : `${remoteAddress}:${remotePort}`, error);
    // One whose time is up stays open otherwise.
    socket.destroy();
  });
  return {
    server,
    renew: (next) => {
      if ((next.ca === undefined) !== (tls.ca === undefined)) {
        throw argumentError(
          'whether clients need certificates cannot change while the port is open: restart the replica',
        );
      }
      usable(() => server.setSecureContext(optionsOf(next)));
    },
    dropStrangers: () => {
      for (const socket of strangers.values()) socket.destroy();
    },
  };
}

/** Redis clients of the day speak TLS 1.2 at least. */
function optionsOf({ cert, key, ca }: KvTls): TlsOptions {
  return { minVersion: 'TLSv1.2', cert, key, ...(ca === undefined ? {} : { ca }) };
}

function usable<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw argumentError(`the certificates of the Redis port cannot be used: ${(error as Error).message}`);
  }
}

function nameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress}:${remotePort} ${localAddress}:${localPort}`;
}
