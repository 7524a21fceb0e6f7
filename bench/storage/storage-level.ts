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
import { type AppendLimit, type AppendLoop, appendLimits, type SyncLimit, syncLimits } from './limits.js';

/** Two of limits, one of each store. */
export const STORAGE_STEPS_A_ROUND: number = 2 + STORES.length;

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

export interface StorageFigures {
  readonly appends: readonly AppendFigures[];
  readonly appendLimits: readonly AppendLimitFigures[];
  readonly syncLimits: readonly SyncLimitFigures[];
}

type Case = Omit<StorageOrder, 'milliseconds'>;

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
  let child: Child | undefined;
  try {
    child = await Child.ofBench('storage/storage-program.ts', { regionDirectory, diskDirectory });
    for (let round = 1; round <= rounds; round++) {
      progress.step(`round ${round}: the append loops in C++`);
      appends.push(await appendLimits(regionDirectory, milliseconds));
      for (const store of STORES) {
        progress.step(`round ${round}: ${store}`);
        for (const one of cases.filter((candidate) => candidate.store === store)) {
          measured.get(one)!.push((await child.ask({ ...one, milliseconds })) as StorageMeasurement);
        }
      }
      progress.step(`round ${round}: the fdatasync loop in C++`);
      syncs.push(await syncLimits(diskDirectory, milliseconds));
    }
  } finally {
    child?.kill();
    for (const directory of [regionDirectory, diskDirectory]) removeScratch(directory);
  }
  return {
    appends: cases.map((one) => figuresOf(one, measured.get(one)!)),
    appendLimits: appends[0]!.map(({ loop, fences, votes, bytes }, index) => {
      return {
        loop,
        fences,
        votes,
        bytes,
        nanoseconds: seriesOf(
          'ns',
          appends.map((round) => round[index]!.nanoseconds),
        ),
      };
    }),
    syncLimits: syncs[0]!.map(({ bytes }, index) => {
      const nanoseconds = syncs.map((round) => round[index]!.microseconds * 1000);
      return { bytes, nanoseconds: seriesOf('ns', nanoseconds) };
    }),
  };
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
