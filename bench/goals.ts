/**
 * What the project set out to reach, each a number of this run beside its bound. Nothing here is hard-coded
 * but the bounds.
 */
import type { ClusterFigures, Keys, LoadFigures } from './cluster/cluster-level.js';
import type { CostsFigures, KindName } from './costs/costs-level.js';
import { ratioOf, type Series, seriesOf } from './series.js';
import { GROUPS_WAITING, type GroupShape } from './storage/cases.js';
import type { AppendFigures, StorageFigures } from './storage/storage-level.js';

export interface Goal {
  readonly what: string;
  /** The median over the rounds; a ratio is taken within each round. */
  readonly value: number;
  readonly unit: string;
  readonly comparison: '≤' | '≥';
  readonly bound: number;
  readonly met: boolean;
}

function goal(what: string, { median, unit }: Series, comparison: '≤' | '≥', bound: number): Goal {
  const met = comparison === '≤' ? median <= bound : median >= bound;
  return { what, value: median, unit, comparison, bound, met };
}

const COMMANDS_PER_SECOND_MIN = 300_000;
const TRIMS_MIN = 5;

/** What is counted, and compared with libpmemlog. */
const GROUP: GroupShape = { votes: 32, bytes: 256 };
const GROUP_NAME = `${GROUP.votes} × ${GROUP.bytes} B`;

/**
 * Against both readings of "a loop that writes the same record bytes": docs/decisions/0006 says which one
 * counts.
 */
const LOOPS = [
  { loop: 'build', does: 'builds the same bytes' },
  { loop: 'copy', does: 'copies bytes that are there' },
] as const;

export function storageGoals(figures: StorageFigures): readonly Goal[] {
  const goals: Goal[] = [];
  for (const { store, fences } of [
    { store: 'two-fence', fences: 2 },
    { store: 'fused', fences: 1 },
  ] as const) {
    for (const { votes, bytes, bound } of [
      { votes: 1, bytes: 64, bound: 1.25 },
      { votes: 100, bytes: 64, bound: 1.5 },
    ]) {
      const own = appendOf(figures, store, votes, bytes, 1);
      for (const { loop, does } of LOOPS) {
        const limit = figures.appendLimits.find((one) => {
          return one.loop === loop && one.fences === fences && one.votes === votes && one.bytes === bytes;
        });
        const what = `${votes} × ${bytes} B a group, ${store}: TypeScript ÷ the C++ loop that ${does}`;
        goals.push(goal(what, ratioOf(own.nanoseconds, limit!.nanoseconds), '≤', bound));
      }
    }
  }
  return [
    ...goals,
    ...mediumGoals(figures),
    ...pmemlogGoals(figures),
    ...readBackGoals(figures),
    ...fileGoals(figures),
  ];
}

/** What a group of 32 votes of 256 bytes costs the medium; trims are in it. */
function mediumGoals(figures: StorageFigures): readonly Goal[] {
  const fused = appendOf(figures, 'fused', GROUP.votes, GROUP.bytes, 1);
  const payload = GROUP.votes * GROUP.bytes;
  const bytesAByte = fused.bytesWritten.rounds.map((bytes) => bytes / payload);
  return [
    goal(`${GROUP_NAME} a group, fused: fences a group`, fused.barriers, '≤', 1.01),
    goal(`${GROUP_NAME} a group: bytes written a payload byte`, seriesOf('×', bytesAByte), '≤', 1.2),
  ];
}

/** Appends a second beside libpmemlog's; both are durable when the call returns. */
function pmemlogGoals(figures: StorageFigures): readonly Goal[] {
  const { pmemlog } = figures;
  if (typeof pmemlog === 'string') return [];
  const own = appendOf(figures, 'two-fence', GROUP.votes, GROUP.bytes, 1).nanoseconds;
  const callOf = (votes: number): Series =>
    pmemlog.find((one) => one.votes === votes && one.bytes === GROUP.bytes)!.nanoseconds;
  const single = ratioOf(callOf(1), own).rounds.map((ratio) => ratio * GROUP.votes);
  return [
    goal(
      `${GROUP_NAME} a group: votes a second ÷ single appends to libpmemlog`,
      seriesOf('×', single),
      '≥',
      10,
    ),
    goal(
      `${GROUP_NAME} a group: votes a second ÷ libpmemlog’s appendv`,
      ratioOf(callOf(GROUP.votes), own),
      '≥',
      0.6,
    ),
  ];
}

