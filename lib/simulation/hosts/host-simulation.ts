/**
 * The simulator of hosts: a whole cluster of real replicas in one thread, from the state machine down to the
 * frames on their sockets, out of one seed. Only what a process gets from outside is simulated: clocks, the
 * event loop, sockets, disks, and users.
 *
 * The same options give the same run, bit for bit: `traceHash` is the fingerprint of what happened.
 */
import { ContractViolation } from '../../contract.js';
import type { CopiableDisk } from '../disk.js';
import { FileDisk } from '../file-disk.js';
import { DelayedMemoryDisk, InstantMemoryDisk } from '../memory-disk.js';
import { PmemDisk } from '../pmem-disk.js';
import { Random } from '../random.js';
import type { SimulatedBackend, SimulatedViolation } from '../simulation.js';
import { Violation } from '../violation.js';
import type { HostCounters } from './host-counters.js';
import { HOST_FAULT_RATES, type HostFaultRates } from './host-faults.js';
import type { RequestWorkload } from './host-scale.js';
import { HostWorld, type MakeHostDisk } from './host-world.js';
import { mustSettle } from './settling.js';

export interface HostSimulationOptions {
  /** Any integer from 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** Simulated seconds with faults; the settling afterwards comes on top. 20 if not given. */
  readonly seconds?: number;
  /** Drawn from the seed if not given: 3 or 5. */
  readonly replicas?: number;
  readonly backend?: SimulatedBackend;
  /** How often which fault strikes, relative to one another. */
  readonly faults?: Partial<HostFaultRates>;
  /** What users do otherwise than the seed has drawn. */
  readonly workload?: Partial<RequestWorkload>;
  /** Whether stores are put back from older copies, and formatted again; drawn if not given. */
  readonly staleStores?: boolean;
  /** Told what happens, a line each. */
  readonly log?: (line: string) => void;
}

export interface HostSimulationReport {
  readonly seed: number;
  readonly replicas: number;
  readonly backend: SimulatedBackend;
  readonly events: number;
  readonly counters: HostCounters;
  /** The longest time that a well and connected majority executed nothing, in election timeouts. */
  readonly longestIdle: number;
  /** The longest that a request has waited, of what it may. */
  readonly longestWait: number;
  readonly traceHash: string;
  readonly violation: SimulatedViolation | undefined;
}

/** How often health is looked at, in milliseconds. */
const LOOK_MS = 20;
/** How often a fault strikes that strikes often: as often as all others. */
const OFTEN = 25;
/** The share of seeds with stores that become stale. */
const STALE = 0.25;
/** Units of time of the disks of core simulations, in milliseconds. */
const DISK_UNIT_MS = 0.1;
/** A file's groups take whole pages, however small they are. */
const FILE_SIZE_FACTOR = 8;

const MAKE_DISK: Readonly<Record<SimulatedBackend, MakeHostDisk>> = {
  memory: (shape) => new InstantMemoryDisk(shape),
  delayed: (shape, host, random) =>
    new DelayedMemoryDisk(shape, (delay, run) => host.fromDisk(delay * DISK_UNIT_MS, run), random),
  pmem: (shape, _host, random) => new PmemDisk(shape, random, 'two-fence'),
  file: (shape, host, random): CopiableDisk => {
    const paged = { ...shape, logBytes: shape.logBytes * FILE_SIZE_FACTOR };
    return new FileDisk(paged, (delay, run) => host.fromDisk(delay * DISK_UNIT_MS, run), random);
  },
};

/** Runs one seed to its end, or to the first violation. Never rejects for anything that happens inside. */
export async function simulateHosts(options: HostSimulationOptions): Promise<HostSimulationReport> {
  const { seed, seconds = 20, faults = {}, workload = {}, log = () => {} } = options;
  const draw = new Random(seed);
  const drawnReplicas = draw.pick([3, 3, 5]);
  const drawnBackend = draw.pick(Object.keys(MAKE_DISK) as SimulatedBackend[]);
  const { replicas = drawnReplicas, backend = drawnBackend } = options;
  const rates = { ...ratesOf(seed), ...faults };
  const worldSeed = draw.bits();
  const { staleStores = draw.chance(STALE) } = options;
  const stale = staleStores ? draw.fork() : undefined;
  const world = new HostWorld(worldSeed, replicas, MAKE_DISK[backend], rates, workload, stale, log);
  let events = 0;
  let violation: SimulatedViolation | undefined;
  try {
    await world.start();
    let nextLook = 0;
    while (world.clock.now < seconds * 1000) {
      await world.step();
      events++;
      if (world.clock.now < nextLook) continue;
      nextLook = world.clock.now + LOOK_MS;
      world.look();
    }
    events += await mustSettle(world);
  } catch (error) {
    violation = describe(error as Error, events);
  }
  const { counters, trace, availability, longestWait } = world;
  const longestIdle = availability.longest;
  return {
    seed,
    replicas,
    backend,
    events,
    counters,
    longestIdle,
    longestWait,
    traceHash: trace.hash,
    violation,
  };
}

/** With every other seed one fault strikes often: each in its turn, so that a range of seeds has all. */
function ratesOf(seed: number): HostFaultRates {
  if (seed % 2 === 0) return HOST_FAULT_RATES;
  const names = Object.keys(HOST_FAULT_RATES) as (keyof HostFaultRates)[];
  return { ...HOST_FAULT_RATES, [names[((seed - 1) / 2) % names.length]!]: OFTEN };
}

function describe(error: Error, event: number): SimulatedViolation {
  if (error instanceof Violation) return { checker: error.checker, sentence: error.message, event, error };
  const checker = error instanceof ContractViolation ? 'contract' : 'error';
  return { checker, sentence: error.message, event, error };
}
