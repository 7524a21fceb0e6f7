/**
 * A whole run, as it is written to bench/results/<name>.json: everything the page and the documents are made
 * of.
 */
import type { ClusterFigures } from '../cluster/cluster-level.js';
import type { CostsFigures } from '../costs/costs-level.js';
import type { FailoverFigures } from '../failover/messages.js';
import type { Fingerprint } from '../fingerprint.js';
import type { Goal } from '../goals.js';
import type { BenchOptions } from '../options.js';
import type { StorageFigures } from '../storage/storage-level.js';

export const REPORT_FORMAT = 1;

export interface Report {
  readonly format: typeof REPORT_FORMAT;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Fingerprint;
  readonly options: BenchOptions;
  readonly goals: readonly Goal[];
  readonly storage?: StorageFigures;
  readonly cluster?: ClusterFigures;
  readonly costs?: CostsFigures;
  /** Or why it was not measured. */
  readonly failover?: FailoverFigures | string;
}
