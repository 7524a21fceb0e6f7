/**
 * The storage level: what one append costs on each medium, through the storage contract, beside what the
 * machine allows at the most. Each round measures everything once.
 */
import type { BenchOptions } from '../options.js';
import { Child } from '../processes.js';
import type { Progress } from '../progress.js';
import { removeScratch, scratchDirectory } from '../scratch.js';
import { type Series, seriesOf } from '../series.js';
import {
  GROUPS,
  GROUPS_WAITING,
  type GroupShape,
  STORES,
  type StorageMeasurement,
  type StorageOrder,
  type StoreKind,
} from './cases.js';
import {
  type AppendLimit,
  type AppendLoop,
  appendLimits,
  type PmemlogLimits,
  pmemlogLimits,
  type ReadBack,
  readBacks,
  type SyncLimit,
  syncLimits,
} from './limits.js';

/** Two of limits, libpmemlog, a log read back, one of each store. */
export const STORAGE_STEPS_A_ROUND: number = 4 + STORES.length;

export interface AppendFigures extends GroupShape {
  readonly store: StoreKind;
  readonly inFlight: number;
  readonly nanoseconds: Series;
  readonly barriers: Series;
  readonly bytesWritten: Series;
  readonly barriersPerSecond: Series;
}

export interface AppendLimitFigures extends GroupShape {
  readonly loop: AppendLoop;
  readonly fences: number;
  readonly nanoseconds: Series;
}

export interface SyncLimitFigures {
  readonly bytes: number;
  readonly nanoseconds: Series;
}

export interface PmemlogFigures extends GroupShape {
  readonly nanoseconds: Series;
}

/** Bytes of log a nanosecond. */
export interface ReadBackFigures extends GroupShape {
  readonly recover: Series;
  readonly scrub: Series;
  readonly copy: Series;
}

export interface StorageFigures {
  readonly appends: readonly AppendFigures[];
  readonly appendLimits: readonly AppendLimitFigures[];
  readonly syncLimits: readonly SyncLimitFigures[];
  /** Why there are none, where there are none. */
  readonly pmemlog: readonly PmemlogFigures[] | string;
  readonly readBacks: readonly ReadBackFigures[];
}

type Case = Omit<StorageOrder, 'milliseconds'> & { readonly store: StoreKind };

function casesOf(store: StoreKind): readonly Case[] {
  const alone = GROUPS.map((group) => ({ store, ...group, inFlight: 1 }));
  return store === 'file' ? [...alone, { store, ...GROUPS[0]!, inFlight: GROUPS_WAITING }] : alone;
}

export async function measureStorageLevel(
  options: BenchOptions,
  progress: Progress,
): Promise<StorageFigures> {
  const { rounds, storageMs: milliseconds } = options;
  const regionDirectory = scratchDirectory(options.regionDirectory);
  const diskDirectory = scratchDirectory(options.diskDirectory);
  const cases = STORES.flatMap(casesOf);
  const measured = new Map<Case, StorageMeasurement[]>(cases.map((one) => [one, []]));
  const appends: (readonly AppendLimit[])[] = [];
  const syncs: (readonly SyncLimit[])[] = [];
  const pmemlogs: PmemlogLimits[] = [];
  const reads: (readonly ReadBack[])[] = [];
  const children = new Map<StoreKind, Child>();
  try {
    for (const store of STORES) {
      const argument = { store, regionDirectory, diskDirectory };
      children.set(store, await Child.ofBench('storage/storage-program.ts', argument));
    }
    for (let round = 1; round <= rounds; round++) {
      progress.step(`round ${round}: the append loops in C++`);
      appends.push(await appendLimits(regionDirectory, milliseconds));
      for (const store of STORES) {
        progress.step(`round ${round}: ${store}`);
        for (const one of cases.filter((candidate) => candidate.store === store)) {
          const order: StorageOrder = { ...one, milliseconds };
          measured.get(one)!.push((await children.get(store)!.ask(order)) as StorageMeasurement);
        }
      }
      progress.step(`round ${round}: libpmemlog`);
      pmemlogs.push(await pmemlogLimits(regionDirectory, milliseconds));
      progress.step(`round ${round}: a log read back`);
      reads.push(await readBacks(regionDirectory));
      progress.step(`round ${round}: the fdatasync loop in C++`);
      syncs.push(await syncLimits(diskDirectory, milliseconds));
    }
  } finally {
    for (const child of children.values()) child.kill();
    for (const directory of [regionDirectory, diskDirectory]) removeScratch(directory);
  }
  return {
    appends: cases.map((one) => figuresOf(one, measured.get(one)!)),
    appendLimits: appends[0]!.map(({ loop, fences, votes, bytes }, index) => {
      const nanoseconds = appends.map((round) => round[index]!.nanoseconds);
      return { loop, fences, votes, bytes, nanoseconds: seriesOf('ns', nanoseconds) };
    }),
    syncLimits: syncs[0]!.map(({ bytes }, index) => {
      const nanoseconds = syncs.map((round) => round[index]!.microseconds * 1000);
      return { bytes, nanoseconds: seriesOf('ns', nanoseconds) };
    }),
    pmemlog: pmemlogFiguresOf(pmemlogs),
    readBacks: readBackFiguresOf(reads),
  };
}

function pmemlogFiguresOf(rounds: readonly PmemlogLimits[]): readonly PmemlogFigures[] | string {
  const first = rounds[0]!;
  if (first.missing !== undefined) return first.missing;
  return first.results.map(({ votes, bytes }, index) => {
    const nanoseconds = rounds.map((round) => round.results![index]!.nanoseconds);
    return { votes, bytes, nanoseconds: seriesOf('ns', nanoseconds) };
  });
}

function readBackFiguresOf(rounds: readonly (readonly ReadBack[])[]): readonly ReadBackFigures[] {
  return rounds[0]!.map(({ votes, bytes }, index) => {
    const speed = (which: 'recover' | 'scrub' | 'copy'): Series =>
      seriesOf(
        'GB/s',
        rounds.map((round) => round[index]!.logBytes / round[index]![which]),
      );
    return { votes, bytes, recover: speed('recover'), scrub: speed('scrub'), copy: speed('copy') };
  });
}

function figuresOf(one: Case, rounds: readonly StorageMeasurement[]): AppendFigures {
  return {
    ...one,
    nanoseconds: seriesOf(
      'ns',
      rounds.map(({ nanoseconds }) => nanoseconds),
    ),
    barriers: seriesOf(
      'a group',
      rounds.map(({ barriers }) => barriers),
    ),
    bytesWritten: seriesOf(
      'bytes',
      rounds.map(({ bytesWritten }) => bytesWritten),
    ),
    barriersPerSecond: seriesOf(
      'a second',
      rounds.map(({ barriersPerSecond }) => barriersPerSecond),
    ),
  };
}
