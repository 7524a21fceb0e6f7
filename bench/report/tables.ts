/** The figures of a run as tables: for the terminal, and for the page. */

import { distributionOf } from '../failover/distribution.js';
import { ratioOf, type Series } from '../series.js';
import type { GroupShape } from '../storage/cases.js';
import type { Report } from './report.js';
import { number, spread } from './text.js';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function tablesOf({ storage, cluster, costs, failover }: Report): readonly Table[] {
  const tables: Table[] = [];
  if (storage !== undefined) {
    tables.push(appendTable(storage), mediumTable(storage), pmemlogTable(storage));
    tables.push(readBackTable(storage), syncTable(storage));
  }
  if (cluster !== undefined) tables.push(loadTable(cluster), redisTable(cluster), checkTable(cluster));
  if (costs !== undefined) tables.push(costsTable(costs));
  if (failover !== undefined) tables.push(...failoverTables(failover));
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

/** Counted, not timed: what the medium is given for each vote. */
function mediumTable({ appends }: NonNullable<Report['storage']>): Table {
  const rows = appends.map(({ store, votes, bytes, inFlight, barriers, bytesWritten }) => {
    const written = bytesWritten.median / votes;
    const counts = [barriers.median / votes, written, written / bytes].map(number);
    return [store, `${votes} × ${bytes} B`, String(inFlight), ...counts];
  });
  const head = [
    'store',
    'group',
    'groups under way',
    'barriers a vote',
    'bytes a vote',
    'bytes a payload byte',
  ];
  return { title: 'What a vote costs the medium (counted, trims included)', head, rows };
}

function pmemlogTable({ appends, pmemlog }: NonNullable<Report['storage']>): Table {
  const title = 'Beside libpmemlog, on the same kind of mapping';
  if (typeof pmemlog === 'string') return { title, head: ['not measured'], rows: [[pmemlog]] };
  const row = (what: string, { votes, bytes }: GroupShape, nanoseconds: Series): readonly string[] => {
    return [what, `${votes} × ${bytes} B`, spread(nanoseconds), number((votes * 1e9) / nanoseconds.median)];
  };
  const theirs = pmemlog.map((one) => {
    return row(one.votes === 1 ? 'pmemlog_append' : 'pmemlog_appendv', one, one.nanoseconds);
  });
  const own = appends.filter(({ store, votes, bytes }) => {
    return store === 'two-fence' && pmemlog.some((one) => one.votes === votes && one.bytes === bytes);
  });
  const ours = own.map((one) => row('two-fence, from TypeScript', one, one.nanoseconds));
  return {
    title,
    head: ['what', 'payloads a call', 'ns a call', 'payloads a second'],
    rows: [...theirs, ...ours],
  };
}

function readBackTable({ readBacks }: NonNullable<Report['storage']>): Table {
  const rows = readBacks.map(({ votes, bytes, recover, scrub, copy }) => {
    return [`${votes} × ${bytes} B`, ...[recover, scrub, copy].map(spread)];
  });
  const head = ['groups of', 'recovery GB/s', 'scrub GB/s', 'memcpy of as many bytes GB/s'];
  return { title: 'A log of 56 MiB, read back', head, rows };
}

function syncTable({ syncLimits }: NonNullable<Report['storage']>): Table {
  const rows = syncLimits.map(({ bytes, nanoseconds }) => [number(bytes), spread(nanoseconds)]);
  return { title: 'The bare pwrite and fdatasync loop', head: ['bytes', 'ns a write'], rows };
}

function loadTable({ hops, backends }: NonNullable<Report['cluster']>): Table {
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
  const bare = hops.map(({ relay, p50, p99 }) => {
    return [`bare two-hop TCP, relay ${relay}`, '1', '', '', spread(p50), spread(p99), '', '', '', ''];
  });
  const latencies = ['p50 µs', 'p99 µs', 'p99.9 µs'];
  const processors = ['leader µs/command', 'follower', 'client'];
  const head = ['backend', 'in flight', 'keys', 'commands/s', ...latencies, ...processors];
  return {
    title: 'Three replicas, through the library: 64-byte commands',
    head,
    rows: [...bare, ...rows],
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

/** Each beside plain TCP of the same round. */
function costsTable({ kinds }: NonNullable<Report['costs']>): Table {
  const [plain] = kinds;
  const rows = kinds.map((figures) => {
    const cells = (['commandsPerSecond', 'processor', 'p50'] as const).flatMap((what) => {
      const ratio = number(ratioOf(figures[what], plain![what]).median);
      return [spread(figures[what]), ratio];
    });
    return [figures.kind, ...cells];
  });
  const many = ['commands/s, 1,024 in flight', '÷ TCP', 'processor µs/command, all', '÷ TCP'];
  const head = ['what', ...many, 'p50 µs, 1 in flight', '÷ TCP'];
  return { title: 'What sealing, metrics and sessions cost', head, rows };
}

function failoverTables(failover: NonNullable<Report['failover']>): readonly Table[] {
  const title = 'What happens to the leader, and how long a surviving port gives no answer (ms)';
  if (typeof failover === 'string') return [{ title, head: ['not measured'], rows: [[failover]] }];
  const outages = failover.outages.map(({ fault, load, milliseconds, refused }) => {
    const { p50, p90, p99, max } = distributionOf(milliseconds);
    const errors = Object.entries(refused).map(([word, count]) => `${number(count)} ${word}`);
    const numbers = [milliseconds.length, p50, p90, p99, max].map(number);
    return [fault, load, ...numbers, errors.join(', ')];
  });
  const calm = failover.calm.map(({ busyLoops, seconds, commandsPerSecond, elections, roleChanges }) =>
    [busyLoops, seconds, commandsPerSecond, elections, roleChanges].map(number),
  );
  return [
    {
      title,
      head: ['fault', 'load', 'times', 'p50', 'p90', 'p99', 'max', 'errors, all in all'],
      rows: outages,
    },
    {
      title: 'Full load without a fault',
      head: ['busy loops beside it', 'seconds', 'commands/s', 'elections', 'changes of a role'],
      rows: calm,
    },
  ];
}
