/** What the benchmark, its program in a network of its own, and the load there say to each other. */

/** What becomes of the leader. */
export const FAULTS = ['killed', 'paused', 'cut off', 'mute', 'deaf', 'closed'] as const;
export type FaultName = (typeof FAULTS)[number];

export const LOADS = ['idle', 'under load'] as const;
export type Load = (typeof LOADS)[number];

export interface FailoverArgument {
  /** A directory of its own, for data and logs. */
  readonly directory: string;
  readonly regionBytes: number;
  /** How often each fault is inflicted, without and with a load. */
  readonly faults: number;
  /** How long all is left alone between two of them, in milliseconds. */
  readonly restMs: number;
  /** How long full load goes on without a fault, in seconds; and as long with loops that take processors. */
  readonly calmSeconds: number;
  readonly busyLoops: number;
}

/** The longest times without an answer at a surviving port, in milliseconds, one for each time. */
export interface Outages {
  readonly fault: FaultName;
  readonly load: Load;
  readonly milliseconds: readonly number[];
  /** Answers there that were errors, by their first word. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Full load without any fault. */
export interface Calm {
  readonly busyLoops: number;
  readonly seconds: number;
  readonly commandsPerSecond: number;
  /** Times that a replica began to lead. */
  readonly elections: number;
  /** Changes of a role, or of whom a replica follows: those who asked and were refused are among them. */
  readonly roleChanges: number;
}

export interface FailoverFigures {
  readonly outages: readonly Outages[];
  readonly calm: readonly Calm[];
}

export type FailoverNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'step'; readonly title: string }
  | { readonly kind: 'figures'; readonly figures: FailoverFigures };

export interface LoadArgument {
  /** As hex digits. */
  readonly clientKey: string;
  readonly addresses: readonly (readonly [number, string])[];
}

/** So many commands a millisecond, or as many as are answered with so many in flight; or no more of them. */
export type LoadOrder =
  | { readonly kind: 'steady'; readonly perMillisecond: number }
  | { readonly kind: 'full'; readonly inFlight: number }
  | { readonly kind: 'end' };

export interface LoadDone {
  readonly done: number;
  readonly seconds: number;
}
