/**
 * Runs histories, seed after seed, until there are enough images, the time is over, or one of them shows a
 * violation; and adds up what they covered.
 *
 * 1. Seeds are taken in order; what a seed does depends on nothing but the seed and the thoroughness, so it
 *    does the same on one thread or many.
 * 2. The first violation ends the run, once the histories under way have ended; the lowest seed is reported.
 */
import { Worker } from 'node:worker_threads';
import { runFileHistory } from './file-history.js';
import {
  type HistoryOptions,
  type HistoryResult,
  type Only,
  SiteCounts,
  type Thoroughness,
} from './history.js';
import { runLogHistory } from './log-history.js';

export type TortureBackend = 'emulated' | 'file';

export interface TortureOptions {
  readonly backend: TortureBackend;
  readonly firstSeed: number;
  /** Ends the run when as many histories have been started; Infinity where something else ends it. */
  readonly historiesMax: number;
  /** Ends the run when so many distinct images have been judged. */
  readonly imagesWanted: number;
  readonly budgetMs: number;
  readonly threads: number;
  readonly thoroughness: Thoroughness;
  readonly only: Only | undefined;
  /** Milliseconds since anywhen. */
  readonly now: () => number;
  /** Called after every history. */
  readonly onProgress: (totals: TortureTotals) => void;
}

/** The sum of all histories so far. */
export class TortureTotals {
  histories = 0;
  operations = 0;
  kills = 0;
  x86Images = 0;
  exhaustive = 0;
  readonly sites: SiteCounts = new SiteCounts();
  readonly workloads: Map<string, number> = new Map();
  failed: HistoryResult | undefined;

  get images(): number {
    return this.sites.total('images') + this.sites.total('innerImages');
  }

  get distinct(): number {
    return this.sites.total('distinct');
  }

  add(result: HistoryResult): void {
    this.histories++;
    this.operations += result.operations;
    this.kills += result.kills;
    this.x86Images += result.x86Images;
    this.exhaustive += result.exhaustive;
    for (const [site, count] of Object.entries(result.sites)) this.sites.add(site, count);
    this.workloads.set(result.workload, (this.workloads.get(result.workload) ?? 0) + 1);
    if (result.violation === undefined) return;
    if (this.failed === undefined || result.seed < this.failed.seed) this.failed = result;
  }
}

/** Runs one history of a backend, in this thread. */
export async function runHistory(backend: TortureBackend, options: HistoryOptions): Promise<HistoryResult> {
  return backend === 'file' ? runFileHistory(options) : runLogHistory(options);
}

export async function torture(options: TortureOptions): Promise<TortureTotals> {
  const totals = new TortureTotals();
  const startedMs = options.now();
  let seed = options.firstSeed;
  const next = (): number | undefined => {
    const enough =
      totals.failed !== undefined ||
      seed - options.firstSeed >= options.historiesMax ||
      totals.distinct >= options.imagesWanted ||
      options.now() - startedMs >= options.budgetMs;
    return enough ? undefined : seed++;
  };
  const runners = Array.from({ length: options.threads }, () => {
    return options.threads === 1 ? runHere(options) : runInThread(options);
  });
  await Promise.all(
    runners.map(async ({ run, end }) => {
      try {
        for (let mine = next(); mine !== undefined; mine = next()) {
          totals.add(await run(mine));
          options.onProgress(totals);
        }
      } finally {
        await end();
      }
    }),
  );
  return totals;
}

interface Runner {
  readonly run: (seed: number) => Promise<HistoryResult>;
  readonly end: () => Promise<unknown>;
}

function historyOptions({ thoroughness, only }: TortureOptions, seed: number): HistoryOptions {
  return { seed, thoroughness, only };
}

function runHere(options: TortureOptions): Runner {
  return {
    run: (seed) => runHistory(options.backend, historyOptions(options, seed)),
    end: async () => {},
  };
}

function runInThread(options: TortureOptions): Runner {
  const worker = new Worker(new URL('./torture-worker.js', import.meta.url));
  const run = (seed: number): Promise<HistoryResult> =>
    new Promise((resolve, reject) => {
      const done = (): void => {
        worker.off('message', answered);
        worker.off('error', failed);
      };
      const answered = (result: HistoryResult): void => {
        done();
        resolve(result);
      };
      const failed = (error: unknown): void => {
        done();
        reject(error);
      };
      worker.on('message', answered);
      worker.on('error', failed);
      worker.postMessage({ backend: options.backend, ...historyOptions(options, seed) });
    });
  return { run, end: () => worker.terminate() };
}
