/** What the system and Node.js know of this process, under the names that Prometheus's clients use. */
import { readdirSync, readFileSync } from 'node:fs';
import { type Metric, type PlainMetric, single } from './metric.js';

export function processMetrics(): readonly Metric[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const gauge = (name: string, help: string, value: number): PlainMetric =>
    single('gauge', name, help, value);
  return [
    single('counter', 'process_cpu_seconds_total', 'Processor time', (user + system) / 1e6),
    gauge('process_resident_memory_bytes', 'Memory that is in RAM', rss),
    gauge('process_start_time_seconds', 'When the process started, since 1970', startedSeconds()),
    gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use', heapUsed),
    gauge('nodejs_heap_size_total_bytes', 'JavaScript heap', heapTotal),
    gauge('nodejs_external_memory_bytes', 'Buffers and other memory outside that heap', external),
    ...descriptors(),
  ];
}

function startedSeconds(): number {
  return Math.round((performance.timeOrigin / 1000) * 1000) / 1000;
}

/** No samples where the kernel does not tell. */
function descriptors(): readonly Metric[] {
  let open: number | undefined;
  let most: number | undefined;
  try {
    open = readdirSync('/proc/self/fd').length;
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
    most = soft === undefined ? undefined : Number(soft);
  } catch {
    // Another kernel, or no descriptor left to look with.
  }
  const told = (name: string, help: string, value: number | undefined): Metric => ({
    type: 'gauge',
    name,
    help,
    samples: value === undefined ? [] : [{ labels: {}, value }],
  });
  return [
    told('process_open_fds', 'Open file descriptors', open),
    told('process_max_fds', 'Most that it may have open (ulimit -n)', most),
  ];
}
