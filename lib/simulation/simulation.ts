/**
 * The simulator: a whole cluster in one thread, its disks, its network and its bad luck, all out of one seed.
 * The replicas run the real core; checkers/ holds what is checked, one promise a file.
 *
 * The same options give the same run, bit for bit: `traceHash` is the fingerprint of everything that
 * happened.
 */
import { ContractViolation } from '../contract.js';
import { mustConverge } from './checkers/liveness.js';
import type { Counters } from './counters.js';
import type { DamageBound } from './damage-budget.js';
import { FAULT_RATES, type FaultRates, RATES_OF_MUCH_DAMAGE } from './faults.js';
import { FileDisk } from './file-disk.js';
import type { MemberCounters } from './membership.js';
import { DelayedMemoryDisk, InstantMemoryDisk } from './memory-disk.js';
import { PmemDisk } from './pmem-disk.js';
import { Random } from './random.js';
import { Violation } from './violation.js';
import { type MakeDisk, World } from './world.js';

export type { Counters } from './counters.js';
export type { DamageBound } from './damage-budget.js';
export type { FaultRates } from './faults.js';
export type { MemberCounters } from './membership.js';

/** What the replicas' logs live on: see disk.ts. */
export type SimulatedBackend = 'memory' | 'delayed' | 'pmem' | 'file';

/** A run; everything but the seed may be left to the seed. */
export interface SimulationOptions {
  /** Any integer from 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** Events with faults; the settling afterwards comes on top. 5,000 if not given. */
  readonly events?: number;
  /** 3 … 15. Drawn from the seed if not given: 3 or 5. */
  readonly replicas?: number;
  /** How often which fault strikes, relative to one another. */
  readonly faults?: Partial<FaultRates>;
  /**
   * Copies of a slot that may be damaged at a time. With `any` a cluster may stop for good, if it names the
   * slots. Drawn from the seed if not given: `minority`, or `any` for one seed in ten.
   */
  readonly damage?: DamageBound;
  /** Drawn from the seed if not given. */
  readonly backend?: SimulatedBackend;
  /** Members change: so many replicas beside those of the first configuration may become some. 0. */
  readonly spares?: number;
  /** Told everything that happens, a line each. */
  readonly log?: (line: string) => void;
}

/** What came of a run. */
export interface SimulationReport {
  /** The seed that was given. */
  readonly seed: number;
  /** How many there were. */
  readonly replicas: number;
  /** What their logs were on. */
  readonly backend: SimulatedBackend;
  /** How much was allowed to be damaged. */
  readonly damage: DamageBound;
  /** Events run, those of settling included. */
  readonly events: number;
  /** What happened how often. */
  readonly counters: Counters;
  /** How often members changed, and how. */
  readonly memberCounters: MemberCounters;
  /** Sixteen hex digits. */
  readonly traceHash: string;
  /** What was broken; undefined if nothing was. */
  readonly violation: SimulatedViolation | undefined;
}

/** What was broken, and when. */
export interface SimulatedViolation {
  /**
   * The file of checkers/ whose promise broke, `contract` when the core itself refused to go on, or `error`.
   */
  readonly checker: string;
  /** What broke, for a person. */
  readonly sentence: string;
  /** The event at which it showed. */
  readonly event: number;
  /** The error itself. */
  readonly error: Error;
}

const MAKE_DISK: Readonly<Record<SimulatedBackend, MakeDisk>> = {
  memory: (shape) => new InstantMemoryDisk(shape),
  delayed: (shape, clock, random) =>
    new DelayedMemoryDisk(shape, (delay, run) => clock.after(delay, run), random),
  pmem: (shape, _clock, random) => new PmemDisk(shape, random),
  file: (shape, clock, random) => new FileDisk(shape, (delay, run) => clock.after(delay, run), random),
};

/** Runs one seed to its end, or to the first violation. Never rejects for anything that happens inside. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { seed, events = 5_000, faults = {}, spares = 0, log = () => {} } = options;
  const draw = new Random(seed);
  // Drawn even where it is given, so that giving what would have been drawn changes nothing.
  const drawnReplicas = draw.pick([3, 3, 5]);
  const drawnBackend = draw.pick(Object.keys(MAKE_DISK) as SimulatedBackend[]);
  const leaderCrashAt = draw.between(Math.floor(events / 4), Math.floor(events / 2));
  const drawnDamage: DamageBound = draw.chance(0.1) ? 'any' : 'minority';
  const { replicas = drawnReplicas, backend = drawnBackend, damage = drawnDamage } = options;
  const world = new World(
    draw.bits(),
    replicas,
    MAKE_DISK[backend],
    backend === 'file',
    { ...FAULT_RATES, ...(damage === 'any' ? RATES_OF_MUCH_DAMAGE : {}), ...faults },
    damage,
    log,
    spares,
  );
  let event = 0;
  let violation: SimulatedViolation | undefined;
  try {
    await world.start();
    let leaderCrashed = false;
    while (event < events && (await world.step())) {
      event++;
      if (!leaderCrashed && event >= leaderCrashAt) leaderCrashed = world.faults.crashLeader();
    }
    event = await mustConverge(world, event);
  } catch (error) {
    violation = describe(error as Error, event);
  }
  const { counters, memberCounters, trace } = world;
  const ran = { seed, replicas, backend, damage, events: event, counters, memberCounters };
  return { ...ran, traceHash: trace.hash, violation };
}

function describe(error: Error, event: number): SimulatedViolation {
  if (error instanceof Violation) return { checker: error.checker, sentence: error.message, event, error };
  const checker = error instanceof ContractViolation ? 'contract' : 'error';
  return { checker, sentence: error.message, event, error };
}
