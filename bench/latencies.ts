/** Latencies as every part of the benchmark reports them, in microseconds. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

export interface Latencies {
  readonly count: number;
  readonly meanMicroseconds: number;
  readonly p50Microseconds: number;
  readonly p99Microseconds: number;
  readonly p999Microseconds: number;
  readonly maxMicroseconds: number;
}

/** A histogram of nanoseconds, exact to three digits, through a minute. */
export function latencyHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: 60_000_000_000, figures: 3 });
}

export function latenciesOf(histogram: RecordableHistogram): Latencies {
  const { count, mean, max } = histogram;
  if (count === 0) throw new RangeError('a histogram without a record has no percentiles');
  return {
    count,
    meanMicroseconds: mean / 1000,
    p50Microseconds: histogram.percentile(50) / 1000,
    p99Microseconds: histogram.percentile(99) / 1000,
    p999Microseconds: histogram.percentile(99.9) / 1000,
    maxMicroseconds: max / 1000,
  };
}
