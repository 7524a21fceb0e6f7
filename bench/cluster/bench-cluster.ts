/**
 * A cluster to measure: three replica processes, `indelible serve` as it ships, on stores formatted anew, and
 * the process that loads them.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplicaStatus } from '../../lib/replica/status.js';
import { built } from '../built.js';
import { Child, freePorts, HOST } from '../processes.js';
import { removeScratch, scratchDirectory } from '../scratch.js';
import type { KeySpace } from './keys.js';
import type { ClientArgument, LoadOrder, LoadResult, ReadBackResult } from './messages.js';
import { processorSeconds } from './processor-time.js';

export const BACKENDS = ['emulated', 'file'] as const;
export type Backend = (typeof BACKENDS)[number];

/** What peers and the client meet over. */
export type Way = 'tcp' | 'unix' | 'tls';

const REPLICAS = 3;
const AGREE_MS_MAX = 60_000;

export interface BenchClusterOptions {
  readonly backend: Backend;
  /** A directory of its own is made in it, and removed at the end. */
  readonly parent: string;
  readonly regionBytes: number;
  readonly replicaFlags: readonly string[];
  readonly spaces: readonly KeySpace[];
  /** TCP, unless something else is said. */
  readonly way?: Way;
  /** Whether replicas have an HTTP port. */
  readonly hasHttp?: boolean;
  /** Beside the environment of this process. */
  readonly environment?: NodeJS.ProcessEnv;
}

export interface ClusterLoad extends LoadResult {
  /**
   * Processor time of one command in each process, in microseconds: the leader, the followers, the client.
   */
  readonly leaderMicroseconds: number;
  readonly followerMicroseconds: number;
  readonly clientMicroseconds: number;
  /** What `count` rose by meanwhile. */
  readonly counted: number;
}

/** What all three replicas have in common after a load. */
export interface Agreement {
  readonly appliedThrough: number;
  readonly digest: string;
  /** The fewest that any replica has done: trims of its log, laps around it. */
  readonly trims: number;
  readonly laps: number;
}

export class BenchCluster {
  readonly #directory: string;
  /** A run of three each: of peers, for Redis, for HTTP. */
  readonly #ports: readonly number[];
  readonly #addresses: readonly (readonly [number, string])[];
  readonly #way: Way;
  #clusterId = '';
  #clientKey: Uint8Array = new Uint8Array(0);
  #replicas: readonly Child[] = [];
  #client: Child | undefined;

