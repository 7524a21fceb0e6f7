/**
 * What a replica is opened with, and the defaults. Times in milliseconds, sizes in bytes.
 */
import { argumentError } from '../errors.js';
import { BATCH_BYTES_MAX, COMMAND_BYTES_MAX, WINDOW_SLOTS_DEFAULT, WINDOW_SLOTS_MAX } from '../limits.js';
import type { Timing } from '../paxos/options.js';
import { areBounds } from './sessions/session-runs.js';
import type { SessionBounds } from './sessions/session-terms.js';

/** Bounds and times of a replica. A program sets those it needs; the others have their defaults. */
export interface Tuning {
  /** One tick of the core's clock. */
  readonly tickMs: number;
  /** A leader says that it is there this often, in ticks. */
  readonly heartbeatTicks: number;
  /**
   * A follower canvasses after this long without a leader, up to twice as long, in ticks. Where the leader's
   * messages have come steadily, a silence that is out of the ordinary is enough: twice the longest one of
   * late, and at least four heartbeats.
   */
  readonly electionTicks: number;
  /** What a replica asked of a peer and did not get is asked for again after this long, in ticks. */
  readonly fetchTicks: number;
  /** Slots that may be open (proposed, not yet chosen) at a time. */
  readonly windowSlots: number;
  /** Bytes that may be open (proposed, not yet chosen) at a time. */
  readonly windowBytes: number;
  /** An open batch that has reached this is closed. */
  readonly batchBytesTarget: number;
  /** The largest command or query; no more than 1 MiB, and than a batch of the store's log holds. */
  readonly commandBytesMax: number;
  /** Commands and queries that wait here may take this much; beyond it callers meet back-pressure. */
  readonly waitingBytesMax: number;
  /**
   * What a leader took and has no outcome for this long gets one: *unknown* if it was proposed, *not
   * executed* if not.
   */
  readonly requestTimeoutMs: number;
  /**
   * What finds no leader waits this long for one to be known, and is then *not executed*. By default twice
   * the longest time after which a follower canvasses.
   */
  readonly leaderWaitMs: number;
  /**
   * What a disk that falls behind may have held in memory, each: bytes of votes that the store was given and
   * has not made durable, and of learned batches that the log had no room for.
   */
  readonly unloggedBytesMax: number;
  /** A replica whose log has not come on for this long takes no more votes, and hands over if it leads. */
  readonly storageStallMs: number;
  /** The share of the log in use at which a checkpoint is begun, 0 … 1. */
  readonly checkpointAtShare: number;
  /**
   * The share of the log in use at which votes are forgotten even if a follower has not learned them, 0 … 1.
   */
  readonly trimAtShare: number;
  /** Bytes of log read back and verified in the background, a second; 0 turns that off. */
  readonly scrubBytesPerSecond: number;
  /**
   * Wall clocks further apart than this do not agree, and one that is further from replicated time is told
   * of.
   */
  readonly clockBoundMs: number;
  /**
   * Sessions that are kept, 1 … 2²⁰; beyond it, those used longest ago are forgotten. For this and the next
   * two, what the leader of the moment was opened with counts on all replicas.
   */
  readonly sessionsMax: number;
  /** KiB of answers that are kept for sessions, 1 … 2²⁰; a sixteenth of it for any one. */
  readonly sessionAnswerKibMax: number;
  /** A session that nobody uses for so long, in seconds, is forgotten. */
  readonly sessionIdleSeconds: number;
  /** How long a leader looks out for more to do before its event loop sleeps; 0: not at all. */
  readonly watchMs: number;
}

/** The values of those that a program does not set. */
export const TUNING_DEFAULT: Tuning = {
  tickMs: 10,
  heartbeatTicks: 2,
  electionTicks: 50,
  fetchTicks: 20,
  windowSlots: WINDOW_SLOTS_DEFAULT,
  windowBytes: 8 << 20,
  batchBytesTarget: 128 << 10,
  commandBytesMax: COMMAND_BYTES_MAX,
  waitingBytesMax: 16 << 20,
  requestTimeoutMs: 5000,
  leaderWaitMs: 2000,
  unloggedBytesMax: 64 << 20,
  storageStallMs: 2000,
  checkpointAtShare: 0.5,
  trimAtShare: 0.75,
  scrubBytesPerSecond: 4 << 20,
  clockBoundMs: 500,
  sessionsMax: 10_000,
  sessionAnswerKibMax: 16 << 10,
  sessionIdleSeconds: 3600,
  watchMs: 0.1,
};

/** What a slot with a small batch may take in a log: a header's page and a data page of the file backend. */
const SLOT_BYTES_MOST = 8192;

/** Fills in the defaults and fits them to the store. @throws RangeError for a value that cannot work. */
export function tune(
  given: Partial<Tuning>,
  store: { batchBytesMax: number; capacityBytes: number },
): Tuning {
  for (const name of Object.keys(given)) {
    if (!(name in TUNING_DEFAULT)) throw argumentError(`there is no tuning option named ${name}`);
  }
  const tuning = { ...TUNING_DEFAULT, ...given };
  const batchBytesMax = Math.min(store.batchBytesMax, BATCH_BYTES_MAX);
  const positive: (keyof Tuning)[] = [
    'tickMs',
    'heartbeatTicks',
    'fetchTicks',
    'windowSlots',
    'requestTimeoutMs',
    'leaderWaitMs',
    'unloggedBytesMax',
    'storageStallMs',
    'clockBoundMs',
  ];
  for (const name of positive) {
    if (!(tuning[name] > 0)) throw argumentError(`${name} must be above 0, not ${tuning[name]}`);
  }
  for (const name of ['scrubBytesPerSecond', 'watchMs'] as const) {
    if (!(tuning[name] >= 0)) throw argumentError(`${name} must be 0 or more, not ${tuning[name]}`);
  }
  if (!areBounds(sessionBoundsOf(tuning))) {
    throw argumentError(
      'sessionsMax and sessionAnswerKibMax are 1 … 1048576, and sessionIdleSeconds is 1 … 4294967295',
    );
  }
  if (tuning.windowSlots > WINDOW_SLOTS_MAX)
    throw argumentError(`windowSlots is at most ${WINDOW_SLOTS_MAX}`);
  if (
    !(tuning.checkpointAtShare > 0 && tuning.checkpointAtShare < tuning.trimAtShare && tuning.trimAtShare < 1)
  ) {
    throw argumentError('0 < checkpointAtShare < trimAtShare < 1 must hold');
  }
  return {
    ...tuning,
    batchBytesTarget: Math.min(tuning.batchBytesTarget, batchBytesMax),
    // What one replica takes, every other one must be able to carry.
    commandBytesMax: Math.min(tuning.commandBytesMax, COMMAND_BYTES_MAX, batchBytesMax - 128),
    // Open slots, voted for anew by one leader after another, must never fill a log: none can be trimmed.
    windowSlots: Math.max(
      1,
      Math.min(tuning.windowSlots, Math.floor(store.capacityBytes / 4 / SLOT_BYTES_MOST)),
    ),
    windowBytes: Math.min(tuning.windowBytes, Math.floor(store.capacityBytes / 8)),
  };
}

export function sessionBoundsOf(tuning: Tuning): SessionBounds {
  const { sessionsMax, sessionAnswerKibMax: answerKibMax, sessionIdleSeconds: idleSeconds } = tuning;
  return { sessionsMax, answerKibMax, idleSeconds };
}

export function timingOf(tuning: Tuning): Timing {
  const { heartbeatTicks, electionTicks, fetchTicks } = tuning;
  return { heartbeatTicks, electionTicks, fetchTicks };
}
