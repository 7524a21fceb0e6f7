/**
 * Whether a replica is well, check by check, told from its status: the same from inside it, over its HTTP
 * port, and for whoever asks its peer port.
 *
 * | level  | means                                                                                   |
 * |--------|-----------------------------------------------------------------------------------------|
 * | `ok`   | nothing to do                                                                           |
 * | `warn` | it serves; a person should look before it does not                                      |
 * | `fail` | what is asked of it now is refused, or waits: send clients elsewhere                     |
 */
import { type DiskSpace, diskSpaceOf } from '../storage/file/disk-space.js';
import { WARN_SHARE } from './disk.js';
import type { ReplicaStatus } from './status.js';

export type { DiskSpace };

/** `ok`: nothing to do; `warn`: it serves, look before it does not; `fail`: it refuses, or makes wait. */
export type HealthLevel = 'ok' | 'warn' | 'fail';

/** One thing that was looked at. */
export interface HealthCheck {
  /** What was looked at. */
  readonly name: 'running' | 'quorum' | 'log' | 'store' | 'lag' | 'checkpoints' | 'disk' | 'clock';
  /** How it is. */
  readonly level: HealthLevel;
  /** What is, and what to do where that is not `ok`. */
  readonly text: string;
}

/** How a replica is, on the whole and check by check. */
export interface Health {
  /** The worst of the checks. */
  readonly level: HealthLevel;
  /** In the order in which a person would look. */
  readonly checks: readonly HealthCheck[];
}

/** Slots that a replica may be behind and still be ready: some hundred milliseconds of a busy cluster. */
export const LAG_SLOTS_READY_MAX = 2000;
/** A log that is fuller warns: checkpoints begin at half of it, and make room. */
const LOG_SHARE_WARN = 0.9;
/** A store that has made nothing durable for longer takes no votes (`storageStallMs`). */
const STALL_MS_FAIL = 2000;

/**
 * How a replica is, told from its status.
 * @param disk undefined where nobody looked
 */
export function healthOf(status: ReplicaStatus, disk?: DiskSpace): Health {
  const checks = [
    running(status),
    quorum(status),
    log(status),
    store(status),
    lag(status),
    checkpoints(status),
    ...diskChecks(status, disk),
    clock(status),
  ];
  return { level: worstOf(checks.map(({ level }) => level)), checks };
}

/** The file system of `directory`, for {@link healthOf}; undefined where it cannot be told. */
export function lookAtDisk(directory: string): Promise<DiskSpace | undefined> {
  return diskSpaceOf(directory).catch(() => undefined);
}

export function worstOf(levels: readonly HealthLevel[]): HealthLevel {
  if (levels.includes('fail')) return 'fail';
  return levels.includes('warn') ? 'warn' : 'ok';
}

/** A line each: `ok   quorum: replica 2 leads`. */
export function healthLines({ checks }: Health): readonly string[] {
  return checks.map(({ level, name, text }) => `${level.padEnd(4)} ${name}: ${text}`);
}

function running({ failure, halted, role, standing }: ReplicaStatus): HealthCheck {
  const name = 'running';
  if (failure !== undefined) {
    return { name, level: 'fail', text: `it has stopped: ${failure}. Start it again when that is mended` };
  }
  if (standing === 'removed') {
    return { name, level: 'fail', text: 'it was removed from its cluster: stop it, and set its data aside' };
  }
  if (standing === 'newcomer') {
    return { name, level: 'fail', text: 'it is no member yet: indelible add makes it one' };
  }
  if (halted === undefined) return { name, level: 'ok', text: standing === 'learner' ? 'learner' : role };
  const { slot, command, error } = halted;
  const where = `slot ${slot}, command ${command}`;
  return { name, level: 'fail', text: `halted at ${where}: the state machine threw: ${error}; see status` };
}

function quorum({ leader, replicaId, damage }: ReplicaStatus): HealthCheck {
  const name = 'quorum';
  if (damage.undecided.length > 0) {
    const text = 'slots cannot be decided by those who answer. Start the replicas that are down; see status';
    return { name, level: 'fail', text };
  }
  if (leader === 0) {
    const text =
      'no leader is known: no majority talks. Start the replicas that are down, look at the network';
    return { name, level: 'fail', text };
  }
  return { name, level: 'ok', text: leader === replicaId ? 'it leads' : `replica ${leader} leads` };
}

function log({ recovery, recoveryReason, logUsedBytes, logCapacityBytes }: ReplicaStatus): HealthCheck {
  const name = 'log';
  const share = logUsedBytes / logCapacityBytes;
  if (recovery === 'lost') {
    const text = `its store is lost: ${recoveryReason}. It learns and serves, and never votes again; see status`;
    return { name, level: 'warn', text };
  }
  if (share > LOG_SHARE_WARN) {
    const text = `${percent(share)} in use: see whether checkpoints can be written, or give it a larger log`;
    return { name, level: 'warn', text };
  }
  if (recovery === 'damaged') {
    return { name, level: 'warn', text: `damage was found at the start: ${recoveryReason}; peers repair it` };
  }
  return { name, level: 'ok', text: `${percent(share)} in use` };
}

function store({ stalledMs }: ReplicaStatus): HealthCheck {
  const name = 'store';
  if (stalledMs === 0) return { name, level: 'ok', text: 'keeps up' };
  const text = `nothing has become durable for ${(stalledMs / 1000).toFixed(1)} s: its disk stalls. Look at the disk`;
  return { name, level: stalledMs >= STALL_MS_FAIL ? 'fail' : 'warn', text };
}

function lag({ lagSlots }: ReplicaStatus): HealthCheck {
  const level = lagSlots > LAG_SLOTS_READY_MAX ? 'fail' : 'ok';
  const text = `${lagSlots} slots behind${level === 'ok' ? '' : ': it is catching up'}`;
  return { name: 'lag', level, text };
}

function checkpoints({ checkpointProblem }: ReplicaStatus): HealthCheck {
  const name = 'checkpoints';
  if (checkpointProblem === undefined) return { name, level: 'ok', text: 'can be written' };
  const text = `none can be written (${checkpointProblem.reason}): make room before the log is full`;
  return { name, level: 'warn', text };
}

/** What the replica itself knows of its disk comes first. */
function diskChecks({ disk: known }: ReplicaStatus, looked: DiskSpace | undefined): readonly HealthCheck[] {
  if (known === undefined) return looked === undefined ? [] : [diskCheck(looked)];
  const { state, share } = known;
  const text = `${percent(share)} of its file system in use`;
  if (state === 'ok') return [{ name: 'disk', level: 'ok', text }];
  // A replica that is short of room answers reads: its clients are not sent elsewhere.
  const what = state === 'warn' ? '' : ', what is left is the reserve';
  return [{ name: 'disk', level: 'warn', text: `${text}${what}: make room for checkpoints` }];
}

function diskCheck({ bytes, freeBytes }: DiskSpace): HealthCheck {
  const share = bytes === 0 ? 0 : 1 - freeBytes / bytes;
  const level = share >= WARN_SHARE ? 'warn' : 'ok';
  const text = `${percent(share)} of its file system in use${level === 'ok' ? '' : ': make room for checkpoints'}`;
  return { name: 'disk', level, text };
}

function clock({ clock: { aheadMs, isOff } }: ReplicaStatus): HealthCheck {
  const name = 'clock';
  const off = `${Math.abs(aheadMs)} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} replicated time`;
  if (isOff) {
    return { name, level: 'warn', text: `${off}: set it right, and keep it right (NTP)` };
  }
  return { name, level: 'ok', text: off };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
