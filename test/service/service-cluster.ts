/**
 * A cluster as users run one, seen from outside: `indelible cluster` in a process of its own, its replicas
 * found among that process's children, their status asked over their peer ports.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type Answer, surveyOf, verdictOf } from '../../lib/client/survey.js';
import type { ReplicaStatus } from '../../lib/index.js';
import { clusterKeyPath, readClientKey } from '../../lib/replica/key-file.js';
import { ClusterProcess, freePorts, type Ports, temporaryDirectory } from '../cluster/cluster-process.js';
import { eventually } from './eventually.js';
import { programsOn, runs, signal } from './processes.js';

export type TestedBackend = 'emulated' | 'file';

export interface ServiceOptions {
  readonly backend: TestedBackend;
  readonly regionSize?: string;
  readonly replicas?: number;
  /** Where its data goes, below a directory of its own; the system's temporary directory by default. */
  readonly parent?: string;
}

const LOG_LINES = 40;

export class ServiceCluster {
  readonly directory: string;
  readonly ports: Ports;
  readonly ids: readonly number[];
  readonly #options: ServiceOptions;
  #process: ClusterProcess;

  private constructor(directory: string, ports: Ports, options: ServiceOptions) {
    this.directory = directory;
    this.ports = ports;
    this.#options = options;
    this.ids = Array.from({ length: options.replicas ?? 3 }, (_, index) => index + 1);
    this.#process = this.#launch();
  }

  /** Formats and starts a new one; resolves when it serves. */
  static async start(options: ServiceOptions): Promise<ServiceCluster> {
    const directory = path.join(temporaryDirectory(options.parent), 'data');
    const cluster = new ServiceCluster(directory, await freePorts(), options);
    await cluster.#process.event('up');
    return cluster;
  }

  /** Starts one on the data in a directory; resolves when it serves. */
  static async startOn(directory: string, options: ServiceOptions): Promise<ServiceCluster> {
    const cluster = new ServiceCluster(directory, await freePorts(), options);
    await cluster.#process.event('up');
    return cluster;
  }

  /** What the process of `indelible cluster` printed so far. */
  get supervisor(): ClusterProcess {
    return this.#process;
  }

  redisPort(id: number): number {
    return this.ports.port + id - 1;
  }

  peerPort(id: number): number {
    return this.ports.peerPort + id - 1;
  }

  /** Starts it again on the same data; resolves when it serves. */
  async startAgain(): Promise<void> {
    this.#process = this.#launch();
    await this.#process.event('up');
  }

  /** The process that runs replica `id` now; undefined while none does. */
  pidOf(id: number): number | undefined {
    const where = path.join(this.directory, `replica-${id}`);
    return programsOn(where).find(runs);
  }

  /** Ends replica `id`'s process at once, and resolves when it is gone. */
  async kill(id: number): Promise<void> {
    const pid = await eventually(
      `replica ${id} runs`,
      () => this.pidOf(id),
      () => this.diagnosis(),
    );
    signal(pid, 'SIGKILL');
    await eventually(`process ${pid} has ended`, () => !runs(pid) || undefined);
  }

  /** Ends the supervisor and every replica at once, all with SIGKILL, and resolves when all are gone. */
  async killEverything(): Promise<void> {
    const supervisor = this.#process.child.pid!;
    // Again and again: the supervisor may be starting another in place of one that ends.
    await eventually('every process has ended', () => {
      const left = [supervisor, ...programsOn(this.directory)].filter(runs);
      for (const pid of left) signal(pid, 'SIGKILL');
      return left.length === 0 || undefined;
    });
  }

  stop(): Promise<number | null> {
    return this.#process.stop();
  }

  answers(): Promise<readonly Answer[]> {
    const addresses = this.ids.map((id) => [id, `127.0.0.1:${this.peerPort(id)}`] as const);
    return surveyOf(new Map(addresses), { key: readClientKey(clusterKeyPath(this.directory)) });
  }

  /** The status of each replica that answers now. */
  async statuses(): Promise<readonly ReplicaStatus[]> {
    return (await this.answers()).flatMap(({ status }) => (status === undefined ? [] : [status]));
  }

  async statusOf(id: number): Promise<ReplicaStatus | undefined> {
    return (await this.statuses()).find(({ replicaId }) => replicaId === id);
  }

  /** The replica that leads, once there is one with a quorum. */
  leader(): Promise<number> {
    return eventually(
      'a replica leads',
      async () => {
        const { hasQuorum, leader } = verdictOf(await this.answers());
        return hasQuorum && leader !== 0 ? leader : undefined;
      },
      () => this.diagnosis(),
    );
  }

  /** Resolves when replica `id` has applied what any replica knew to be chosen when this was called. */
  async caughtUp(id: number): Promise<void> {
    const target = Math.max(0, ...(await this.statuses()).map((status) => status.learnedThrough));
    await eventually(
      `replica ${id} has applied slot ${target}`,
      async () => {
        const status = await this.statusOf(id);
        return status !== undefined && status.appliedThrough >= target ? true : undefined;
      },
      () => this.diagnosis(),
    );
  }

  /**
   * Resolves, while nobody writes, with the one state that all replicas have: equal slots, equal chains over
   * all that was ever chosen, equal digests of the keys and values.
   */
  converged(): Promise<ReplicaStatus> {
    return eventually(
      'all replicas have one state',
      async () => {
        const statuses = await this.statuses();
        const [first] = statuses;
        if (first === undefined || statuses.length < this.ids.length) return undefined;
        const same = statuses.every(
          (each) =>
            each.appliedThrough === first.appliedThrough &&
            each.learnedThrough === first.appliedThrough &&
            each.chain === first.chain &&
            each.stateDigest === first.stateDigest &&
            each.votes,
        );
        return same && first.appliedThrough > 0 ? first : undefined;
      },
      () => this.diagnosis(),
    );
  }

  /** Everything a person would ask for first. */
  async diagnosis(): Promise<string> {
    const lines = (await this.answers()).map(({ id, status, problem }) =>
      status === undefined ? `replica ${id}: ${problem}` : `replica ${id}: ${JSON.stringify(status)}`,
    );
    lines.push(`supervisor: ${JSON.stringify(this.#process.events.slice(-LOG_LINES))}`);
    lines.push(this.#process.problems);
    for (const id of this.ids) lines.push(...this.logOf(id).slice(-LOG_LINES));
    return `${lines.join('\n')}\ndata kept in ${this.directory}`;
  }

  /** The lines that replica `id` logged. */
  logOf(id: number): readonly string[] {
    const file = path.join(this.directory, `replica-${id}.log`);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  }

  /** Ends what still runs, and removes the data. */
  async dispose(): Promise<void> {
    if (runs(this.#process.child.pid!)) await this.killEverything();
    this.removeData();
  }

  removeData(): void {
    fs.rmSync(path.dirname(this.directory), { recursive: true, force: true });
  }

  #launch(): ClusterProcess {
    const { backend, regionSize, replicas } = this.#options;
    return new ClusterProcess([
      ...['--dir', this.directory, '--backend', backend],
      ...['--port', String(this.ports.port), '--peer-port', String(this.ports.peerPort)],
      ...(regionSize === undefined ? [] : ['--region-size', regionSize]),
      ...(replicas === undefined ? [] : ['--replicas', String(replicas)]),
    ]);
  }
}
