/**
 * A replica put together from its parts, over an open store: host, transport, clients, checkpoints and the
 * way to the leader. `Replica` does it on this process's clocks and sockets, a simulation on its own.
 */
import type { Metric } from '../observe/metric.js';
import { nodeRuntime, type Runtime } from '../runtime.js';
import type { ClusterKeys } from '../transport/proof.js';
import { type Sockets, systemSockets } from '../transport/sockets.js';
import { TcpTransport, type TcpTransportOptions } from '../transport/tcp.js';
import type { ReplicaId } from '../types.js';
import { BackupSources } from './backup-source.js';
import { Checkpoints } from './checkpoints.js';
import { Clients } from './clients.js';
import { DiskWatch } from './disk.js';
import { Forwarder } from './forwarder.js';
import { Host } from './host.js';
import type { HostEvents } from './host-events.js';
import { MemberAddresses } from './member-addresses.js';
import { metricsOf } from './metrics.js';
import { type Tuning, tune } from './options.js';
import { Relays } from './relays.js';
import { SessionTable } from './sessions/session-table.js';
import type { StateMachine } from './state-machine.js';
import { type ReplicaStatus, statusOf } from './status.js';
import type { OpenStore } from './store.js';

export interface AssemblyOptions {
  readonly listen: string;
  readonly peers: ReadonlyMap<ReplicaId, string>;
  readonly stateMachine: StateMachine;
  /** What peers, front ends and clients must have; undefined only where nobody else can reach `listen`. */
  readonly keys: ClusterKeys | undefined;
  readonly tuning?: Partial<Tuning>;
  readonly clientsMax?: number;
}

/** What a replica stands in. */
export interface Place {
  readonly runtime: Runtime;
  readonly sockets: Sockets;
  transport(options: TcpTransportOptions): TcpTransport;
}

export const THIS_PROCESS: Place = {
  runtime: nodeRuntime,
  sockets: systemSockets,
  transport: (options) => new TcpTransport(options),
};

export interface Assembly {
  readonly transport: TcpTransport;
  readonly host: Host;
  readonly addresses: MemberAddresses;
  /** As it was asked for, fitted to the store. */
  readonly tuning: Tuning;
  status(): ReplicaStatus;
  metrics(): readonly Metric[];
}

/** Restores the state and makes the parts; `host.start` joins the peers. @throws RangeError for options */
export function assemble(
  store: OpenStore,
  options: AssemblyOptions,
  events: HostEvents,
  place: Place = THIS_PROCESS,
): Assembly {
  const { log, checkpoints } = store;
  const { stateMachine, listen, peers, keys, clientsMax } = options;
  const { identity } = log;
  const { runtime, sockets } = place;
  const { configuration } = checkpoints.newest.meta;
  const tuning = tune(options.tuning ?? {}, log);
  const addresses = new MemberAddresses(peers, configuration);
  const transport = place.transport({
    identity,
    opening: { ...log.opening, nonce: Math.floor(runtime.random() * 2 ** 53) },
    known: store.known,
    keys,
    configuration,
    listen,
    addresses: addresses.map,
    onClient: (connection) => clients.accept(connection),
    ...(clientsMax === undefined ? {} : { bounds: { clientsMax } }),
    runtime,
    sockets,
  });
  const { clusterId, replicaId: self } = identity;
  const core = (): Host['core'] => host.core;
  const backups = new BackupSources({ store: checkpoints, replicaId: self, clock: runtime, core });
  const sessions = new SessionTable();
  const images = new Checkpoints({
    store: checkpoints,
    backups,
    storage: log,
    machine: stateMachine,
    sessions,
    tuning,
    random: () => runtime.random(),
    now: () => runtime.monotonicMs(),
  });
  images.restore();
  const disk = watchDisk(store, images, events);
  const asking = { clusterId, addresses: addresses.map, key: keys?.replicas, runtime, sockets };
  const host: Host = new Host({
    storage: log,
    checkpoints: images,
    disk,
    transport,
    forwarder: new Forwarder({ ...asking, self, wake: () => host.flush() }),
    machine: stateMachine,
    sessions,
    configuration,
    addresses,
    tuning,
    runtime,
    events: heardByClients(events, () => clients),
  });
  const status = (): ReplicaStatus => statusOf(host, store, transport, disk);
  const metrics = (): readonly Metric[] => metricsOf(host, status(), transport, runtime);
  const relays = new Relays({ ...asking, openMax: () => host.core.configurations.peers.length });
  const statusJson = (): Uint8Array => Buffer.from(JSON.stringify(status()));
  const clients: Clients = new Clients(host, runtime, statusJson, relays, backups);
  return { transport, host, addresses, tuning, status, metrics };
}

function heardByClients(events: HostEvents, clients: () => Clients): HostEvents {
  return {
    ...events,
    role: (role, ballot, leader) => {
      clients().leaderChanged();
      events.role(role, ballot, leader);
    },
    ticked: (nowMs) => {
      clients().tick(nowMs);
      events.ticked(nowMs);
    },
  };
}

function watchDisk({ log, checkpoints }: OpenStore, images: Checkpoints, events: HostEvents): DiskWatch {
  return new DiskWatch({
    space: () => checkpoints.space(),
    neededBytes: () => checkpoints.newest.lengthBytes + log.usedBytes,
    isWriting: () => images.isMoving,
    foundNoRoom: () => images.problem?.noRoom === true,
    news: (status) => events.disk(status),
  });
}
