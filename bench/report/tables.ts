/** The figures of a run as tables: for the terminal, and for the page. */
import type { Report } from './report.js';
import { number, spread } from './text.js';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function tablesOf({ storage, cluster }: Report): readonly Table[] {
  const tables: Table[] = [];
  if (storage !== undefined) tables.push(appendTable(storage), syncTable(storage));
  if (cluster !== undefined) tables.push(loadTable(cluster), redisTable(cluster), checkTable(cluster));
  return tables;
}

function appendTable({ appends, appendLimits }: NonNullable<Report['storage']>): Table {
  const limits = appendLimits.map(({ loop, fences, votes, bytes, nanoseconds }) => {
    const what = `C++: ${loop}, ${fences === 1 ? 'one fence' : 'two fences'}`;
    return [what, `${votes} × ${bytes} B`, '1', spread(nanoseconds), String(fences), ''];
  });
  const stores = appends.map(({ store, votes, bytes, inFlight, nanoseconds, barriers, bytesWritten }) => {
    const group = [`${votes} × ${bytes} B`, String(inFlight), spread(nanoseconds)];
    return [store, ...group, number(barriers.median), number(bytesWritten.median)];
  });
  const head = ['store', 'group', 'groups under way', 'ns a group', 'barriers', 'bytes written'];
  return { title: 'Appending one group to a log', head, rows: [...limits, ...stores] };
}

function syncTable({ syncLimits }: NonNullable<Report['storage']>): Table {
  const rows = syncLimits.map(({ bytes, nanoseconds }) => [number(bytes), spread(nanoseconds)]);
  return { title: 'The bare pwrite and fdatasync loop', head: ['bytes', 'ns a write'], rows };
}

function loadTable({ hopP50, hopP99, backends }: NonNullable<Report['cluster']>): Table {
  const rows = backends.flatMap(({ backend, loads }) =>
    loads.map((load) => [
      backend,
      number(load.inFlight),
      load.keys,
      spread(load.commandsPerSecond),
      ...[load.p50, load.p99, load.p999].map(spread),
      ...[load.leaderProcessor, load.followerProcessor, load.clientProcessor].map(({ median }) =>
        number(median),
      ),
    ]),
  );
  const hop = ['bare two-hop TCP', '1', '', '', spread(hopP50), spread(hopP99), '', '', '', ''];
  const latencies = ['p50 µs', 'p99 µs', 'p99.9 µs'];
  const processors = ['leader µs/command', 'follower', 'client'];
  const head = ['backend', 'in flight', 'keys', 'commands/s', ...latencies, ...processors];
  return {
    title: 'Three replicas, through the library: 64-byte commands',
    head,
    rows: [hop, ...rows],
  };
}

function redisTable({ backends }: NonNullable<Report['cluster']>): Table {
  const rows = backends.flatMap(({ backend, redis }) =>
    redis.map(({ test, requestsPerSecond, p50, p99 }) => {
      return [backend, test, spread(requestsPerSecond), spread(p50), spread(p99)];
    }),
  );
  const head = ['backend', 'test', 'requests/s', 'p50 µs', 'p99 µs'];
  return { title: 'redis-benchmark -P 16 -c 50, on the leader’s Redis port', head, rows };
}

function checkTable({ backends }: NonNullable<Report['cluster']>): Table {
  const rows = backends.flatMap(({ backend, checks }) =>
    checks.map(({ round, answered, equal, trims, laps, digest }) => {
      return [backend, String(round), number(answered), number(equal), String(trims), String(laps), digest];
    }),
  );
  const head = [
    'backend',
    'round',
    'keys answered',
    'read back equal',
    'trims',
    'laps',
    'digest of all three',
  ];
  return { title: 'Checked after every cluster’s loads', head, rows };
}
