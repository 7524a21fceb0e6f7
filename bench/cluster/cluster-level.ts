/**
 * The cluster level: what a client sees of three replicas, their logs on emulated persistent memory and on
 * files.
 *
 * 1. A round holds everything once: the bare two-hop round trip, then each backend with a cluster of its
 *    own. The rounds are interleaved, so that what drifts on the machine drifts for all alike.
 * 2. After each cluster's loads the replicas' digests must be equal, and every answered key is read back.
 * 3. A load whose commands were not all executed with the answer OK is a failure, not a result.
 */
import type { Latencies } from '../latencies.js';
import type { BenchOptions } from '../options.js';
import type { Progress } from '../progress.js';
import { type Series, seriesOf } from '../series.js';
import { type Agreement, BACKENDS, type Backend, BenchCluster, type ClusterLoad } from './bench-cluster.js';
import { measureHop, RELAYS, type Relay } from './hop.js';
import { COMMANDS_MAX } from './keys.js';
import type { ReadBackResult } from './messages.js';
import { type RedisFigures, redisBenchmark } from './redis-benchmark.js';

/** The loads of a cluster, in order: commands in flight, and which of the key spaces they go over. */
export const LOADS: readonly { readonly inFlight: number; readonly keys: Keys }[] = [
  { inFlight: 1, keys: 'few' },
  { inFlight: 64, keys: 'few' },
  { inFlight: 1024, keys: 'few' },
  { inFlight: 1024, keys: 'one each' },
];

/** A state that stays of one size, or one that grows with every command. */
export type Keys = 'few' | 'one each';
const SPACES: readonly Keys[] = ['few', 'one each'];

export const CLUSTER_STEPS_A_ROUND: number = 1 + BACKENDS.length * (LOADS.length + 3);

/** The loads that no throughput is promised for, and those on files, take at most this long. */
const SHORT_LOAD_MS_MAX = 3000;
const LONG_LOAD_IN_FLIGHT = 1024;

export interface LoadFigures {
  readonly inFlight: number;
  readonly keys: Keys;
  readonly commandsPerSecond: Series;
  readonly p50: Series;
  readonly p99: Series;
  readonly p999: Series;
  /** Processor time of one command. */
  readonly leaderProcessor: Series;
  readonly followerProcessor: Series;
  readonly clientProcessor: Series;
}

export interface RedisSeries {
  readonly test: string;
  readonly requestsPerSecond: Series;
  readonly p50: Series;
  readonly p99: Series;
}

/** What was checked after the loads of one cluster. */
export type Check = Agreement & ReadBackResult & { readonly round: number };

export interface BackendFigures {
  readonly backend: Backend;
  readonly loads: readonly LoadFigures[];
  readonly redis: readonly RedisSeries[];
  readonly checks: readonly Check[];
}

/** The bare two-hop round trip, through one kind of relay. */
export interface HopFigures {
  readonly relay: Relay;
  readonly p50: Series;
  readonly p99: Series;
}

export interface ClusterFigures {
  readonly hops: readonly HopFigures[];
  readonly backends: readonly BackendFigures[];
}

interface Round {
  readonly loads: readonly ClusterLoad[];
  readonly redis: readonly RedisFigures[];
  readonly check: Check;
}

export async function measureClusterLevel(
  options: BenchOptions,
  progress: Progress,
): Promise<ClusterFigures> {
  const hops = new Map<Relay, Latencies[]>(RELAYS.map((relay) => [relay, []]));
  const rounds = new Map<Backend, Round[]>(BACKENDS.map((backend) => [backend, []]));
  for (let round = 1; round <= options.rounds; round++) {
    progress.step(`round ${round}: the bare two-hop round trip`);
    const order = { warmUpMs: Math.min(options.warmUpMs, 500), measureMs: Math.min(options.loadMs, 3000) };
    for (const relay of RELAYS) hops.get(relay)!.push(await measureHop(relay, order));
    for (const backend of BACKENDS) {
      rounds.get(backend)!.push(await measureCluster(backend, round, options, progress));
    }
  }
  return {
    hops: RELAYS.map((relay) => hopFiguresOf(relay, hops.get(relay)!)),
    backends: BACKENDS.map((backend) => figuresOf(backend, rounds.get(backend)!)),
  };
}

