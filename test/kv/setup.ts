/** A key-value port over a local service, with clients of it; all closed by {@link closeAll}. */
import { Redis } from 'ioredis';
import { createKvServer, type KvServer, type KvServerOptions } from '../../lib/kv/server.js';
import { KvStateMachine } from '../../lib/kv/state-machine.js';
import { RawClient } from './client.js';
import { LocalService } from './local-service.js';

export interface Setup {
  readonly server: KvServer;
  readonly service: LocalService;
  readonly machine: KvStateMachine;
}

export const OK = '+OK\r\n';

const clients: RawClient[] = [];
const redises: Redis[] = [];
const servers: KvServer[] = [];

export async function closeAll(): Promise<void> {
  for (const client of clients.splice(0)) client.close();
  for (const redis of redises.splice(0)) redis.disconnect();
  await Promise.all(servers.splice(0).map((server) => server.close()));
}

export async function start(options: Partial<KvServerOptions> = {}): Promise<Setup> {
  const machine = new KvStateMachine();
  const service = new LocalService(machine);
  const server = await createKvServer({
    service,
    port: 0,
    statistics: (nowMs) => machine.statisticsAt(nowMs),
    status: () => ({
      replicaId: 2,
      role: 'follower',
      leaderId: 1,
      replicas: 3,
      chosenSlot: 9,
      appliedSlot: 8,
      durability: 'process',
    }),
    ...options,
  });
  servers.push(server);
  return { server, service, machine };
}

export function raw(setup: Setup): RawClient {
  const client = new RawClient(setup.server.port);
  clients.push(client);
  return client;
}

export function redis(setup: Setup, options: object = {}): Redis {
  const client = new Redis({
    port: setup.server.port,
    host: '127.0.0.1',
    retryStrategy: () => null,
    ...options,
  });
  redises.push(client);
  return client;
}
