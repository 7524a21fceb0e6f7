/** What the storage level measures, and of which stores. */

/**
 * How a store makes a group durable; each is one store, kept open over all rounds in a process of its own.
 */
export const STORES = ['two-fence', 'fused', 'msync', 'file'] as const;
export type StoreKind = (typeof STORES)[number];

/** One group: so many votes, of so many bytes each. */
export interface GroupShape {
  readonly votes: number;
  readonly bytes: number;
}

export const GROUPS: readonly GroupShape[] = [
  { votes: 1, bytes: 64 },
  { votes: 1, bytes: 256 },
  { votes: 1, bytes: 1024 },
  { votes: 1, bytes: 4096 },
  { votes: 32, bytes: 256 },
  { votes: 100, bytes: 64 },
];

/** Groups handed over and not yet durable while "waiting" is measured. */
export const GROUPS_WAITING = 4;

export interface StorageOrder extends GroupShape {
  /** Groups that may be under way: 1 waits for each. */
  readonly inFlight: number;
  readonly milliseconds: number;
}

export interface StorageMeasurement {
  /** Nanoseconds from one group to the next. */
  readonly nanoseconds: number;
  /** Of a group: fences or synced writes, and bytes written to the medium. */
  readonly barriers: number;
  readonly bytesWritten: number;
  /** Fences or synced writes a second. */
  readonly barriersPerSecond: number;
}

export interface StorageArgument {
  readonly store: StoreKind;
  readonly regionDirectory: string;
  readonly diskDirectory: string;
}
