/** What a replica's HTTP port tells programs: metrics, and whether it lives and is ready. */
import { formatMetrics, METRICS_TYPE, type Metric } from '../observe/metric.js';
import { processMetrics } from '../observe/process-metrics.js';
import { type DiskSpace, healthLines, healthOf, lookAtDisk } from '../replica/health.js';
import type { Replica } from '../replica/replica.js';
import { type Answer, type Asked, plain, type Route } from './http-port.js';

const TRACE_SECONDS_MAX = 60;

/** What is told of a replica. */
export type Told = Pick<Replica, 'identity' | 'metrics' | 'status' | 'trace'>;

export interface ReplicaRoutesOptions {
  /** Where its store lies: how full the file system is, is told. */
  readonly directory?: string | undefined;
  /** What is told beside the replica's own metrics. */
  readonly extraMetrics?: (() => readonly Metric[]) | undefined;
}

export function replicaRoutes(
  replica: Told,
  { directory, extraMetrics = () => [] }: ReplicaRoutesOptions,
): ReadonlyMap<string, Route> {
  const labels = { replica: String(replica.identity.replicaId) };
  const metrics: Route['answer'] = async () => {
    const disk = diskMetrics(await diskOf(directory), replica.status().disk?.reserveBytes);
    const own = formatMetrics([...replica.metrics(), ...extraMetrics(), ...disk], labels);
    return { status: 200, type: METRICS_TYPE, body: own + formatMetrics(processMetrics()) };
  };
  const alive: Route['answer'] = () => {
    const { failure } = replica.status();
    return failure === undefined ? plain(200, 'ok\n') : plain(503, `it has stopped: ${failure}\n`);
  };
  const ready: Route['answer'] = async ({ url }) => {
    const status = replica.status();
    // A replica that watches its disk is believed.
    const health = healthOf(status, status.disk === undefined ? await diskOf(directory) : undefined);
    const code = health.level === 'fail' ? 503 : 200;
    if (url.searchParams.get('format') === 'json') {
      return { status: code, type: 'application/json', body: `${JSON.stringify(health)}\n` };
    }
    const lines = url.searchParams.has('verbose') ? healthLines(health) : [];
    return plain(code, [...lines, code === 200 ? 'ready' : 'not ready', ''].join('\n'));
  };
  return new Map<string, Route>([
    ['/metrics', { answer: metrics }],
    ['/livez', { isOpen: true, answer: alive }],
    ['/readyz', { isOpen: true, answer: ready }],
    ['/trace', { answer: (asked) => traceAnswer(replica, asked) }],
  ]);
}

/** `?commands=N&seconds=S`: follows so many, for so long at most, or until nobody waits for them. */
async function traceAnswer(replica: Told, { url, response }: Asked): Promise<Answer> {
  const seconds = Number(url.searchParams.get('seconds') ?? 5);
  if (!(seconds > 0 && seconds <= TRACE_SECONDS_MAX)) {
    return plain(400, `seconds is above 0, and at most ${TRACE_SECONDS_MAX}\n`);
  }
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(seconds * 1000)]);
  try {
    const traces = await replica.trace(Number(url.searchParams.get('commands') ?? 10), { signal });
    const { leader, replicaId } = replica.status();
    if (traces.length === 0 && leader !== replicaId) return plain(409, `replica ${leader} leads: ask it\n`);
    return { status: 200, type: 'application/json', body: `${JSON.stringify(traces)}\n` };
  } catch (error) {
    return plain(400, `${(error as Error).message}\n`);
  }
}

/** Undefined where it cannot be told. */
async function diskOf(directory: string | undefined): Promise<DiskSpace | undefined> {
  return directory === undefined ? undefined : lookAtDisk(directory);
}

function diskMetrics(disk: DiskSpace | undefined, reserveBytes: number | undefined): readonly Metric[] {
  const samples = (value: number | undefined) => (value === undefined ? [] : [{ labels: {}, value }]);
  return [
    {
      type: 'gauge',
      name: 'indelible_disk_free_bytes',
      help: 'Free on the file system of its directory',
      samples: samples(disk?.freeBytes),
    },
    {
      type: 'gauge',
      name: 'indelible_disk_size_bytes',
      help: 'Size of that file system',
      samples: samples(disk?.bytes),
    },
    {
      type: 'gauge',
      name: 'indelible_disk_reserve_bytes',
      help: 'Kept free there for checkpoints: with less, commands that grow the state may be refused',
      samples: samples(reserveBytes),
    },
  ];
}
