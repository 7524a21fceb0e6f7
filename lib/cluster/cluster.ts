/**
 * A cluster on one machine: its directory formed, its ports free, its replicas supervised. When its file
 * names other members than it did (cluster-file.ts, 4), those are started, and the others stopped.
 */
import path from 'node:path';
import { argumentError } from '../errors.js';
import { lockDirectory } from '../storage/file/lock.js';
import { formatAddress } from '../transport/address.js';
import type { DurabilityClass, ReplicaId } from '../types.js';
import { clusterAddresses, type Meeting, type ReplicaAddresses } from './addresses.js';
import { startChild } from './child.js';
import {
  type ClusterFile,
  clusterFilePath,
  placesOf,
  readClusterFile,
  replicaDirectory,
} from './cluster-file.js';
import { clusterKeyIn, form, prepareDirectory, storesIn } from './directory.js';
import { watchFile } from './file-watch.js';
import { decideFormation, type Formation, type Wish } from './formation.js';
import { closeMeetingPlace, leaveMeetingPlace, openMeetingPlace } from './meeting-place.js';
import { identityIn } from './plan.js';
import { checkPortsFree } from './ports.js';
import type { DiskChanged, Failed, Halted, Ready } from './process-messages.js';
import { lastSocketIn, removeRunning, writeRunning } from './running-file.js';
import type { LogLevel } from './serve-config.js';
import { checkRedisPort, type ServiceSettings, serviceArguments, serviceConfig } from './service-config.js';
import { Supervisor } from './supervisor.js';

export interface ClusterOptions {
  readonly directory: string;
  readonly wish: Wish;
  /** The host that Redis clients are served on. */
  readonly listen: string;
  readonly port: number;
  /** Undefined: peers meet on Unix sockets. */
  readonly peerPort?: number | undefined;
  /** 0: none; undefined: above the others. */
  readonly httpPort?: number | undefined;
  readonly logLevel: LogLevel;
  readonly service: ServiceSettings;
  /** The script whose `serve` command runs one replica. */
  readonly program: string;
  readonly isRefusal: (code: string) => boolean;
  readonly isUnusable: (code: string, hasRun: boolean) => boolean;
  readonly events: ClusterEvents;
}

export interface ClusterEvents {
  formatting(replica: ReplicaId, file: ClusterFile): void;
  starting(replicas: number): void;
  /** Every replica is ready and one leads; called once. */
  up(durability: DurabilityClass, leader: ReplicaId): void;
  damaged(replica: ReplicaId, ready: Ready): void;
  /** After `up`. */
  leader(replica: ReplicaId): void;
  died(replica: ReplicaId, how: string, failure: Failed | undefined, restartInMs: number): void;
  back(replica: ReplicaId): void;
  killed(replica: ReplicaId): void;
  /** Its state machine has thrown: it goes on, and serves nobody. */
  halted(replica: ReplicaId, halt: Halted): void;
  /** The replica's disk has come to be fuller, or emptier, than a bound. */
  disk(replica: ReplicaId, disk: DiskChanged): void;
  refused(replica: ReplicaId, failure: Failed): void;
  /** A replica was added to the cluster's file, and is started. */
  joined(replica: ReplicaId): void;
  /** A replica is no member any more, and has ended. */
  left(replica: ReplicaId): void;
  /** What the cluster's file says now cannot be followed; what runs goes on. */
  astray(error: Error): void;
  /** The replica's store is damaged beyond use; it stays out, and `remaining` others go on. */
  unusable(replica: ReplicaId, failure: Failed, remaining: number): void;
}

/** What a cluster has of its directory while it runs. */
interface Held {
  readonly keyFile: string;
  readonly meeting: Meeting;
  readonly unlock: () => Promise<void>;
}

const STOP_MS_MAX = 10_000;

export class Cluster {
  #file: ClusterFile;
  #addresses: readonly ReplicaAddresses[];
  #endWatch: () => void = () => {};
  readonly #options: ClusterOptions;
  readonly #supervisor: Supervisor;
  readonly #held: Held;
  readonly #ready = new Set<ReplicaId>();
  readonly #unusable = new Set<ReplicaId>();
  readonly #leaving = new Set<ReplicaId>();
  #durability: DurabilityClass = 'power';
  #isUp = false;

