/**
 * A cluster of replicas in this process, over Unix sockets: what the tests of the host run on. Nothing here
 * waits for time to pass: `until` looks again whenever any replica says that something changed.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  formatStore,
  newClusterKey,
  Replica,
  type StateMachine,
  type StorageChoice,
  type Tuning,
  type WaitOptions,
} from '../../lib/index.js';
import type { HostEvents } from '../../lib/replica/host-events.js';
import type { OpenStore } from '../../lib/replica/store.js';
import type { MemoryStorage } from '../../lib/storage/memory.js';
import type { StoreShape } from '../../lib/storage/shape.js';
import type { FoundDamage } from '../../lib/storage/storage.js';

export interface ClusterOptions {
  readonly size?: number;
  readonly storage: (id: number) => StorageChoice;
  readonly machine: () => StateMachine;
  readonly tuning?: Partial<Tuning>;
  readonly logBytes?: number;
  readonly recordBytesMax?: number;
}

const hex32 = (): string => randomBytes(16).toString('hex');

/** Quick elections: these tests have no network to be patient with. */
const TUNING: Partial<Tuning> = { tickMs: 2, electionTicks: 30, heartbeatTicks: 5 };

/** The state machine's part of a replica's digest: that of the sessions, if there are any, is behind it. */
export function machineDigest(replica: Replica): string | undefined {
  return replica.status().stateDigest?.split('+')[0];
}

export class TestCluster {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'indelible-'));
  /** Of all replicas. */
  readonly key: Uint8Array = newClusterKey();
  readonly replicas: Map<number, Replica> = new Map();
  readonly ids: readonly number[];
  private readonly options: ClusterOptions;
  private readonly storage = new Map<number, StorageChoice>();
  private readonly formats = new Map<number, () => Promise<void>>();

  private constructor(options: ClusterOptions) {
    this.options = options;
    this.ids = Array.from({ length: options.size ?? 3 }, (_, index) => index + 1);
  }

  static async format(options: ClusterOptions): Promise<TestCluster> {
    const cluster = new TestCluster(options);
    const clusterId = hex32();
    const members = cluster.ids.map((id) => ({ id, storeUuid: hex32() }));
    for (const { id, storeUuid } of members) {
      const shape: StoreShape = {
        identity: { clusterId, replicaId: id, storeUuid },
        logBytes: options.logBytes ?? 1 << 20,
        recordBytesMax: options.recordBytesMax ?? 64 << 10,
      };
      cluster.formats.set(id, async () => {
        cluster.storage.set(id, options.storage(id));
        mkdirSync(cluster.pathOf(id));
        await formatStore(cluster.pathOf(id), cluster.storage.get(id)!, shape, { number: 1, members });
      });
      await cluster.formats.get(id)!();
    }
    return cluster;
  }

  /** Removes the store of a replica that is closed, and formats it from the same plan again. */
  async formatAgain(id: number): Promise<void> {
    rmSync(this.pathOf(id), { recursive: true });
    await this.formats.get(id)!();
  }

  /** A store for a replica that is to join, with what the members say of themselves. @returns its uuid */
  async formatNewcomer(id: number): Promise<string> {
    const [told] = [...this.replicas.values()];
    const storeUuid = hex32();
    const { clusterId } = told!.identity;
    const shape: StoreShape = {
      identity: { clusterId, replicaId: id, storeUuid },
      logBytes: this.options.logBytes ?? 1 << 20,
      recordBytesMax: this.options.recordBytesMax ?? 64 << 10,
    };
    this.storage.set(id, this.options.storage(id));
    mkdirSync(this.pathOf(id));
    await formatStore(this.pathOf(id), this.storage.get(id)!, shape, told!.configuration);
    return storeUuid;
  }

  static async start(options: ClusterOptions): Promise<TestCluster> {
    const cluster = await TestCluster.format(options);
    for (const id of cluster.ids) await cluster.open(id);
    return cluster;
  }

  async open(id: number, { signal }: WaitOptions = {}): Promise<Replica> {
    const replica = await Replica.open({
      directory: this.pathOf(id),
      storage: this.storage.get(id)!,
      listen: this.addressOf(id),
      key: this.key,
      peers: new Map(this.ids.map((peer) => [peer, this.addressOf(peer)])),
      stateMachine: this.options.machine(),
      tuning: { ...TUNING, ...this.options.tuning },
      ...(signal === undefined ? {} : { signal }),
    });
    this.replicas.set(id, replica);
    return replica;
  }

  async close(id: number): Promise<void> {
    await this.replicas.get(id)?.close();
    this.replicas.delete(id);
  }

  async closeAll(): Promise<void> {
    for (const id of [...this.replicas.keys()]) await this.close(id);
    rmSync(this.directory, { recursive: true });
  }

  /** Resolves with the leader once every open replica agrees on it. */
  async leader(): Promise<Replica> {
    await this.until(() => {
      const replicas = [...this.replicas.values()];
      const led = replicas.find((replica) => replica.status().role === 'leader');
      return led !== undefined && replicas.every((other) => other.status().leader === led.identity.replicaId);
    });
    return [...this.replicas.values()].find((replica) => replica.status().role === 'leader')!;
  }

  /** Resolves once every open replica has applied what the furthest one has. */
  async converged(): Promise<void> {
    await this.until(() => {
      const applied = [...this.replicas.values()].map((replica) => replica.status().appliedThrough);
      return applied.every((slot) => slot === Math.max(...applied));
    });
  }

  /** Resolves once `condition` holds; it is looked at after every turn of the event loop. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The next write of a replica's store, which is in memory, fails as a device would. */
  failStore(replica: Replica): void {
    const { log } = Reflect.get(replica, 'store') as OpenStore;
    (log as MemoryStorage).failNext();
  }

  /** The scrubs of a replica's store find something from now on. */
  scrubFinds(replica: Replica, damage: FoundDamage): void {
    const { log } = Reflect.get(replica, 'store') as OpenStore;
    log.scrub = (bytes, done) => done({ bytes, passes: 0, damage });
  }

  /** A replica tells that it sends a checkpoint, as it does in the midst of its work. */
  tellTransfer(replica: Replica): void {
    const { events } = Reflect.get(Reflect.get(replica, 'host'), 'parts') as { events: HostEvents };
    events.transfer({ what: 'sending', peer: 2, throughSlot: 1, offset: 0, lengthBytes: 1 });
  }

  pathOf(id: number): string {
    return join(this.directory, `replica-${id}`);
  }

  addressOf(id: number): string {
    return `unix:${join(this.directory, `${id}.sock`)}`;
  }
}
