/** redis-benchmark against the Redis port of a replica: a client that knows nothing of Indelible. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface RedisFigures {
  /** SET, GET, INCR. */
  readonly test: string;
  readonly requestsPerSecond: number;
  readonly p50Microseconds: number;
  readonly p99Microseconds: number;
}

const CLIENTS = 50;
const PIPELINE = 16;
/** Keys are drawn from this many, so that SETs make new keys at first and replace old ones later. */
const KEYS = 1_000_000;

/** @throws what redis-benchmark says, where it is not there or met an error reply */
export async function redisBenchmark(port: number, requests: number): Promise<readonly RedisFigures[]> {
  const settings = [
    '-t',
    'set,get,incr',
    '-P',
    PIPELINE,
    '-c',
    CLIENTS,
    '-n',
    requests,
    '-r',
    KEYS,
    '-d',
    38,
  ];
  const args = ['-p', port, ...settings, '--csv'].map(String);
  const { stdout } = await promisify(execFile)('redis-benchmark', args);
  return parseRedisCsv(stdout);
}

/** @throws RangeError for what is no output of `redis-benchmark --csv` */
export function parseRedisCsv(csv: string): readonly RedisFigures[] {
  const [head, ...rows] = csv.split('\n').filter((line) => line.startsWith('"'));
  const names = cells(head ?? '');
  const column = (name: string): number => {
    const at = names.indexOf(name);
    if (at < 0) throw new RangeError(`redis-benchmark printed no column ${name}`);
    return at;
  };
  const [test, rps, p50, p99] = ['test', 'rps', 'p50_latency_ms', 'p99_latency_ms'].map(column);
  return rows.map((row) => {
    const values = cells(row);
    return {
      test: values[test!]!,
      requestsPerSecond: Number(values[rps!]),
      p50Microseconds: Number(values[p50!]) * 1000,
      p99Microseconds: Number(values[p99!]) * 1000,
    };
  });
}

function cells(line: string): readonly string[] {
  return line.split(',').map((cell) => cell.replaceAll('"', ''));
}
