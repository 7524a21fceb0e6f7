/** What the benchmark and its client process say to each other, over IPC: plain data. */
import type { Latencies } from '../latencies.js';
import type { OutcomeCounts } from './closed-loop.js';
import type { KeySpace } from './keys.js';

export interface ClientArgument {
  readonly clusterId: string;
  /** As hex digits. */
  readonly clientKey: string;
  /** Id and address of each replica. */
  readonly addresses: readonly (readonly [number, string])[];
  /** Whether the replicas take TLS. */
  readonly tls: boolean;
  /** The key spaces that the loads are about. */
  readonly spaces: readonly KeySpace[];
}

export interface LoadOrder {
  readonly kind: 'load';
  /** Which of the key spaces. */
  readonly space: number;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly loadMs: number;
}

export interface ReadBackOrder {
  readonly kind: 'readBack';
}

export type ClientOrder = LoadOrder | ReadBackOrder;

export interface LoadResult {
  readonly seconds: number;
  readonly commands: number;
  readonly latencies: Latencies;
  /** From the beginning of the warm-up: done, not executed, unknown, declined. */
  readonly outcomes: OutcomeCounts;
  /** Commands that were executed and did not answer OK. */
  readonly refusals: number;
}

export interface ReadBackResult {
  /** Keys whose last command was answered `done` with OK. */
  readonly answered: number;
  readonly equal: number;
  readonly wrong: number;
}