function hopFiguresOf(relay: Relay, hops: readonly Latencies[]): HopFigures {
  return {
    relay,
    p50: seriesOf(
      'µs',
      hops.map(({ p50Microseconds }) => p50Microseconds),
    ),
    p99: seriesOf(
      'µs',
      hops.map(({ p99Microseconds }) => p99Microseconds),
    ),
  };
}

async function measureCluster(
  backend: Backend,
  round: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Round> {
  const { regionBytes, replicaFlags, keys, warmUpMs, redisRequests } = options;
  const title = `round ${round}: ${backend}`;
  const parent = backend === 'emulated' ? options.regionDirectory : options.diskDirectory;
  progress.step(`${title}, starting three replicas`);
  const spaces = [
    { prefix: 'few----:', keys },
    { prefix: 'own----:', keys: COMMANDS_MAX },
  ];
  const cluster = await BenchCluster.start({ backend, parent, regionBytes, replicaFlags, spaces });
  try {
    const loads: ClusterLoad[] = [];
    for (const { inFlight, keys: which } of LOADS) {
      progress.step(`${title}, ${inFlight} in flight, keys: ${which}`);
      const isLong = backend === 'emulated' && inFlight === LONG_LOAD_IN_FLIGHT;
      const loadMs = isLong ? options.loadMs : Math.min(options.loadMs, SHORT_LOAD_MS_MAX);
      loads.push(await cluster.load({ inFlight, space: SPACES.indexOf(which), warmUpMs, loadMs }));
    }
    progress.step(`${title}, redis-benchmark`);
    const redis = await redisBenchmark(await cluster.leaderRedisPort(), redisRequests);
    progress.step(`${title}, reading back`);
    const check = { round, ...(await cluster.agreement()), ...(await cluster.readBack()) };
    verify(loads, check);
    await cluster.stop();
    return { loads, redis, check };
  } catch (error) {
    cluster.destroy();
    throw error;
  }
}

/** @throws when anything that was promised to the client does not hold */
export function verify(loads: readonly ClusterLoad[], check: ReadBackResult): void {
  for (const { outcomes, refusals } of loads) {
    const [, ...others] = outcomes;
    if (refusals > 0 || others.some((count) => count > 0)) {
      throw new Error(`outcomes ${outcomes.join(', ')} with ${refusals} refusals: not all were executed`);
    }
  }
  if (check.wrong > 0 || check.equal !== check.answered) {
    throw new Error(
      `${check.answered} keys were answered, ${check.equal} read back equal, ${check.wrong} not`,
    );
  }
}

function figuresOf(backend: Backend, rounds: readonly Round[]): BackendFigures {
  const loads = LOADS.map(({ inFlight, keys }, index): LoadFigures => {
    const series = (unit: string, value: (load: ClusterLoad) => number): Series =>
      seriesOf(
        unit,
        rounds.map((round) => value(round.loads[index]!)),
      );
    return {
      inFlight,
      keys,
      commandsPerSecond: series('commands/s', ({ commands, seconds }) => commands / seconds),
      p50: series('µs', ({ latencies }) => latencies.p50Microseconds),
      p99: series('µs', ({ latencies }) => latencies.p99Microseconds),
      p999: series('µs', ({ latencies }) => latencies.p999Microseconds),
      leaderProcessor: series('µs', ({ leaderMicroseconds }) => leaderMicroseconds),
      followerProcessor: series('µs', ({ followerMicroseconds }) => followerMicroseconds),
      clientProcessor: series('µs', ({ clientMicroseconds }) => clientMicroseconds),
    };
  });
  const redis = rounds[0]!.redis.map(({ test }, index): RedisSeries => {
    const series = (unit: string, value: (figures: RedisFigures) => number): Series =>
      seriesOf(
        unit,
        rounds.map((round) => value(round.redis[index]!)),
      );
    return {
      test,
      requestsPerSecond: series('requests/s', ({ requestsPerSecond }) => requestsPerSecond),
      p50: series('µs', ({ p50Microseconds }) => p50Microseconds),
      p99: series('µs', ({ p99Microseconds }) => p99Microseconds),
    };
  });
  return { backend, loads, redis, checks: rounds.map(({ check }) => check) };
}