function readBackGoals({ readBacks }: StorageFigures): readonly Goal[] {
  return readBacks.flatMap(({ votes, bytes, recover, scrub }) => [
    goal(`a log of ${votes} × ${bytes} B a group: recovery`, recover, '≥', 1),
    goal(`a log of ${votes} × ${bytes} B a group: scrub`, scrub, '≥', 1),
  ]);
}

function fileGoals(figures: StorageFigures): readonly Goal[] {
  const alone = appendOf(figures, 'file', 1, 64, 1);
  const waiting = appendOf(figures, 'file', 1, 64, GROUPS_WAITING);
  const loopOf = (bytes: number): Series =>
    (figures.syncLimits.find((one) => one.bytes >= bytes) ?? figures.syncLimits.at(-1)!).nanoseconds;
  const perSecond = (loop: Series): Series => ({ ...loop, rounds: loop.rounds.map((ns) => 1e9 / ns) });
  return [
    goal(
      'file, one group under way: TypeScript ÷ the fdatasync loop',
      ratioOf(alone.nanoseconds, loopOf(alone.bytesWritten.median)),
      '≤',
      1.5,
    ),
    goal(
      `file, ${GROUPS_WAITING} groups waiting: durable writes a second ÷ the fdatasync loop’s`,
      ratioOf(waiting.barriersPerSecond, perSecond(loopOf(alone.bytesWritten.median))),
      '≥',
      0.9,
    ),
  ];
}

function appendOf(
  { appends }: StorageFigures,
  store: string,
  votes: number,
  bytes: number,
  inFlight: number,
): AppendFigures {
  return appends.find(
    (one) => one.store === store && one.votes === votes && one.bytes === bytes && one.inFlight === inFlight,
  )!;
}

export function clusterGoals({ hops, backends }: ClusterFigures): readonly Goal[] {
  const { loads, checks } = backends.find(({ backend }) => backend === 'emulated')!;
  const loadOf = (inFlight: number, keys: Keys): LoadFigures =>
    loads.find((load) => load.inFlight === inFlight && load.keys === keys)!;
  const trims = Math.min(...checks.map((check) => check.trims));
  const fewest: Series = { unit: 'trims', rounds: [trims], median: trims, least: trims, most: trims };
  return [
    goal(
      'emulated, 1,024 in flight over a state of one size: commands a second',
      loadOf(1024, 'few').commandsPerSecond,
      '≥',
      COMMANDS_PER_SECOND_MIN,
    ),
    goal(
      'emulated, 1,024 in flight, each on a key of its own: commands a second',
      loadOf(1024, 'one each').commandsPerSecond,
      '≥',
      COMMANDS_PER_SECOND_MIN,
    ),
    ...hops.map(({ relay, p50 }) =>
      goal(
        `emulated, 1 in flight: p50 ÷ the bare two-hop round trip, relay ${relay}`,
        ratioOf(loadOf(1, 'few').p50, p50),
        '≤',
        1.5,
      ),
    ),
    goal('emulated: trims of every log in every round', fewest, '≥', TRIMS_MIN),
  ];
}

const TLS_SHARE_MIN = 0.75;
const METRICS_SHARE_MIN = 0.98;
const SESSIONS_SHARE_MIN = 0.97;

export function costsGoals({ kinds, proofs }: CostsFigures): readonly Goal[] {
  const of = (name: KindName): Series => kinds.find(({ kind }) => kind === name)!.commandsPerSecond;
  return [
    goal(
      'TLS on every connection: commands a second ÷ without',
      ratioOf(of('TLS'), of('TCP')),
      '≥',
      TLS_SHARE_MIN,
    ),
    goal('authenticated connections: HMACs in all replicas while they are loaded', proofs, '≤', 0),
    goal(
      'metrics counted, and asked for every second: commands a second ÷ without any',
      ratioOf(of('metrics asked for every second'), of('no metrics counted')),
      '≥',
      METRICS_SHARE_MIN,
    ),
    goal(
      'each command in a session: commands a second ÷ in none',
      ratioOf(of('TCP'), of('no sessions')),
      '≥',
      SESSIONS_SHARE_MIN,
    ),
  ];
}