  private constructor(directory: string, ports: readonly number[], way: Way) {
    this.#directory = directory;
    this.#ports = ports;
    this.#way = way;
    this.#addresses = ports.slice(0, REPLICAS).map((port, index) => {
      const id = index + 1;
      return [id, way === 'unix' ? `unix:${join(directory, `peer-${id}`)}` : `${HOST}:${port}`];
    });
  }

  static async start(options: BenchClusterOptions): Promise<BenchCluster> {
    const directory = scratchDirectory(options.parent);
    const cluster = new BenchCluster(directory, await freePorts(3 * REPLICAS), options.way ?? 'tcp');
    try {
      await cluster.#format(options);
      await cluster.#start(options);
      return cluster;
    } catch (error) {
      cluster.destroy();
      throw error;
    }
  }

  /** @param count of the replicas' processes, asked just before the load and just behind it */
  async load(
    order: Omit<LoadOrder, 'kind'>,
    count: (pids: readonly number[]) => Promise<number> = async () => 0,
  ): Promise<ClusterLoad> {
    const leader = (await this.#leader()) - 1;
    const pids = [...this.#replicas, this.#client!].map(({ pid }) => pid);
    const countedBefore = await count(pids.slice(0, REPLICAS));
    const before = pids.map(processorSeconds);
    const result = (await this.#client!.ask({ kind: 'load', ...order })) as LoadResult;
    const each = pids.map(
      (pid, index) => ((processorSeconds(pid) - before[index]!) * 1e6) / result.outcomes[0],
    );
    const counted = (await count(pids.slice(0, REPLICAS))) - countedBefore;
    const replicas = each.slice(0, REPLICAS);
    const followers = replicas.filter((_, index) => index !== leader);
    return {
      ...result,
      leaderMicroseconds: replicas[leader]!,
      followerMicroseconds: followers.reduce((sum, one) => sum + one, 0) / followers.length,
      clientMicroseconds: each[REPLICAS]!,
      counted,
    };
  }

  /** Reads back every key that was answered. */
  async readBack(): Promise<ReadBackResult> {
    return (await this.#client!.ask({ kind: 'readBack' })) as ReadBackResult;
  }

  /**
   * Waits until all replicas have applied the same slots. @throws when their states differ, or they never do
   */
  async agreement(): Promise<Agreement> {
    const deadline = performance.now() + AGREE_MS_MAX;
    for (;;) {
      const statuses = await this.#statuses();
      const [first] = statuses;
      if (statuses.every(({ appliedThrough }) => appliedThrough === first!.appliedThrough)) {
        return agreementOf(statuses);
      }
      if (performance.now() > deadline) throw new Error('the replicas do not come to the same slot');
      await sleep(100);
    }
  }

  /** The Redis port of the replica that leads. */
  async leaderRedisPort(): Promise<number> {
    return this.#ports[REPLICAS + (await this.#leader()) - 1]!;
  }

  /** Where replicas tell their metrics, if they do. */
  get httpPorts(): readonly number[] {
    return this.#ports.slice(2 * REPLICAS);
  }

  async stop(): Promise<void> {
    this.#client?.kill();
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
    removeScratch(this.#directory);
  }

  /** Ends everything at once; for when something has failed already. */
  destroy(): void {
    this.#client?.kill();
    for (const replica of this.#replicas) replica.kill();
    removeScratch(this.#directory);
  }

  async #format({ backend, regionBytes }: BenchClusterOptions): Promise<void> {
    const plans = (await built('cluster/plan.js')) as typeof import('../../lib/cluster/plan.js');
    const stores = (await built('cluster/stores.js')) as typeof import('../../lib/cluster/stores.js');
    const proofs = (await built('transport/proof.js')) as typeof import('../../lib/transport/proof.js');
    const plan = plans.drawPlan(REPLICAS);
    const configuration = plans.firstConfiguration(plan);
    this.#clusterId = plan.clusterId;
    const key = proofs.newClusterKey();
    this.#clientKey = proofs.clientKeyOf(key);
    for (const { id } of plan.members) {
      const directory = this.#directoryOf(id);
      mkdirSync(directory);
      const identity = plans.identityIn(plan, id);
      const shape = { directory, backend, sync: 'none', regionBytes } as const;
      await stores.formatReplica({ ...shape, identity, configuration, key });
    }
  }

  async #start(options: BenchClusterOptions): Promise<void> {
    const { backend, replicaFlags, spaces, hasHttp = false, environment = {} } = options;
    const peers = this.#addresses.map(([id, address]) => `${id}=${address}`).join(',');
    const starting = this.#addresses.map(([id, address], index) => {
      const redis = `${HOST}:${this.#ports[REPLICAS + index]}`;
      const places = [
        ...['--dir', this.#directoryOf(id)],
        ...['--listen', address],
        ...['--redis', redis],
        ...['--peers', peers],
        ...(hasHttp ? ['--http', `${HOST}:${this.httpPorts[index]}`] : []),
        ...(this.#way === 'tls' ? ['--tls'] : []),
      ];
      // No memory limit: what is measured are writes, not refusals.
      const settings = ['--backend', backend, '--max-memory', '0', '--log-level', 'warn'];
      return Child.ofLibrary(['serve', ...places, ...settings], replicaFlags, environment);
    });
    this.#replicas = await Promise.all(starting);
    const clientKey = Buffer.from(this.#clientKey).toString('hex');
    const client: ClientArgument = {
      clusterId: this.#clusterId,
      addresses: this.#addresses,
      clientKey,
      tls: this.#way === 'tls',
      spaces,
    };
    this.#client = await Child.ofBench('cluster/client-program.ts', client);
  }

  #directoryOf(id: number): string {
    return join(this.#directory, `replica-${id}`);
  }

  async #leader(): Promise<number> {
    const [status] = await this.#statuses();
    if (status === undefined || status.leader === 0) throw new Error('the cluster has no leader');
    return status.leader;
  }

  async #statuses(): Promise<readonly ReplicaStatus[]> {
    const { statusAt } = (await built('client/status.js')) as typeof import('../../lib/client/status.js');
    const sealing = (await built('transport/tls.js')) as typeof import('../../lib/transport/tls.js');
    const key = this.#clientKey;
    const sockets = sealing.clientSockets(this.#way === 'tls' ? true : undefined, key);
    const terms = { clusterId: this.#clusterId, key, sockets };
    return Promise.all(
      this.#addresses.map(([, address]) => statusAt({ address, ...terms }) as Promise<ReplicaStatus>),
    );
  }
}

function agreementOf(statuses: readonly ReplicaStatus[]): Agreement {
  const digests = new Set(statuses.map(({ chain, stateDigest }) => `${stateDigest} ${chain}`));
  if (digests.size !== 1) throw new Error(`the replicas' states differ: ${[...digests].join(', ')}`);
  return {
    appliedThrough: statuses[0]!.appliedThrough,
    digest: [...digests][0]!,
    trims: Math.min(...statuses.map(({ storage }) => storage.trims)),
    laps: Math.min(...statuses.map(({ storage }) => storage.laps)),
  };
}
