/** When a run of `indelible torture` ends, and how often it says how far it is, with `--media` or without. */
import type { TortureBackend } from '../torture/torture.js';
import type { Output } from './output.js';

export interface LimitFlags {
  /** Milliseconds, for all backends together. */
  readonly budget?: number;
  readonly images?: number;
  readonly histories?: number;
  readonly seed: number;
  readonly json?: boolean;
}

export interface ImageCosts {
  /** How many to judge where nothing else ends the run. */
  readonly imagesDefault: number;
  /** An image of the file backend takes as long as so many of the log in memory. */
  readonly fileImageCost: number;
}

export interface RunLimits {
  readonly firstSeed: number;
  readonly historiesMax: number;
  readonly imagesWanted: number;
  readonly budgetMs: number;
  readonly now: () => number;
}

const PROGRESS_MS = 2000;

/** @param backends how many there are to run, one after the other */
export function limitsOf(
  { budget, images, histories, seed }: LimitFlags,
  backend: TortureBackend,
  backends: number,
  { imagesDefault, fileImageCost }: ImageCosts,
): RunLimits {
  const bounded = budget !== undefined || histories !== undefined;
  const wanted = images ?? (bounded ? Number.POSITIVE_INFINITY : imagesDefault);
  return {
    firstSeed: seed,
    historiesMax: histories ?? Number.POSITIVE_INFINITY,
    imagesWanted: backend === 'file' && backends > 1 ? Math.ceil(wanted / fileImageCost) : wanted,
    budgetMs: (budget ?? Number.POSITIVE_INFINITY) / backends,
    now: () => performance.now(),
  };
}

/** Prints `line` of what there is so far, every other second, unless the output is for a machine. */
export function progressTo<Totals>(
  output: Output,
  { json }: LimitFlags,
  line: (totals: Totals, elapsedMs: number) => string,
): (totals: Totals) => void {
  const startedMs = performance.now();
  let saidMs = startedMs;
  return (totals) => {
    const nowMs = performance.now();
    if (nowMs - saidMs < PROGRESS_MS || json === true) return;
    saidMs = nowMs;
    output.line(line(totals, nowMs - startedMs));
  };
}
