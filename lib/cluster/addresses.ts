/**
 * Addresses on the command line, and those that a cluster on one machine gives itself.
 */
import path from 'node:path';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { REPLICA_ID_MAX } from '../limits.js';
import { type Address, formatAddress, parseAddress } from '../transport/address.js';
import type { ReplicaId } from '../types.js';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;

/** @throws RangeError naming `what` unless the text is a port from 1 to 65535 */
export function parsePort(text: string, what: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= PORT_MAX) return port;
  throw argumentError(`${what} must be a port from 1 to ${PORT_MAX}, not ${JSON.stringify(text)}`);
}

/** @throws RangeError naming `what` unless the text is host:port, an IPv6 host in brackets */
export function parseHostPort(text: string, what: string): HostPort {
  const address = parsePeerAddress(text, what);
  if ('host' in address && address.port > 0) return address;
  throw argumentError(`${what} must be host:port, not ${JSON.stringify(text)}`);
}

/** @throws RangeError naming `what` unless the text is host:port, or unix:/path */
export function parsePeerAddress(text: string, what: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    throw argumentError(`${what}: ${(error as Error).message}`);
  }
}

/** @throws RangeError naming `what` unless the text is an address that peers can listen on */
export function checkPeerAddress(text: string, what: string): string {
  return formatAddress(parsePeerAddress(text, what));
}

/**
 * Reads `1=host:port,2=host:port,…`.
 * @throws RangeError for anything else, and for an id that comes twice
 */
export function parsePeers(text: string, what: string): ReadonlyMap<ReplicaId, string> {
  const peers = new Map<ReplicaId, string>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,5})=(.+)$/.exec(part.trim());
    const id = Number(match?.[1]);
    if (match === null || !(id >= 1 && id <= REPLICA_ID_MAX)) {
      throw argumentError(`${what} must be ID=host:port,ID=host:port,…, not ${JSON.stringify(part)}`);
    }
    if (peers.has(id)) throw argumentError(`${what} names replica ${id} twice`);
    peers.set(id, checkPeerAddress(match[2] ?? '', `the address of replica ${id}`));
  }
  return peers;
}

/** Where the replicas of a cluster on one machine listen. */
export interface ReplicaAddresses {
  readonly id: ReplicaId;
  readonly redis: HostPort;
  readonly peer: Address;
  /** Where metrics and health are told; undefined: nowhere. */
  readonly http?: HostPort;
}

/** What is not for clients is on loopback, whatever those are let in on. */
const OWN_HOST = '127.0.0.1';

/** HTTP ports are this far above the Redis ports or, where there are any, above the peer ports. */
const HTTP_ABOVE_REDIS = 300;
const HTTP_ABOVE_PEERS = 200;

/** Where peers meet: on loopback, from a port on, or on Unix sockets in a directory. */
export type Meeting = { readonly peerPort: number } | { readonly place: string };

/** Where the ports of replica 1 are; those of the others follow. */
export interface PortBases {
  readonly port: number;
  readonly meeting: Meeting;
  /** 0: none. Undefined: 200 above the peer port; without one, 300 above the Redis port. */
  readonly httpPort?: number | undefined;
}

/**
 * Replica i listens for clients on `listen`:(port + i − 1), and for HTTP on loopback; for peers on loopback
 * too, or on a Unix socket. So a replica keeps its ports when others come and go.
 * @param ids at least one
 * @throws RangeError when a port would be above 65535, or be two
 */
export function clusterAddresses(
  ids: readonly ReplicaId[],
  listen: string,
  { port, meeting, httpPort = httpPortFor(port, meeting) }: PortBases,
): readonly ReplicaAddresses[] {
  const [lowest, highest] = [Math.min(...ids), Math.max(...ids)];
  const count = highest - lowest + 1;
  const bases = [
    ['--port', port],
    ...('place' in meeting ? [] : [['--peer-port', meeting.peerPort] as const]),
    ...(httpPort === 0 ? [] : [['--http-port', httpPort] as const]),
  ] as const;
  for (const [index, [flag, base]] of bases.entries()) {
    if (base + highest - 1 > PORT_MAX) throw argumentError(`${flag} ${base} leaves no ${highest} ports`);
    for (const [otherFlag, other] of bases.slice(0, index)) {
      if (Math.abs(base - other) >= count) continue;
      throw argumentError(
        `${otherFlag} ${other} and ${flag} ${base} overlap: each takes ${count} ports in a row`,
      );
    }
  }
  return ids.map((id) => ({
    id,
    redis: { host: listen, port: port + id - 1 },
    peer:
      'place' in meeting
        ? { path: socketIn(meeting.place, id) }
        : { host: OWN_HOST, port: meeting.peerPort + id - 1 },
    ...(httpPort === 0 ? {} : { http: { host: OWN_HOST, port: httpPort + id - 1 } }),
  }));
}

/** The Unix socket of a replica in the directory where peers meet. */
export function socketIn(place: string, id: ReplicaId): string {
  return path.join(place, `replica-${id}`);
}

function httpPortFor(port: number, meeting: Meeting): number {
  return 'place' in meeting ? port + HTTP_ABOVE_REDIS : meeting.peerPort + HTTP_ABOVE_PEERS;
}

/** The sentence of a failed bind. */
export function bindError(address: Address, what: string, cause: unknown): IndelibleError {
  const code = (cause as NodeJS.ErrnoException).code;
  const where = formatAddress(address);
  const host = 'host' in address ? address.host : where;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `${what}: another process listens on ${where} already`,
    EADDRNOTAVAIL: `${what}: ${host} is not an address of this machine`,
    EACCES: `${what}: this user may not listen on ${where}`,
    ENOTFOUND: `${what}: the name ${host} is unknown`,
  };
  const message = (code !== undefined && reasons[code]) || `${what}: cannot listen on ${where}`;
  return new IndelibleError(ErrorCode.network, message, { cause, path: where });
}
