/**
 * What a core is told at birth. Time is counted in ticks; the host decides how long a tick is.
 */

import { argumentError } from '../errors.js';
import { WINDOW_SLOTS_DEFAULT, WINDOW_SLOTS_MAX } from '../limits.js';
import type { Ballot, Configuration, Digest, ReplicaId, Slot } from '../types.js';

export interface Timing {
  /** Ticks between a leader's heartbeats. */
  readonly heartbeatTicks: number;
  /**
   * A follower that hears nothing from a leader for this many ticks, up to twice as many, canvasses; sooner
   * where the leader has been heard so steadily that its silence is out of the ordinary (flow.ts).
   */
  readonly electionTicks: number;
  /** Ticks after which an unanswered fetch is asked again. */
  readonly fetchTicks: number;
}

export interface CoreOptions {
  readonly self: ReplicaId;
  /** That of the first slot behind the checkpoint, and the ballot above which its ballots are. */
  readonly configuration: Configuration;
  readonly configurationAbove?: Ballot;
  readonly timing: Timing;
  /** Slots that may be open at a time. */
  readonly windowSlots: number;
  /** Bytes that may be open at a time; one batch may always be. */
  readonly windowBytes: number;
  /** Bytes of learned batches that the log lacks, beyond which no more are learned. Default 64 MiB. */
  readonly unloggedBytesMax?: number;
  /** Bytes of votes in one message, beyond which another one goes on. Default 1 MiB, the most. */
  readonly votesBytesMax?: number;
  /** Where the checkpoint that the state machine was restored from ends, and the digest chain there. */
  readonly checkpointThrough: Slot;
  readonly checkpointChain: Digest;
  /** Uniform in [0, 1). The only randomness the core has. */
  readonly random: () => number;
}

export const TIMING_DEFAULT: Timing = { heartbeatTicks: 5, electionTicks: 30, fetchTicks: 10 };
/** Of an election timeout; heartbeats that one pause of a process, or one lost packet, delays. */
const REACH_SHARE = 0.3;
const FLOOR_HEARTBEATS = 4;

export const UNLOGGED_BYTES_MAX: number = 64 << 20;
export const WINDOW_SLOTS: number = WINDOW_SLOTS_DEFAULT;

/** A peer that has answered no heartbeat for so long may be dead, or out of reach. */
export function reachTicks(timing: Timing): number {
  return Math.max(3 * timing.heartbeatTicks, Math.floor(REACH_SHARE * timing.electionTicks));
}

/** A silence that is shorter is never out of the ordinary, however steady the flow was. */
export function floorTicks(timing: Timing): number {
  return Math.min(FLOOR_HEARTBEATS * timing.heartbeatTicks, timing.electionTicks);
}

/** @throws RangeError for a value no core can work with. */
export function checkOptions(options: CoreOptions): void {
  const { timing, windowSlots, windowBytes } = options;
  if (!(windowSlots >= 1 && windowSlots <= WINDOW_SLOTS_MAX)) {
    throw argumentError(`windowSlots is 1 … ${WINDOW_SLOTS_MAX}, not ${windowSlots}`);
  }
  if (!(windowBytes >= 1)) throw argumentError(`windowBytes is at least 1, not ${windowBytes}`);
  if (!(timing.heartbeatTicks >= 1 && timing.fetchTicks >= 1))
    throw argumentError('all timings must be at least 1 tick');
  if (timing.electionTicks < 3 * timing.heartbeatTicks) {
    throw argumentError(
      'electionTicks must be at least three times heartbeatTicks; otherwise one late heartbeat starts an election',
    );
  }
}
