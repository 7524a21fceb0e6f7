/**
 * A metric as plain data, for whoever feeds a monitoring of any kind; and the text that Prometheus reads.
 *
 * 1. A name says its unit, and a counter ends in `_total`, as Prometheus wants it.
 * 2. Names, types and labels are an interface: docs/metrics.md lists all of them, and a test compares.
 */
import type { HistogramValues } from './histogram.js';

/** What tells samples of one metric apart, by name. */
export type Labels = Readonly<Record<string, string>>;

/** One value. */
export interface MetricSample {
  /** Empty where there is one sample only. */
  readonly labels: Labels;
  /** In the unit that the name says. */
  readonly value: number;
}

interface MetricBase {
  /** As docs/metrics.md lists it. */
  readonly name: string;
  /** What it is, in a sentence. */
  readonly help: string;
}

/** A counter, which only rises while the replica is open, or a gauge. */
export interface PlainMetric extends MetricBase {
  /** Which of them. */
  readonly type: 'counter' | 'gauge';
  /** None where there is nothing to tell now. */
  readonly samples: readonly MetricSample[];
}

/** A histogram since the replica was opened. */
export interface HistogramMetric extends MetricBase {
  /** What tells it from a counter. */
  readonly type: 'histogram';
  /** Its buckets. */
  readonly histogram: HistogramValues;
}

/** A counter or a gauge with its samples, or a histogram. */
export type Metric = PlainMetric | HistogramMetric;

/** The media type of {@link formatMetrics}. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** What a metric of one sample without labels is. */
export function single(type: PlainMetric['type'], name: string, help: string, value: number): PlainMetric {
  return { type, name, help, samples: [{ labels: {}, value }] };
}

/**
 * The text that Prometheus reads (exposition format 0.0.4).
 * @param labels what every sample has beside its own
 */
export function formatMetrics(metrics: readonly Metric[], labels: Labels = {}): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    const { name, help, type } = metric;
    lines.push(`# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`);
    lines.push(`# TYPE ${name} ${type}`);
    if (metric.type === 'histogram') pushHistogram(lines, name, metric.histogram, labels);
    else for (const { labels: own, value } of metric.samples) push(lines, name, { ...labels, ...own }, value);
  }
  return `${lines.join('\n')}\n`;
}

function pushHistogram(lines: string[], name: string, values: HistogramValues, labels: Labels): void {
  const { bounds, counts, sum, count } = values;
  let upTo = 0;
  bounds.forEach((bound, index) => {
    upTo += counts[index] ?? 0;
    push(lines, `${name}_bucket`, { ...labels, le: String(bound) }, upTo);
  });
  push(lines, `${name}_bucket`, { ...labels, le: '+Inf' }, count);
  push(lines, `${name}_sum`, labels, sum);
  push(lines, `${name}_count`, labels, count);
}

function push(lines: string[], name: string, labels: Labels, value: number): void {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}`);
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
