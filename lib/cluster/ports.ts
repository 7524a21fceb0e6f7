/** Whether the ports and sockets of a cluster are free, asked before anything is formatted or started. */
import net from 'node:net';
import type { Address } from '../transport/address.js';
import { bindError, type HostPort, type ReplicaAddresses } from './addresses.js';

function probe(address: HostPort, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error) => reject(bindError(address, what, error)));
    server.listen({ host: address.host, port: address.port, exclusive: true }, () => {
      server.close(() => resolve());
    });
  });
}

/** A socket that nobody listens on is in nobody's way: whoever listens replaces it. */
function probePeers(address: Address, what: string): Promise<void> {
  if ('host' in address) return probe(address, what);
  return new Promise((resolve, reject) => {
    const socket = net.connect(address.path);
    socket.once('connect', () => {
      socket.destroy();
      reject(bindError(address, what, Object.assign(new Error('in use'), { code: 'EADDRINUSE' })));
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve();
      else reject(bindError(address, what, error));
    });
  });
}

/** @throws ERR_INDELIBLE_NETWORK for the first port or socket that cannot be bound now */
export async function checkPortsFree(addresses: readonly ReplicaAddresses[]): Promise<void> {
  for (const { id, redis, peer, http } of addresses) {
    await probe(redis, `Redis port of replica ${id}`);
    await probePeers(peer, `peer port of replica ${id}`);
    if (http !== undefined) await probe(http, `HTTP port of replica ${id}`);
  }
}