  private constructor(
    options: ClusterOptions,
    file: ClusterFile,
    addresses: readonly ReplicaAddresses[],
    held: Held,
  ) {
    this.#options = options;
    this.#held = held;
    this.#file = file;
    this.#addresses = addresses;
    const { events } = options;
    this.#supervisor = new Supervisor({
      replicas: addresses.map(({ id }) => id),
      start: (id) => startChild(this.#arguments(id), path.join(options.directory, `replica-${id}.log`)),
      isRefusal: options.isRefusal,
      isUnusable: options.isUnusable,
      isEnough: (usable) => {
        const all = this.addresses.map(({ id }) => id);
        return placesOf(this.file, usable).size * 2 > placesOf(this.file, all).size;
      },
      stopMsMax: STOP_MS_MAX,
      now: () => performance.now(),
      events: {
        ready: (id, message, isRestart) => this.#onReady(id, message, isRestart),
        leader: (id) => {
          if (this.#isUp) events.leader(id);
          this.#checkUp();
        },
        died: (id, how, failure, restartInMs) => {
          this.#ready.delete(id);
          events.died(id, how, failure, restartInMs);
        },
        killed: (id) => events.killed(id),
        halted: (id, halt) => events.halted(id, halt),
        disk: (id, disk) => events.disk(id, disk),
        refused: (id, failure) => events.refused(id, failure),
        unusable: (id, failure, remaining) => {
          this.#ready.delete(id);
          this.#unusable.add(id);
          events.unusable(id, failure, remaining);
          this.#checkUp();
        },
      },
    });
  }

