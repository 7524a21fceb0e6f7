/**
 * Replicas as machines of their own would run them: `indelible serve` in a network namespace each, formatted
 * from one plan. The campaign reaches all of them past the links between them.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type Answer, surveyOf, verdictOf } from '../../lib/client/survey.js';
import type { ReplicaStatus } from '../../lib/index.js';
import { clusterKeyPath, readClientKey } from '../../lib/replica/key-file.js';
import { PROGRAM } from '../cluster/cluster-process.js';
import { eventually } from './eventually.js';
import type { Network } from './network.js';
import type { TestedBackend } from './service-cluster.js';

const PEER_PORT = 7101;
const REDIS_PORT = 7001;
const LOG_LINES = 40;

export interface NetworkedOptions {
  readonly network: Network;
  readonly backend: TestedBackend;
  readonly regionSize: string;
  /** Where the replicas' data goes. */
  readonly directory: string;
  /** More of what each is told. */
  readonly flags?: readonly string[];
}

/** A line of a replica's log. */
export interface LogLine {
  readonly time: string;
  readonly msg: string;
  readonly [name: string]: unknown;
}

export class NetworkedCluster {
  readonly network: Network;
  readonly ids: readonly number[];
  readonly #options: NetworkedOptions;
  readonly #processes = new Map<number, ChildProcess>();

  constructor(options: NetworkedOptions) {
    this.#options = options;
    this.network = options.network;
    this.ids = options.network.ids;
    const plan = this.#plan;
    const format = (...args: readonly string[]): void => {
      execFileSync(process.execPath, [PROGRAM, 'format', ...args], { stdio: 'pipe' });
    };
    format('--new-plan', String(this.ids.length), '--plan', plan);
    for (const id of this.ids) {
      const { backend, regionSize } = options;
      const kind = ['--backend', backend, '--region-size', regionSize];
      format('--plan', plan, '--replica', String(id), '--dir', this.#dataOf(id), ...kind);
    }
  }

  /** Where clients of `id` connect. */
  redis(id: number): { readonly host: string; readonly port: number } {
    return { host: this.network.outsideHost(id), port: REDIS_PORT };
  }

  startAll(): void {
    for (const id of this.ids) this.start(id);
  }

  start(id: number): void {
    const { backend, flags = [] } = this.#options;
    const others = this.ids.map((to) => {
      const host = to === id ? this.network.outsideHost(id) : this.network.host(id, to);
      return `${to}=${host}:${PEER_PORT}`;
    });
    const [program, args] = this.network.command(id, process.execPath, [
      ...[PROGRAM, 'serve', '--dir', this.#dataOf(id), '--backend', backend],
      ...['--listen', `0.0.0.0:${PEER_PORT}`, '--redis', `0.0.0.0:${REDIS_PORT}`],
      ...['--peers', others.join(','), '--insecure-peers', '--insecure-redis', ...flags],
    ]);
    const log = fs.openSync(this.#logFile(id), 'a');
    this.#processes.set(id, spawn(program, args, { stdio: ['ignore', log, log] }));
    fs.closeSync(log);
  }

  pidOf(id: number): number {
    return this.#processes.get(id)!.pid!;
  }

  /** SIGKILL; resolves when it is gone. */
  kill(id: number): Promise<void> {
    return this.#end(id, 'SIGKILL');
  }

  /** SIGTERM; resolves when it has closed and is gone. */
  end(id: number): Promise<void> {
    return this.#end(id, 'SIGTERM');
  }

  async stop(): Promise<void> {
    await Promise.all(this.ids.map((id) => this.#end(id, 'SIGTERM')));
  }

  /** Where clients from outside reach the replicas themselves. */
  get addresses(): readonly (readonly [number, string])[] {
    return this.ids.map((id) => [id, `${this.network.outsideHost(id)}:${PEER_PORT}`] as const);
  }

  /** What such clients must have. */
  get clientKey(): Uint8Array | undefined {
    return readClientKey(clusterKeyPath(this.#dataOf(this.ids[0]!)));
  }

  answers(): Promise<readonly Answer[]> {
    return surveyOf(new Map(this.addresses), { key: this.clientKey });
  }

  async statuses(): Promise<readonly ReplicaStatus[]> {
    return (await this.answers()).flatMap(({ status }) => (status === undefined ? [] : [status]));
  }

  async statusOf(id: number): Promise<ReplicaStatus | undefined> {
    return (await this.statuses()).find(({ replicaId }) => replicaId === id);
  }

  /** The replica that leads, once all that have been started agree on it. */
  leader(): Promise<number> {
    return eventually(
      'all replicas follow one leader',
      async () => {
        const answers = await this.answers();
        const { leader } = verdictOf(answers);
        const started = answers.filter(({ id }) => this.#processes.has(id));
        const agree = started.every(({ status }) => status?.leader === leader);
        return agree && leader !== 0 ? leader : undefined;
      },
      () => this.diagnosis(),
    );
  }

  /** Resolves when all replicas have one state: equal slots, equal chains, equal digests. */
  async converged(): Promise<void> {
    await eventually(
      'all replicas have one state',
      async () => {
        const statuses = await this.statuses();
        const marks = statuses.map((each) => `${each.appliedThrough} ${each.chain} ${each.stateDigest}`);
        return (statuses.length === this.ids.length && new Set(marks).size === 1) || undefined;
      },
      () => this.diagnosis(),
    );
  }

  /** What replica `id` has logged, oldest first. */
  logOf(id: number): readonly LogLine[] {
    const lines = this.#textOf(id).split('\n');
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
  }

  /** How often the role of a replica, or whom it follows, has changed. */
  get roleChanges(): number {
    return this.ids.reduce((sum, id) => sum + this.logOf(id).filter(({ msg }) => msg === 'role').length, 0);
  }

  async diagnosis(): Promise<string> {
    const lines = (await this.answers()).map(({ id, status, problem }) =>
      status === undefined
        ? `  replica ${id}: ${problem}`
        : `  replica ${id}: ${status.role}, follows ${status.leader}, ballot ${status.ballot}, promised ${status.promised}, ` +
          `learned ${status.learnedThrough}, applied ${status.appliedThrough}, trimmed ${status.trimThrough}`,
    );
    const logs = this.ids.map((id) => {
      const tail = this.#textOf(id).trimEnd().split('\n').slice(-LOG_LINES);
      return `  log of replica ${id}:\n    ${tail.join('\n    ')}`;
    });
    return [...lines, ...logs].join('\n');
  }

  async #end(id: number, signal: NodeJS.Signals): Promise<void> {
    const child = this.#processes.get(id);
    this.#processes.delete(id);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  get #plan(): string {
    return path.join(this.#options.directory, 'plan.json');
  }

  #dataOf(id: number): string {
    return path.join(this.#options.directory, `replica-${id}`);
  }

  #textOf(id: number): string {
    const file = this.#logFile(id);
    return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  }

  #logFile(id: number): string {
    return path.join(this.#options.directory, `replica-${id}.log`);
  }
}
