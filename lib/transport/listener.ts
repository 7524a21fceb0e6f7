/**
 * A listening socket: bound with a clear error, and for a Unix socket without falling over what a killed
 * process left behind.
 *
 * 1. A Unix socket that somebody listens on is never taken away; one that nobody listens on is replaced.
 */
import { rm } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Address } from './address.js';
import { formatAddress, parseAddress } from './address.js';

export interface Listener {
  /** Most connections at a time; those beyond are closed by the system. */
  connectionsMax: number;
  /** A connection that somebody opened could not be taken. */
  onError: (error: Error) => void;
  /** Where it listens: the address asked for, with the port that was really bound. */
  readonly address: string;
  /** Where TLS comes before anything else: the connections on which it is not agreed on yet. */
  readonly handshakes?: Handshakes;
  /** Takes no more; resolves when every connection it took has ended. */
  close(): Promise<void>;
}

export interface Handshakes {
  readonly count: number;
  onBegin: () => void;
  onFailed: (remote: string, error: IndelibleError) => void;
  dropOldest(): void;
}

/** @throws ERR_INDELIBLE_NETWORK when the address cannot be bound; the cause is the system's error. */
export function listen(text: string, onSocket: (socket: Socket) => void): Promise<Listener> {
  return listenWith(createServer(onSocket), text);
}

/** The same for a server that is there. */
export async function listenWith(server: Server, text: string): Promise<Listener> {
  const address = parseAddress(text);
  try {
    await bind(server, address);
  } catch (error) {
    if (!('path' in address) || !isInUse(error) || !(await isDeserted(address.path))) {
      throw bindError(text, error);
    }
    await rm(address.path, { force: true });
    await bind(server, address).catch((again: unknown) => {
      throw bindError(text, again);
    });
  }
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : undefined;
  const host = 'host' in address ? address.host : '';
  return new SystemListener(server, port === undefined ? text : formatAddress({ host, port }));
}

class SystemListener implements Listener {
  readonly address: string;
  onError: (error: Error) => void = () => {};
  private readonly server: Server;

  constructor(server: Server, address: string) {
    this.server = server;
    this.address = address;
    server.on('error', (error) => this.onError(error));
  }

  get connectionsMax(): number {
    return this.server.maxConnections;
  }
  set connectionsMax(max: number) {
    this.server.maxConnections = max;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

function bind(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function isInUse(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
}

function isDeserted(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

function bindError(text: string, cause: unknown): IndelibleError {
  const why = isInUse(cause) ? 'somebody else listens there' : (cause as Error).message;
  return new IndelibleError(ErrorCode.network, `cannot listen on ${text}: ${why}`, { cause, path: text });
}