  /**
   * Forms what is new, then starts the replicas.
   * @throws RangeError, ERR_INDELIBLE_STORE_* (_LOCKED while another cluster runs in the directory) and
   * ERR_INDELIBLE_NETWORK before any replica runs
   */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const { directory, wish } = options;
    prepareDirectory(directory, wish.backend);
    const unlock = await lockDirectory(directory);
    let meeting: Meeting | undefined;
    try {
      const formation = decideFormation(directory, readClusterFile(directory), storesIn(directory), wish);
      meeting = await meetingOf(options, formation);
      return await Cluster.#startLocked(options, formation, meeting, unlock);
    } catch (error) {
      if (meeting !== undefined && 'place' in meeting) leaveMeetingPlace(meeting.place);
      await unlock();
      throw error;
    }
  }

  static async #startLocked(
    options: ClusterOptions,
    formation: Formation,
    meeting: Meeting,
    unlock: () => Promise<void>,
  ): Promise<Cluster> {
    const { directory, listen, port, httpPort, events } = options;
    const ids = formation.file.members.map(({ id }) => id);
    const addresses = clusterAddresses(ids, listen, { port, meeting, httpPort });
    const { service } = options;
    checkRedisPort({ host: listen, port }, serviceConfig(service), service);
    await checkPortsFree(addresses);
    const file = await form(directory, formation, (id) => events.formatting(id, formation.file));
    const keyFile = clusterKeyIn(directory);
    const cluster = new Cluster(options, file, addresses, { keyFile, meeting, unlock });
    writeRunning(directory, { pid: process.pid, replicas: addresses });
    events.starting(addresses.length);
    cluster.#supervisor.start();
    cluster.#endWatch = watchFile(clusterFilePath(directory), () => void cluster.#follow());
    return cluster;
  }

  get file(): ClusterFile {
    return this.#file;
  }

  get addresses(): readonly ReplicaAddresses[] {
    return this.#addresses;
  }

  /** Replicas that are not ready now and are to be. */
  get missing(): readonly ReplicaId[] {
    const ids = this.addresses.map(({ id }) => id);
    return ids.filter((id) => !this.#ready.has(id) && !this.#unusable.has(id));
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  pids(): ReadonlyMap<ReplicaId, number> {
    const pids = new Map<ReplicaId, number>();
    for (const { id } of this.addresses) {
      const pid = this.#supervisor.pidOf(id);
      if (pid !== undefined) pids.set(id, pid);
    }
    return pids;
  }

  /** Closes every replica in order; kills one that takes more than ten seconds. */
  async stop(): Promise<void> {
    this.#endWatch();
    await this.#supervisor.stop();
    removeRunning(this.#options.directory);
    const { meeting, unlock } = this.#held;
    if ('place' in meeting) closeMeetingPlace(meeting.place);
    await unlock();
  }

  /** Has every replica read its certificates and users again. */
  reload(): void {
    this.#supervisor.tell({ kind: 'reload' });
  }

  /** Ends every replica at once. What was answered is durable all the same. */
  killAll(): void {
    this.#supervisor.killAll();
  }

  #onReady(id: ReplicaId, message: Ready, isRestart: boolean): void {
    this.#ready.add(id);
    this.#durability = weaker(this.#durability, message.durability);
    if (message.recovery !== 'intact') this.#options.events.damaged(id, message);
    if (isRestart) this.#options.events.back(id);
    this.#checkUp();
  }

  #checkUp(): void {
    if (this.#isUp || !this.#supervisor.isUp) return;
    this.#isUp = true;
    this.#options.events.up(this.#durability, this.#supervisor.leader);
  }

  /** Starts who has become a member, and stops who is none any more: as the file says now. */
  async #follow(): Promise<void> {
    const { directory, listen, port, httpPort, events } = this.#options;
    try {
      const file = readClusterFile(directory);
      if (file === undefined) return;
      const ids = file.members.map(({ id }) => id);
      const bases = { port, meeting: this.#held.meeting, httpPort };
      const staying = clusterAddresses(ids, listen, bases);
      const before = this.#addresses;
      const absent = before.filter(({ id }) => !ids.includes(id));
      const leaving = absent.filter(({ id }) => !this.#leaving.has(id));
      const joining = staying.filter(({ id }) => !before.some((other) => other.id === id));
      this.#file = file;
      if (joining.length > 0) this.#tellOf([...staying, ...absent]);
      for (const { id } of joining) {
        events.joined(id);
        this.#supervisor.admit(id);
      }
      await Promise.all(leaving.map(({ id }) => this.#dismiss(id)));
    } catch (error) {
      events.astray(error as Error);
    }
  }

  async #dismiss(id: ReplicaId): Promise<void> {
    this.#leaving.add(id);
    await this.#supervisor.dismiss(id);
    this.#leaving.delete(id);
    this.#ready.delete(id);
    this.#unusable.delete(id);
    // Only now: who is named there may run yet.
    this.#tellOf(this.#addresses.filter((other) => other.id !== id));
    this.#options.events.left(id);
  }

  /** Tells whoever asks, and every replica, where these are. */
  #tellOf(addresses: readonly ReplicaAddresses[]): void {
    this.#addresses = addresses;
    writeRunning(this.#options.directory, { pid: process.pid, replicas: addresses });
    this.#supervisor.tell({ kind: 'peers', peers: this.#peers });
  }

  get #peers(): string {
    return this.addresses.map(({ id, peer }) => `${id}=${formatAddress(peer)}`).join(',');
  }

  #arguments(id: ReplicaId): readonly string[] {
    const { directory, logLevel, program, service } = this.#options;
    const own = this.addresses.find((address) => address.id === id);
    if (own === undefined) throw argumentError(`replica ${id} has no addresses`);
    return [
      program,
      'serve',
      ...['--dir', replicaDirectory(directory, id)],
      ...['--store', identityIn(this.file, id).storeUuid],
      ...['--backend', this.file.backend],
      ...['--sync', this.file.sync],
      ...['--listen', formatAddress(own.peer)],
      ...['--redis', formatAddress(own.redis)],
      ...(own.http === undefined ? [] : ['--http', formatAddress(own.http)]),
      ...['--peers', this.#peers],
      ...['--key-file', this.#held.keyFile],
      ...['--log-level', logLevel],
      ...serviceArguments(service),
    ];
  }
}

async function meetingOf({ peerPort, directory }: ClusterOptions, { file }: Formation): Promise<Meeting> {
  if (peerPort !== undefined) return { peerPort };
  const ids = file.members.map(({ id }) => id);
  return { place: await openMeetingPlace(directory, ids, lastSocketIn(directory)) };
}

function weaker(a: DurabilityClass, b: DurabilityClass): DurabilityClass {
  const order: readonly DurabilityClass[] = ['none', 'process', 'power'];
  return order.indexOf(a) < order.indexOf(b) ? a : b;
}
