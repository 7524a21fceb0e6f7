/**
 * A program for listener.integration.test.ts, started with few file descriptors: opens connections to its own
 * transport until the system has none left, closes them, and sees whether the transport still answers.
 */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Exchange } from '../../lib/transport/exchange.js';
import { clusterKeys, newClusterKey } from '../../lib/transport/proof.js';
import { TcpTransport } from '../../lib/transport/tcp.js';

const address = `unix:${process.argv[2]}/replica-1`;
const uuid = '1'.repeat(32);
const keys = clusterKeys(newClusterKey());
const silent = (): void => {};

const transport = new TcpTransport({
  identity: { clusterId: uuid, replicaId: 1, storeUuid: uuid },
  configuration: { number: 1, members: [{ id: 1, storeUuid: uuid }] },
  listen: address,
  keys,
  addresses: new Map([[1, address]]),
  onClient: silent,
});
await transport.start({
  message: silent,
  settled: silent,
  peerUp: silent,
  peerDown: silent,
  roomAgain: silent,
});

let used = false;
const sockets: Socket[] = [];
while (!used) {
  const socket = connect({ path: address.slice('unix:'.length) });
  socket.on('error', () => {
    used = true;
  });
  sockets.push(socket);
  await turn();
}
for (const socket of sockets) socket.destroy();
let alive: Exchange | undefined;
while (alive === undefined)
  alive = await Exchange.connect({ address, key: keys.clients }).catch(() => undefined);
alive.close();
await transport.close();
console.log(`${sockets.length > 5 ? 'many' : 'few'} connections, then alive`);
