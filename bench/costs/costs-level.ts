/**
 * What safety and telling cost: the same loads on clusters that differ in one thing each.
 *
 * 1. A round has a cluster of each kind once, so that what drifts on the machine drifts for all alike; a
 *    ratio is taken within a round. Every other round has them in the opposite order.
 * 2. What is measured is checked as at the cluster level: outcomes, equal states, every key read back.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchCluster, type ClusterLoad, type Way } from '../cluster/bench-cluster.js';
import { verify } from '../cluster/cluster-level.js';
import type { BenchOptions } from '../options.js';
import type { Progress } from '../progress.js';
import { removeScratch, scratchDirectory } from '../scratch.js';
import { type Series, seriesOf } from '../series.js';
import { Proofs } from './proofs.js';

interface Kind {
  readonly way: Way;
  /** Loaded in front of each replica. */
  readonly preload?: string;
  /** Each replica has an HTTP port, which is asked for metrics every second. */
  readonly isAsked?: boolean;
}

export const KINDS = {
  TCP: { way: 'tcp' },
  'Unix sockets': { way: 'unix' },
  TLS: { way: 'tls' },
  'no metrics counted': { way: 'tcp', preload: 'without-meters.mjs' },
  'no sessions': { way: 'tcp', preload: 'without-sessions.mjs' },
  'metrics asked for every second': { way: 'tcp', isAsked: true },
} as const satisfies Readonly<Record<string, Kind>>;

export type KindName = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as readonly KindName[];

export const COSTS_STEPS_A_ROUND: number = NAMES.length;

const LOAD_MS_MAX = 3000;
const MANY = 1024;
const ASK_MS = 1000;
const KEYS_PREFIX = 'cost---:';

/** One kind of cluster. */
export interface CostFigures {
  readonly kind: KindName;
  /** With 1,024 in flight. */
  readonly commandsPerSecond: Series;
  /** Processor time of one command in all three replicas and the client, and in the leader alone. */
  readonly processor: Series;
  readonly leaderProcessor: Series;
  /** With one in flight. */
  readonly p50: Series;
}

export interface CostsFigures {
  readonly kinds: readonly CostFigures[];
  /** HMACs that all three replicas made while they were loaded. */
  readonly proofs: Series;
}

interface Measured {
  readonly one: ClusterLoad;
  readonly many: ClusterLoad;
}

export async function measureCostsLevel(options: BenchOptions, progress: Progress): Promise<CostsFigures> {
  const rounds = new Map<KindName, Measured[]>(NAMES.map((name) => [name, []]));
  for (let round = 1; round <= options.rounds; round++) {
    const order = round % 2 === 1 ? NAMES : NAMES.toReversed();
    for (const name of order) {
      progress.step(`round ${round}: ${name}`);
      rounds.get(name)!.push(await measureKind(KINDS[name], options));
    }
  }
  return {
    kinds: NAMES.map((kind) => figuresOf(kind, rounds.get(kind)!)),
    proofs: seriesOf(
      'HMACs',
      rounds.get('TCP')!.map(({ one, many }) => one.counted + many.counted),
    ),
  };
}

async function measureKind(kind: Kind, options: BenchOptions): Promise<Measured> {
  const { regionDirectory: parent, regionBytes, replicaFlags, keys, warmUpMs } = options;
  const scratch = scratchDirectory(parent);
  const file = join(scratch, 'proofs');
  const proofs = new Proofs(file);
  const count = (pids: readonly number[]): Promise<number> => proofs.madeBy(pids);
  const preloads = ['count-proofs.mjs', ...(kind.preload === undefined ? [] : [kind.preload])];
  const cluster = await BenchCluster.start({
    backend: 'emulated',
    parent,
    regionBytes,
    replicaFlags: [...replicaFlags, ...preloads.flatMap((name) => ['--import', pathOf(name)])],
    spaces: [{ prefix: KEYS_PREFIX, keys }],
    way: kind.way,
    hasHttp: kind.isAsked === true,
    environment: { INDELIBLE_BENCH_PROOFS: file },
  });
  const asking = new Asking(kind.isAsked === true ? cluster.httpPorts : []);
  try {
    const loadMs = Math.min(options.loadMs, LOAD_MS_MAX);
    const one = await cluster.load({ inFlight: 1, space: 0, warmUpMs, loadMs }, count);
    const many = await cluster.load({ inFlight: MANY, space: 0, warmUpMs, loadMs }, count);
    const check = { ...(await cluster.agreement()), ...(await cluster.readBack()) };
    verify([one, many], check);
    await asking.end();
    await cluster.stop();
    return { one, many };
  } catch (error) {
    cluster.destroy();
    throw error;
  } finally {
    removeScratch(scratch);
  }
}

/** Asks each of these ports for metrics, once a second. */
class Asking {
  readonly #timer: NodeJS.Timeout;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: readonly number[]) {
    this.#timer = setInterval(() => {
      const before = this.#last;
      this.#last = Promise.all([before, ...ports.map(askOne)]);
      // What it throws is for who waits for the end.
      this.#last.catch(() => {});
    }, ASK_MS);
  }

  /** @throws what kept a replica from telling */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#last;
  }
}

async function askOne(port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await answer.text();
  if (!text.includes('indelible_commit_seconds')) throw new Error(`no metrics on port ${port}: ${text}`);
}

function pathOf(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function figuresOf(kind: KindName, rounds: readonly Measured[]): CostFigures {
  const series = (unit: string, value: (measured: Measured) => number): Series =>
    seriesOf(unit, rounds.map(value));
  return {
    kind,
    commandsPerSecond: series('commands/s', ({ many }) => many.commands / many.seconds),
    processor: series('µs', ({ many }) => processorOf(many)),
    leaderProcessor: series('µs', ({ many }) => many.leaderMicroseconds),
    p50: series('µs', ({ one }) => one.latencies.p50Microseconds),
  };
}

function processorOf({ leaderMicroseconds, followerMicroseconds, clientMicroseconds }: ClusterLoad): number {
  return leaderMicroseconds + 2 * followerMicroseconds + clientMicroseconds;
}
