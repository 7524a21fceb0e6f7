/**
 * The Redis-protocol front end of one replica: a TCP port whose commands go to a `Service`.
 *
 * 1. A write that was answered as done is durable at a quorum and applied; one that was not gets one of two
 *    errors: `-TRYAGAIN not executed: …` (never will be) or `-UNKNOWN outcome: …` (may or may not be).
 * 2. Replies are in the order of the requests; memory for one client is bounded by the options.
 */
import { randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import type { Users } from './acl/users.js';
import { AuthDelays } from './server/auth-delays.js';
import { Connection } from './server/connection.js';
import { Counters } from './server/counters.js';
import { type KvServerOptions, type KvServerSettings, settingsOf } from './server/options.js';
import type { Session, SessionHost } from './server/session.js';
import { type KvTls, type TlsPort, tlsPort } from './server/tls.js';
import { HASH_KEY_BYTES } from './store/hash-key.js';

export type { KvServerOptions, KvServerStatus } from './server/options.js';
export type { KvTls } from './server/tls.js';

/** How long `close` waits for clients to be answered and to read, in milliseconds. */
const CLOSE_GRACE_MS = 2000;
/** How often clients are looked at that may be idle, in milliseconds. */
const SWEEP_MS = 1000;

export interface KvServer {
  /** The port that is listened on, also where 0 was asked for. */
  readonly port: number;
  readonly host: string;
  /** Clients connected now. */
  readonly clients: number;
  /** Since it was opened, or since CONFIG RESETSTAT. */
  readonly counters: Readonly<Counters>;
  /**
   * Replaces the certificates for clients that connect from now on; those that are connected go on.
   * @throws RangeError for certificates that cannot be used, and of a port without TLS: nothing changes then
   */
  useCertificates(tls: KvTls): void;
  /**
   * Replaces the users. Clients whose user is gone, or may do something else or has other passwords now, are
   * answered what they sent before, and closed; the others go on.
   */
  useUsers(users: Users): void;
  /** Accepts nobody any more, answers what is under way, at most two seconds long, and closes. */
  close(): Promise<void>;
}

/**
 * Opens the port.
 * @throws RangeError ERR_INDELIBLE_ARGUMENT for an option out of bounds; ERR_INDELIBLE_NETWORK if the port
 * cannot be bound.
 */
export async function createKvServer(options: KvServerOptions): Promise<KvServer> {
  const server = new KvPort(settingsOf(options));
  await server.listen();
  return server;
}

class KvPort implements KvServer, SessionHost {
  readonly settings: KvServerSettings;
  readonly startedMs: number = performance.now();
  readonly runId: string = randomBytes(20).toString('hex');
  readonly counters: Counters = new Counters();
  readonly authDelays: AuthDelays = new AuthDelays();
  readonly hashKey: Buffer = randomBytes(HASH_KEY_BYTES);
  isKeyWanted = true;
  users: Users;
  readonly #server: Server;
  readonly #tls: TlsPort | undefined = undefined;
  readonly #connections: Map<number, Connection> = new Map();
  #port = 0;
  #nextId = 1;
  /** Looks for idle clients. */
  #sweep: NodeJS.Timeout | undefined = undefined;
  /** Called when a connection is gone. */
  #emptied: () => void = () => {};
  #closed: Promise<void> | undefined = undefined;

  constructor(settings: KvServerSettings) {
    this.settings = settings;
    this.users = settings.users;
    const { tls, clientsMax, onRefused } = settings;
    const accept = (socket: Socket): void => this.#accept(socket);
    if (tls === undefined) this.#server = createServer({ allowHalfOpen: true }, accept);
    else {
      this.#tls = tlsPort(tls, clientsMax, (remote, error) => {
        this.counters.rejected++;
        onRefused(remote, error);
      });
      this.#server = this.#tls.server.on('secureConnection', accept);
    }
  }

  get port(): number {
    return this.#port;
  }

  get host(): string {
    return this.settings.host;
  }

  get clients(): number {
    return this.#connections.size;
  }

  session(id: number): Session | undefined {
    return this.#connections.get(id);
  }

  get sessions(): Iterable<Session> {
    return this.#connections.values();
  }

  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  executed(): void {
    this.isKeyWanted = false;
  }

  listen(): Promise<void> {
    const { host, port } = this.settings;
    return new Promise((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException): void => reject(bindError(error, host, port));
      this.#server.once('error', refused);
      this.#server.listen({ host, port, backlog: 511 }, () => {
        this.#server.off('error', refused);
        // A client that could not be accepted, as when files run out: the others go on.
        this.#server.on('error', () => this.counters.rejected++);
        this.#port = (this.#server.address() as AddressInfo).port;
        this.#watchIdle();
        resolve();
      });
    });
  }

  useCertificates(tls: KvTls): void {
    if (this.#tls === undefined)
      throw argumentError('this Redis port was opened without TLS: start it with it');
    this.#tls.renew(tls);
  }

  useUsers(users: Users): void {
    this.users = users;
    for (const connection of this.#connections.values()) connection.checkUser();
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const timer = setTimeout(() => {
        for (const connection of this.#connections.values()) connection.destroy();
      }, CLOSE_GRACE_MS);
      // The server is closed before the last of its sockets says that it is.
      const done = (): void => {
        if (this.#server.listening || this.#connections.size > 0) return;
        clearTimeout(timer);
        resolve();
      };
      this.#emptied = done;
      clearInterval(this.#sweep);
      this.#server.close(done);
      this.#tls?.dropStrangers();
      for (const connection of this.#connections.values()) connection.quit();
    });
    return this.#closed;
  }

  #watchIdle(): void {
    const { timeoutSeconds } = this.settings;
    if (timeoutSeconds === 0) return;
    this.#sweep = setInterval(() => {
      const sinceMs = this.monotonicMs() - timeoutSeconds * 1000;
      for (const connection of this.#connections.values()) connection.closeIdle(sinceMs);
    }, SWEEP_MS).unref();
  }

  #accept(socket: Socket): void {
    this.counters.connections++;
    if (this.#connections.size >= this.settings.clientsMax) {
      this.counters.rejected++;
      socket.on('error', () => socket.destroy());
      socket.write('-ERR max number of clients reached\r\n');
      socket.destroySoon();
      return;
    }
    const connection = new Connection(this.#nextId++, socket, this);
    this.#connections.set(connection.id, connection);
    socket.on('close', () => {
      this.#connections.delete(connection.id);
      this.#emptied();
    });
  }
}

function bindError(error: NodeJS.ErrnoException, host: string, port: number): IndelibleError {
  const path = `${host}:${port}`;
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'it is in use: stop what listens there, or choose another port',
    EACCES: 'permission denied: ports below 1024 need a privilege',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'no such host',
  };
  const reason = why[error.code ?? ''] ?? error.message;
  return new IndelibleError(ErrorCode.network, `cannot listen on ${path}: ${reason}`, { cause: error, path });
}
