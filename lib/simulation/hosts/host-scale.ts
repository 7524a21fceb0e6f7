/** How large and how quick a simulated cluster of hosts is: drawn from the seed. Times in milliseconds. */
import type { Tuning } from '../../replica/options.js';
import type { Random } from '../random.js';

const TICK_MS = 10;

/** With so many, none of a simulation is forgotten. */
export const SESSIONS_ENOUGH = 100_000;

export interface RequestWorkload {
  /** Between two requests of one requester, at most. */
  readonly pauseMsMax: number;
  /** Requesters in each replica's process, and clients on machines of their own. */
  readonly requesters: number;
  readonly clientsOutside: number;
  /** Requesters in each replica's process that hold a session. */
  readonly holders: number;
  readonly keys: number;
  readonly commandsMax: number;
  readonly paddingBytesMax: number;
  /** The share of requests that are reads. */
  readonly reads: number;
  /** Chances, per callback, that it asks again before it returns, or throws. */
  readonly reentrant: number;
  readonly throws: number;
  /** Chance, per request, that it begins or ends to take no answers. */
  readonly fulls: number;
  /** Chance, per request, that the requester goes away instead. */
  readonly abandons: number;
  /** Share of commands at which every state machine throws. */
  readonly poisons: number;
}

/** What is drawn of a replica's tuning. */
type HostTuning = Partial<Tuning> &
  Pick<
    Tuning,
    'leaderWaitMs' | 'requestTimeoutMs' | 'storageStallMs' | 'unloggedBytesMax' | 'waitingBytesMax'
  >;

export interface HostScale {
  readonly tuning: HostTuning;
  readonly electionMs: number;
  /** The sessions that replica 1 would keep; each other one would keep one more than the one before. */
  readonly sessionsMax: number;
  readonly logBytes: number;
  readonly recordBytesMax: number;
  /** What the checkpoints' disk writes in a millisecond. */
  readonly diskBytesPerMs: number;
  readonly workload: RequestWorkload;
}

export function drawHostScale(random: Random): HostScale {
  const heartbeatTicks = random.pick([2, 5]);
  const electionTicks = random.pick([20, 30, 50]);
  // Every fourth cluster moves much at a time.
  const isBulky = random.chance(0.25);
  return {
    tuning: {
      tickMs: TICK_MS,
      heartbeatTicks,
      electionTicks,
      fetchTicks: random.pick([10, 20]),
      windowSlots: random.pick([2, 16, 64]),
      windowBytes: isBulky ? 1 << 20 : random.pick([4_000, 32_000]),
      batchBytesTarget: isBulky ? 64 << 10 : random.pick([200, 2000]),
      waitingBytesMax: isBulky ? 2 << 20 : random.pick([500, 10_000, 100_000]),
      requestTimeoutMs: random.pick([400, 800, 2000]),
      leaderWaitMs: random.pick([300, 1000]),
      unloggedBytesMax: random.pick(isBulky ? [512 << 10, 64 << 20] : [16 << 10, 64 << 20]),
      storageStallMs: random.pick([1, 2, 4]) * electionTicks * TICK_MS,
      checkpointAtShare: random.pick([0.2, 0.5]),
      watchMs: random.pick([0, 0, 0.1]),
      scrubBytesPerSecond: random.pick([0, 4 << 20]),
    },
    electionMs: electionTicks * TICK_MS,
    sessionsMax: random.pick([2, SESSIONS_ENOUGH, SESSIONS_ENOUGH]),
    logBytes: isBulky ? 2 << 20 : 128 << 10,
    recordBytesMax: isBulky ? 128 << 10 : 8 << 10,
    diskBytesPerMs: random.pick([1000, 20_000]),
    workload: {
      pauseMsMax: random.pick([20, 60, 150]),
      requesters: random.between(1, 3),
      clientsOutside: random.between(0, 2),
      keys: random.between(1, 8),
      commandsMax: random.between(1, 5),
      paddingBytesMax: isBulky ? 20_000 : random.pick([50, 400]),
      reads: random.pick([0.1, 0.4]),
      reentrant: random.pick([0, 0.05]),
      throws: random.pick([0, 0.02]),
      fulls: random.pick([0, 0.05]),
      abandons: random.pick([0, 0.01]),
      poisons: random.pick([0, 0, 0.005]),
      holders: random.pick([0, 0, 1]),
    },
  };
}
