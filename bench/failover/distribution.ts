/** How outages are spread, and what the project set out to reach of them. */
import type { Goal } from '../goals.js';
import type { Calm, FailoverFigures, FaultName, Outages } from './messages.js';

export interface Distribution {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Values that were measured: of n, the p-th percentile is the one at place ⌈p·n⌉ from below. */
export function distributionOf(values: readonly number[]): Distribution {
  if (values.length === 0) throw new RangeError('no values have no distribution');
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

const BOUNDS: Readonly<Partial<Record<FaultName, { readonly p50: number; readonly p99: number }>>> = {
  killed: { p50: 15, p99: 60 },
  paused: { p50: 150, p99: 300 },
  'cut off': { p50: 150, p99: 300 },
};

export function failoverGoals({ outages, calm }: FailoverFigures): readonly Goal[] {
  return [...outages.flatMap(outageGoals), ...calm.map(calmGoal)];
}

function outageGoals({ fault, load, milliseconds }: Outages): readonly Goal[] {
  const bounds = BOUNDS[fault];
  if (bounds === undefined) return [];
  const { p50, p99 } = distributionOf(milliseconds);
  const goal = (name: string, value: number, bound: number): Goal => ({
    what: `the leader is ${fault}, ${load}: no answer at a surviving port, ${name} of ${milliseconds.length}`,
    value,
    unit: 'ms',
    comparison: '≤',
    bound,
    met: value <= bound,
  });
  return [goal('p50', p50, bounds.p50), goal('p99', p99, bounds.p99)];
}

function calmGoal({ busyLoops, seconds, elections }: Calm): Goal {
  const beside = busyLoops === 0 ? '' : `, ${busyLoops} busy loops beside it`;
  return {
    what: `full load for ${Math.round(seconds)} s${beside}: elections without a fault`,
    value: elections,
    unit: '',
    comparison: '≤',
    bound: 0,
    met: elections === 0,
  };
}
