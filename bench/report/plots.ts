/** The figures of a run as SVG. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { distributionOf } from '../failover/distribution.js';
import type { FailoverFigures } from '../failover/messages.js';
import type { ReadBackFigures } from '../storage/storage-level.js';
import type { Report } from './report.js';
import { number } from './text.js';

export interface Figure {
  readonly title: string;
  readonly svg: string;
}

const WIDTH = 900;
const STYLE = { fontSize: '12px', fontFamily: 'system-ui, sans-serif' };

/** In the colours of the page's palette; what is compared with Indelible is grey. */
const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/^(two-fence|emulated|recovery|p50|idle)$/, 'var(--memory)'],
  [/^(fused|scrub)$/, 'var(--good)'],
  [/^(file|p99$|under load)/, 'var(--file)'],
  [/^(msync|p99\.9$)/, 'var(--bad)'],
  [/two fences$/, 'var(--quiet)'],
];

const QUANTILES = ['p50', 'p99', 'p99.9'];

function colourOf(name: string): string {
  return COLOURS.find(([pattern]) => pattern.test(name))?.[1] ?? 'var(--other)';
}

export function figuresOf({ storage, cluster, failover }: Report): readonly Figure[] {
  const figures: Figure[] = [];
  if (storage !== undefined) figures.push(...storageFigures(storage));
  if (cluster !== undefined) figures.push(...clusterFigures(cluster));
  if (failover !== undefined && typeof failover !== 'string') figures.push(failoverFigure(failover));
  return figures;
}

function drawn(title: string, options: Plot.PlotOptions): Figure {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const plot = Plot.plot({ ...options, style: STYLE, width: WIDTH, document: document as never });
  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  plot.setAttribute('role', 'img');
  plot.setAttribute('aria-label', `${title}; the numbers are in the tables below`);
  return { title, svg: plot.outerHTML };
}

interface Bar {
  readonly group: string;
  readonly who: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

function bars(title: string, label: string, data: readonly Bar[], logarithmic: boolean): Figure {
  const least = Math.min(...data.map((bar) => bar.least));
  const groups = [...new Set(data.map(({ group }) => group))];
  const who = [...new Set(data.map((bar) => bar.who))];
  return drawn(title, {
    marginLeft: 170,
    marginRight: 170,
    height: 60 + 20 * who.length * groups.length + 12 * groups.length,
    x: { label, grid: true, ...(logarithmic ? { type: 'log' as const } : { zero: true }) },
    y: { label: null, domain: who },
    fy: { label: null, domain: groups },
    color: { domain: who, range: who.map(colourOf) },
    marks: [
      Plot.barX(data, { x1: logarithmic ? least / 2 : 0, x2: 'median', y: 'who', fy: 'group', fill: 'who' }),
      Plot.ruleY(data, { x1: 'least', x2: 'most', y: 'who', fy: 'group', strokeWidth: 2 }),
    ],
  });
}

function storageFigures({
  appends,
  appendLimits,
  syncLimits,
  readBacks,
}: NonNullable<Report['storage']>): readonly Figure[] {
  const groupOf = ({ votes, bytes }: { votes: number; bytes: number }): string => `${votes} × ${bytes} B`;
  const fast = appends.filter(({ store }) => store === 'two-fence' || store === 'fused');
  const slow = appends.filter(({ store }) => store === 'msync' || store === 'file');
  const limits = appendLimits.map((one): Bar => {
    return {
      group: groupOf(one),
      who: `C++ ${one.loop}, ${one.fences === 1 ? 'one fence' : 'two fences'}`,
      ...one.nanoseconds,
    };
  });
  const own = fast.map((one): Bar => ({ group: groupOf(one), who: one.store, ...one.nanoseconds }));
  const slowBars = slow.map((one): Bar => {
    const group = one.inFlight > 1 ? `${groupOf(one)}, ${one.inFlight} waiting` : groupOf(one);
    return { group, who: one.store, ...one.nanoseconds };
  });
  const loop = syncLimits.map((one): Bar => {
    return { group: '', who: `${number(one.bytes)} B a write`, ...one.nanoseconds };
  });
  return [
    bars('Appending to emulated persistent memory', 'nanoseconds a group', [...limits, ...own], false),
    bars('Appending to a disk', 'nanoseconds a group', slowBars, true),
    bars('The bare pwrite and fdatasync loop', 'nanoseconds a write', loop, false),
    bars('A log read back', 'GB/s', readBacks.flatMap(readBackBars), false),
  ];
}

function readBackBars({ votes, bytes, recover, scrub, copy }: ReadBackFigures): readonly Bar[] {
  const group = `${votes} × ${bytes} B`;
  return [
    { group, who: 'recovery', ...recover },
    { group, who: 'scrub', ...scrub },
    { group, who: 'memcpy', ...copy },
  ];
}

function titleOf({ inFlight, keys }: { inFlight: number; keys: string }): string {
  return `${number(inFlight)} in flight, ${keys === 'few' ? 'few keys' : 'a key each'}`;
}

function clusterFigures({ hops, backends }: NonNullable<Report['cluster']>): readonly Figure[] {
  const throughput = backends.flatMap(({ backend, loads }) =>
    loads.map((load): Bar => ({ group: titleOf(load), who: backend, ...load.commandsPerSecond })),
  );
  const latencies = backends.flatMap(({ backend, loads }) =>
    loads.flatMap((load) =>
      [
        { quantile: 'p50', series: load.p50 },
        { quantile: 'p99', series: load.p99 },
        { quantile: 'p99.9', series: load.p999 },
      ].map(({ quantile, series }) => ({
        quantile,
        median: series.median,
        row: `${backend}, ${titleOf(load)}`,
      })),
    ),
  );
  const bare = hops.flatMap(({ relay, p50, p99 }) => {
    const row = `bare two-hop TCP, relay ${relay}`;
    return [
      { quantile: 'p50', median: p50.median, row },
      { quantile: 'p99', median: p99.median, row },
    ];
  });
  const dots = [...bare, ...latencies];
  const redis = backends.flatMap(({ backend, redis: tests }) =>
    tests.map(({ test, requestsPerSecond }): Bar => ({ group: test, who: backend, ...requestsPerSecond })),
  );
  return [
    bars('Commands a second, through the library', 'commands a second', throughput, true),
    drawn('Latency, through the library', {
      marginLeft: 260,
      height: 60 + 30 * new Set(dots.map(({ row }) => row)).size,
      x: { label: 'microseconds', type: 'log', grid: true },
      y: { label: null, domain: [...new Set(dots.map(({ row }) => row))] },
      color: { legend: false, domain: QUANTILES, range: QUANTILES.map(colourOf) },
      marks: [
        Plot.dot(dots, { x: 'median', y: 'row', fill: 'quantile', r: 5 }),
        Plot.text(dots, { x: 'median', y: 'row', text: 'quantile', dy: -11, fontSize: 11 }),
      ],
    }),
    bars('redis-benchmark, requests a second', 'requests a second', redis, true),
  ];
}

/** A bar is the median over the times; its line spans the shortest outage and the 99th percentile. */
function failoverFigure({ outages }: FailoverFigures): Figure {
  const data = outages.map(({ fault, load, milliseconds }): Bar => {
    const { p50, p99 } = distributionOf(milliseconds);
    return { group: fault, who: load, median: p50, least: Math.min(...milliseconds), most: p99 };
  });
  return bars('The leader is …: milliseconds without an answer', 'milliseconds, up to p99', data, true);
}
