/** What `npm run bench -- …` takes. */
import { relative } from 'node:path';
import { parseArgs } from 'node:util';

export const LEVELS = ['storage', 'cluster', 'costs', 'failover'] as const;
/** Fail-overs take an hour, and root: they are measured when they are asked for. */
const LEVELS_BY_DEFAULT: readonly Level[] = ['storage', 'cluster', 'costs'];
export type Level = (typeof LEVELS)[number];

export interface BenchOptions {
  readonly levels: readonly Level[];
  /** Rounds of everything, interleaved; results are medians over them. */
  readonly rounds: number;
  /** How long one case of the storage level runs in one round, in milliseconds. */
  readonly storageMs: number;
  /** How long a load of the cluster level runs in a round, at most, and before that, in milliseconds. */
  readonly loadMs: number;
  readonly warmUpMs: number;
  /** Requests of each kind that redis-benchmark sends in one round. */
  readonly redisRequests: number;
  /** Keys of the loads that go over few. */
  readonly keys: number;
  /** Bytes of a replica's log at the cluster level. */
  readonly regionBytes: number;
  /** How often each fault of the fail-over level is inflicted on the leader, without and with a load. */
  readonly faults: number;
  /** How long all is left alone between two of them: what is usual of a new leader is known by then. */
  readonly restMs: number;
  /** How long full load goes on without a fault, in seconds, and beside how many busy loops once more. */
  readonly calmSeconds: number;
  readonly busyLoops: number;
  /** Where emulated regions lie, and where files do; a directory of its own is made and removed in each. */
  readonly regionDirectory: string;
  readonly diskDirectory: string;
  /** Results go to bench/results/<name>.json and .html. */
  readonly name: string;
  /** Node.js options of the replica processes, such as --cpu-prof. */
  readonly replicaFlags: readonly string[];
}

export const USAGE = `usage: npm run bench -- [options]

  --quick                 three short rounds: shows that it runs, measures little
  --only LEVEL            storage, cluster or costs (of sealing, metrics, sessions); without it all of these.
                          failover: what happens when the leader fails; an hour, as root
  --rounds N              rounds of everything, interleaved (7)
  --storage-ms N          milliseconds of a storage case a round (400)
  --load-ms N             milliseconds of a long cluster load a round (10000), after --warm-up-ms (1000)
  --redis-requests N      requests of each kind that redis-benchmark sends a round (200000)
  --keys N                keys of the loads that go over few (200000)
  --faults N              times that each fault strikes the leader, idle and under load (50)
  --rest-ms N             milliseconds from one of them to the next (3000)
  --calm-seconds N        seconds of full load without a fault, twice (600): elections then are false
  --busy-loops N          processes that keep processors busy in the second of them (3)
  --region-bytes N        bytes of a replica's log in the cluster (100663296)
  --region-dir DIR        where emulated regions lie (/dev/shm)
  --disk-dir DIR          where files lie (bench/results' own file system)
  --replica-flags FLAGS   Node.js options of the replica processes
  --name NAME             writes bench/results/NAME.json and NAME.html (latest)
`;

/** @throws RangeError, TypeError for options that are none */
export function parseOptions(args: readonly string[], diskDirectory: string): BenchOptions | 'help' {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      only: text,
      rounds: text,
      'storage-ms': text,
      'load-ms': text,
      'warm-up-ms': text,
      'redis-requests': text,
      keys: text,
      faults: text,
      'rest-ms': text,
      'calm-seconds': text,
      'busy-loops': text,
      'region-bytes': text,
      'region-dir': text,
      'disk-dir': text,
      'replica-flags': text,
      name: text,
    },
  });
  if (values.help === true) return 'help';
  const quick = values.quick === true;
  const number = (name: string, given: string | undefined, short: number, long: number): number => {
    const value = given === undefined ? (quick ? short : long) : Number(given);
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`--${name} is a whole number above 0`);
    return value;
  };
  const name = values.name ?? 'latest';
  if (!/^[\w.-]+$/.test(name)) throw new RangeError('--name is letters, digits, dots and dashes');
  return {
    levels: levelsOf(values.only),
    rounds: number('rounds', values.rounds, 3, 7),
    storageMs: number('storage-ms', values['storage-ms'], 50, 400),
    loadMs: number('load-ms', values['load-ms'], 1000, 10_000),
    warmUpMs: number('warm-up-ms', values['warm-up-ms'], 500, 1000),
    redisRequests: number('redis-requests', values['redis-requests'], 50_000, 200_000),
    keys: number('keys', values.keys, 200_000, 200_000),
    faults: number('faults', values.faults, 2, 50),
    restMs: number('rest-ms', values['rest-ms'], 3000, 3000),
    calmSeconds: number('calm-seconds', values['calm-seconds'], 5, 600),
    busyLoops: number('busy-loops', values['busy-loops'], 3, 3),
    regionBytes: number('region-bytes', values['region-bytes'], 32 << 20, 96 << 20),
    regionDirectory: values['region-dir'] ?? '/dev/shm',
    diskDirectory: values['disk-dir'] ?? diskDirectory,
    name,
    replicaFlags: (values['replica-flags'] ?? '').split(' ').filter((flag) => flag !== ''),
  };
}

/** The options as a report holds them: a directory within the project is named from its root. */
export function recordedOptions(options: BenchOptions, root: string): BenchOptions {
  const fromRoot = relative(root, options.diskDirectory);
  return fromRoot.startsWith('..') ? options : { ...options, diskDirectory: fromRoot };
}

function levelsOf(only: string | undefined): readonly Level[] {
  if (only === undefined) return LEVELS_BY_DEFAULT;
  const level = LEVELS.find((candidate) => candidate === only);
  if (level === undefined) throw new RangeError(`--only is one of ${LEVELS.join(', ')}`);
  return [level];
}
