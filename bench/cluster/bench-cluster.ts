/**
 * A cluster to measure: three replica processes, `indelible serve` as it ships, on stores formatted anew, and
 * the process that loads them.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplicaStatus } from '../../lib/replica/status.js';
import { built } from '../built.js';
import { Child, freePorts } from '../processes.js';
import { removeScratch, scratchDirectory } from '../scratch.js';
import type { KeySpace } from './keys.js';
import type { ClientArgument, LoadOrder, LoadResult, ReadBackResult } from './messages.js';
import { processorSeconds } from './processor-time.js';

export const BACKENDS = ['emulated', 'file'] as const;
export type Backend = (typeof BACKENDS)[number];

const REPLICAS = 3;
const AGREE_MS_MAX = 60_000;

export interface BenchClusterOptions {
  readonly backend: Backend;
  /** A directory of its own is made in it, and removed at the end. */
  readonly parent: string;
  readonly regionBytes: number;
  readonly replicaFlags: readonly string[];
  readonly spaces: readonly KeySpace[];
}

export interface ClusterLoad extends LoadResult {
  /**
   * Processor time of one command in each process, in microseconds: the leader, the followers, the client.
   */
  readonly leaderMicroseconds: number;
  readonly followerMicroseconds: number;
  readonly clientMicroseconds: number;
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
  readonly #ports: readonly number[];
  readonly #addresses: readonly (readonly [number, string])[];
  #clusterId = '';
  #clientKey: Uint8Array = new Uint8Array(0);
  #replicas: readonly Child[] = [];
  #client: Child | undefined;

  private constructor(directory: string, ports: readonly number[]) {
    this.#directory = directory;
    this.#ports = ports;
    this.#addresses = ports.slice(0, REPLICAS).map((port, index) => [index + 1, `127.0.0.1:${port}`]);
  }

  static async start(options: BenchClusterOptions): Promise<BenchCluster> {
    const directory = scratchDirectory(options.parent);
    const cluster = new BenchCluster(directory, await freePorts(2 * REPLICAS));
    try {
      await cluster.#format(options);
      await cluster.#start(options);
      return cluster;
    } catch (error) {
      cluster.destroy();
      throw error;
    }
  }

  async load(order: Omit<LoadOrder, 'kind'>): Promise<ClusterLoad> {
    const leader = (await this.#leader()) - 1;
    const pids = [...this.#replicas, this.#client!].map(({ pid }) => pid);
    const before = pids.map(processorSeconds);
    const result = (await this.#client!.ask({ kind: 'load', ...order })) as LoadResult;
    const each = pids.map(
      (pid, index) => ((processorSeconds(pid) - before[index]!) * 1e6) / result.outcomes[0],
    );
    const replicas = each.slice(0, REPLICAS);
    const followers = replicas.filter((_, index) => index !== leader);
    return {
      ...result,
      leaderMicroseconds: replicas[leader]!,
      followerMicroseconds: followers.reduce((sum, one) => sum + one, 0) / followers.length,
      clientMicroseconds: each[REPLICAS]!,
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
    this.#clusterId = plan.clusterId;
    const key = proofs.newClusterKey();
    this.#clientKey = proofs.clientKeyOf(key);
    for (const { id } of plan.members) {
      const directory = this.#directoryOf(id);
      mkdirSync(directory);
      const identity = plans.identityIn(plan, id);
      await stores.formatReplica({ directory, backend, sync: 'none', regionBytes, identity, plan, key });
    }
  }

  async #start({ backend, replicaFlags, spaces }: BenchClusterOptions): Promise<void> {
    const peers = this.#addresses.map(([id, address]) => `${id}=${address}`).join(',');
    const starting = this.#addresses.map(([id, address], index) => {
      const redis = `127.0.0.1:${this.#ports[REPLICAS + index]}`;
      const places = [
        '--dir',
        this.#directoryOf(id),
        '--listen',
        address,
        '--redis',
        redis,
        '--peers',
        peers,
      ];
      // No memory limit: what is measured are writes, not refusals.
      const settings = ['--backend', backend, '--max-memory', '0', '--log-level', 'warn'];
      return Child.ofLibrary(['serve', ...places, ...settings], replicaFlags);
    });
    this.#replicas = await Promise.all(starting);
    const clientKey = Buffer.from(this.#clientKey).toString('hex');
    const client: ClientArgument = {
      clusterId: this.#clusterId,
      addresses: this.#addresses,
      clientKey,
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
    const terms = { clusterId: this.#clusterId, key: this.#clientKey };
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
