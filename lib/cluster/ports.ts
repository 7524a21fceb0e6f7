/** Whether the ports of a cluster are free, asked before anything is formatted or started. */
import net from 'node:net';
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

/** @throws ERR_INDELIBLE_NETWORK for the first port that cannot be bound now */
export async function checkPortsFree(addresses: readonly ReplicaAddresses[]): Promise<void> {
  for (const { id, redis, peer, http } of addresses) {
    await probe(redis, `Redis port of replica ${id}`);
    await probe(peer, `peer port of replica ${id}`);
    if (http !== undefined) await probe(http, `HTTP port of replica ${id}`);
  }
}
