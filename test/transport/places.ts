/** Places for transports over sockets: Unix sockets in a directory of their own, no ports to collide on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type ClusterKeys, clusterKeys } from '../../lib/transport/proof.js';
import type { TcpTransportOptions } from '../../lib/transport/tcp.js';
import { TcpTransport } from '../../lib/transport/tcp.js';
import type { Configuration, ReplicaId } from '../../lib/types.js';

export const CLUSTER = '00112233445566778899aabbccddeeff';

/** What the replicas of every place have. */
export const KEYS: ClusterKeys = clusterKeys(Buffer.alloc(32, 'a key for tests'));

export function storeOf(id: ReplicaId): string {
  return id.toString(16).padStart(32, '0');
}

export function configurationOf(count: number): Configuration {
  const members = Array.from({ length: count }, (_, i) => ({ id: i + 1, storeUuid: storeOf(i + 1) }));
  return { number: 1, members };
}

/** Bounds that make tests quick and are otherwise as good as the defaults. */
export const QUICK: NonNullable<TcpTransportOptions['bounds']> = { redialMsMin: 1, redialMsMax: 5 };

export class SocketPlace {
  readonly directory: string;
  readonly addresses: Map<ReplicaId, string> = new Map();
  readonly count: number;

  private constructor(directory: string, count: number) {
    this.directory = directory;
    this.count = count;
    for (let id = 1; id <= count; id++) this.addresses.set(id, `unix:${join(directory, `replica-${id}`)}`);
  }

  static async make(count: number): Promise<SocketPlace> {
    return new SocketPlace(await mkdtemp(join(tmpdir(), 'indelible-transport-')), count);
  }

  transport(id: ReplicaId, changes: Partial<TcpTransportOptions> = {}): TcpTransport {
    return new TcpTransport({
      identity: { clusterId: CLUSTER, replicaId: id, storeUuid: storeOf(id) },
      configuration: configurationOf(this.count),
      listen: this.addresses.get(id)!,
      addresses: this.addresses,
      keys: KEYS,
      bounds: QUICK,
      ...changes,
    });
  }

  turn(): Promise<void> {
    return turn();
  }

  dispose(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}
