/**
 * How large and how quick a simulated cluster is: drawn from the seed, so that seeds differ in more than
 * luck.
 */
import type { Timing } from '../paxos/options.js';
import type { Workload } from './clients.js';
import type { Random } from './random.js';
import type { CheckpointPolicy } from './surroundings.js';

export interface Scale {
  readonly timing: Timing;
  readonly windowSlots: number;
  readonly windowBytes: number;
  readonly logBytes: number;
  readonly recordBytesMax: number;
  readonly checkpoints: CheckpointPolicy;
  readonly workload: Workload;
  /** Bytes of votes in one message. */
  readonly votesBytesMax: number;
  /** Bytes of bulk that a link carries in a unit of time; endless if 0. */
  readonly bulkRate: number;
}

/** The share of seeds in which logs are small for what is open, checkpoints frequent and transfers slow. */
const CROWDED_SHARE = 0.15;

export function drawScale(random: Random): Scale {
  const scale = drawOrdinary(random);
  return random.chance(CROWDED_SHARE) ? crowded(scale, random) : scale;
}

/** Half a log may be open, a state comes in small pieces and is saved late: logs fill, and stay full. */
function crowded(scale: Scale, random: Random): Scale {
  return {
    ...scale,
    windowSlots: random.pick([8, 16]),
    windowBytes: random.pick([16_000, 32_000]),
    checkpoints: { ...scale.checkpoints, everySlots: 8, chunkBytes: 64, saveDelayMax: 3000 },
    workload: { ...scale.workload, pauseMax: 20, commandsMax: 4, paddingBytesMax: 1800, reads: 0.05 },
  };
}

function drawOrdinary(random: Random): Scale {
  const heartbeatTicks = random.between(1, 3);
  return {
    timing: {
      heartbeatTicks,
      electionTicks: Math.max(3 * heartbeatTicks, random.between(6, 12)),
      fetchTicks: random.between(2, 6),
    },
    windowSlots: random.pick([1, 2, 4, 16, 64]),
    // A log has to hold what may be open several times over: each new leader has it voted for again.
    windowBytes: random.pick([1_000, 4_000, 8_000]),
    logBytes: 64 << 10,
    recordBytesMax: 8 << 10,
    checkpoints: {
      everySlots: random.pick([8, 30, 100, 1_000_000]),
      usedShareMax: random.pick([0.3, 0.6, 0.9]),
      keptSlots: random.pick([0, 0, 5, 30]),
      chunkBytes: random.pick([64, 300, 4096]),
      saveDelayMax: random.pick([50, 200, 3000]),
    },
    workload: {
      pauseMax: random.pick([20, 60, 200]),
      keys: random.between(1, 8),
      commandsMax: random.between(1, 4),
      paddingBytesMax: random.pick([100, 1000, 1800]),
      reads: random.pick([0.05, 0.2, 0.5]),
    },
    votesBytesMax: random.pick([500, 4000, 1 << 20]),
    bulkRate: random.pick([0, 0, 0, 5, 20, 100]),
  };
}
