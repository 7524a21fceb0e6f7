/**
 * A replica's status: what it is, how far it has come, and what it costs. Plain data, the same in JSON.
 */
import { described } from '../callbacks.js';
import type { Histogram } from '../observe/histogram.js';
import { formatBallot } from '../paxos/ballot.js';
import { highestIdOf } from '../paxos/configuration-batch.js';
import { rangesOf } from '../paxos/damage.js';
import type { Role } from '../paxos/effects.js';
import type { Recovered, StorageCounters } from '../storage/storage.js';
import type { Channel, TcpTransport } from '../transport/tcp.js';
import type { TransportCounters } from '../transport/transport.js';
import type { Configuration, DurabilityClass, ReplicaId, Slot, SlotRange, StorageMode } from '../types.js';
import type { CheckpointProblem } from './checkpoint-writer.js';
import type { DiskStatus, DiskWatch } from './disk.js';
import type { Halt } from './executor.js';
import type { Host } from './host.js';
import type { ClockStatus } from './replicated-clock.js';
import { type SessionsStatus, sessionsStatus } from './sessions/session-status.js';
import type { OpenStore } from './store.js';
import type { TimeKeeping } from './time-keeping.js';
import type { TransferStatus } from './transfers.js';

/** What a leader knows of a follower. */
export interface PeerStatus {
  /** The follower. */
  readonly id: ReplicaId;
  /** Every slot through this one is known to be chosen. */
  readonly learnedThrough: Slot;
  /** Every slot through this one is executed. */
  readonly appliedThrough: Slot;
}

/** What the log has lost, and what became of it. Of a store that is `lost` no slots are counted. */
export interface DamageStatus {
  /** Slots whose vote is known and its bytes are lost: no other batch is proposed there. */
  readonly unavailable: readonly SlotRange[];
  /** Slots at which there may have been a vote that can no longer be read. */
  readonly uncertain: readonly SlotRange[];
  /** Slots damaged since open and written again, from memory or from what peers had. */
  readonly healedSlots: number;
  /**
   * Slots that keep this replica from leading: what they hold is lost or not known to all who answered. They
   * are decided when a member that still has them answers.
   */
  readonly undecided: readonly SlotRange[];
  /** Bytes of the log read back and verified since open. */
  readonly scrubbedBytes: number;
  /** Times the log has been read back from end to end since open. */
  readonly scrubPasses: number;
  /** Times a scrub found something. */
  readonly scrubFindings: number;
}

/** How long things take here, since open: `[upper bound in seconds, count]` of each bucket with any. */
export interface PaceStatus {
  /** From proposing a command to its outcome; filled while it leads. */
  readonly commit: readonly (readonly [seconds: number, count: number])[];
  /** Making a group of votes and promises durable. */
  readonly persist: readonly (readonly [seconds: number, count: number])[];
}

/** How the peer port is kept from strangers. */
export interface SecurityStatus {
  /** Peers, front ends and clients prove that they have the cluster's key. */
  readonly key: boolean;
  /** `local`: only this machine reaches it; on a network `tls`, or `plain`: not encrypted. */
  readonly channel: Channel;
}

/** The status of one replica, as plain data: the same in `status --json` and in `Client.status`. */
export interface ReplicaStatus {
  /** 32 lower-case hex digits. */
  readonly clusterId: string;
  /** Its number in the cluster. */
  readonly replicaId: ReplicaId;
  /** 32 lower-case hex digits: its store. */
  readonly storeUuid: string;
  /** The ids of all members. */
  readonly members: readonly ReplicaId[];
  /** The configuration in force, as far as it knows: every member with its store, role and address. */
  readonly configuration: Configuration;
  /** What it is in that configuration. */
  readonly standing: Standing;
  /** Whether it leads, follows, or asks to lead. */
  readonly role: Role;
  /** round.replica; "0.0" before the first. */
  readonly ballot: string;
  /** The highest ballot that its acceptor has promised, as `ballot`. */
  readonly promised: string;
  /** 0 while none is known. */
  readonly leader: ReplicaId;
  /** What the log lies on. */
  readonly mode: StorageMode;
  /** What the log survives. */
  readonly durability: DurabilityClass;
  /** Of a mapped region: 'libpmem', 'msync', or the processor's instruction where there is no libpmem. */
  readonly flushedBy?: string;
  /** `intact`, `damaged` or `lost`; a replica whose store is lost does not vote. */
  readonly recovery: string;
  /** Why the recovery was not `intact`, for a person; empty otherwise. */
  readonly recoveryReason: string;
  /** False of a replica that only learns and serves: its store is lost, or it is no voter. */
  readonly votes: boolean;
  /** What the log has lost, and what became of it. */
  readonly damage: DamageStatus;
  /** Milliseconds for which nothing became durable although something was to; 0 while the store keeps up. */
  readonly stalledMs: number;
  /** Replicated time, and how this replica's own clock stands to it. */
  readonly clock: ClockStatus;
  /** What a person should do about it; empty if nothing. */
  readonly advice: string;
  /** Every slot through this one is known to be chosen. */
  readonly learnedThrough: Slot;
  /** Every slot through this one is executed. */
  readonly appliedThrough: Slot;
  /** The log holds no votes for slots through this one: a checkpoint covers them. */
  readonly trimThrough: Slot;
  /** Slots known to be chosen somewhere and not applied here. */
  readonly lagSlots: number;
  /** The number of the newest checkpoint; 0 is the one that format wrote. */
  readonly checkpointId: number;
  /** The slot through which the newest checkpoint has the state. */
  readonly checkpointThrough: Slot;
  /** The length of its file. */
  readonly checkpointBytes: number;
  /** What keeps checkpoints from being written or taken; absent if nothing does. */
  readonly checkpointProblem?: CheckpointProblem;
  /** How full the file system with the checkpoints is; absent where, or as long as, that is not known. */
  readonly disk?: DiskStatus;
  /** Checkpoints that move between this replica and its peers. */
  readonly transfers: TransferStatus;
  /** Programs connected to its peer port: clients, and front ends of other replicas. */
  readonly programs: number;
  /** Commands executed since open. */
  readonly commandsExecuted: number;
  /** Linearizable reads answered here since open. */
  readonly queriesAnswered: number;
  /** Sessions: who has each of its commands executed once. */
  readonly sessions: SessionsStatus;
  /** How long commands and commits of the log take. */
  readonly pace: PaceStatus;
  /** The chain over the digests of slots 1 … learnedThrough: equal slots, equal chains, on every replica. */
  readonly chain: string;
  /** The state machine's digest at appliedThrough, where it gives one. */
  readonly stateDigest: string | undefined;
  /** Bytes of the log in use. */
  readonly logUsedBytes: number;
  /** Bytes that the log holds. */
  readonly logCapacityBytes: number;
  /** What the leader knows of its followers; empty elsewhere. */
  readonly peers: readonly PeerStatus[];
  /** Counters of the log since open. */
  readonly storage: StorageCounters;
  /** Counters of the connections to peers since open. */
  readonly transport: TransportCounters;
  /** Members that this replica does not talk to, because one store is not the one that voted, and why. */
  readonly refusals: readonly RefusalStatus[];
  /** How the peer port is protected. */
  readonly security: SecurityStatus;
  /** Where its state machine has thrown: nothing behind that is executed. Absent while it goes on. */
  readonly halted?: HaltStatus;
  /** Commands that an operator had skipped, as far as their records were learned since open: the newest. */
  readonly skipped: readonly SkipStatus[];
  /** Why the replica has stopped; absent while it runs. */
  readonly failure?: string;
}

/**
 * What a replica is in its configuration: a voter, a learner, a newcomer that is no member yet, or one that
 * was removed.
 */
export type Standing = 'voter' | 'learner' | 'newcomer' | 'removed';

/** A member that this replica does not talk to. */
export interface RefusalStatus {
  /** The member. */
  readonly id: ReplicaId;
  /** Why, for a person. */
  readonly reason: string;
}

/** The command at which a state machine has thrown. */
export interface HaltStatus {
  /** The slot that holds the command. */
  readonly slot: Slot;
  /** The command's place within the slot, from 0. */
  readonly command: number;
  /** What the state machine threw. */
  readonly error: string;
}

/** A command that an operator had skipped. */
export interface SkipStatus {
  /** The slot that holds the command. */
  readonly slot: Slot;
  /** The command’s place within the slot, from 0. */
  readonly command: number;
  /** Why, as the operator said. */
  readonly reason: string;
}

export function statusOf(
  host: Host,
  store: OpenStore,
  transport: Pick<TcpTransport, 'counters' | 'refusals' | 'removal' | 'security' | 'clientCount'>,
  disk: DiskWatch,
): ReplicaStatus {
  const { core, executor } = host;
  const { log, checkpoints } = store;
  const { configuration } = core.quorum;
  const standing = standingOf(configuration, core.self, transport.removal !== undefined);
  const peers = configuration.members.flatMap(({ id }) => {
    const peer = core.progress.of(id);
    if (peer === undefined || !host.leads) return [];
    return [{ id, learnedThrough: peer.learnedThrough, appliedThrough: peer.appliedThrough }];
  });
  return {
    clusterId: log.identity.clusterId,
    replicaId: log.identity.replicaId,
    storeUuid: log.identity.storeUuid,
    members: configuration.members.map(({ id }) => id),
    configuration,
    standing,
    role: core.role,
    ballot: formatBallot(core.ballot),
    promised: formatBallot(core.acceptor.promised),
    leader: core.leader,
    mode: log.mode,
    durability: log.durability,
    ...(log.flushedBy === undefined ? {} : { flushedBy: log.flushedBy }),
    recovery: log.recovered.outcome,
    recoveryReason: log.recovered.reason,
    votes: core.votes,
    damage: damageOf(host),
    stalledMs: host.stall.ms,
    clock: host.time.clock.status,
    advice: standingAdvice(standing, core.self) || adviceOf(host, log.recovered.outcome, disk),
    learnedThrough: core.learner.learnedThrough,
    appliedThrough: executor.appliedThrough,
    trimThrough: core.acceptor.trimThrough,
    lagSlots: core.learner.targetThrough - executor.appliedThrough,
    checkpointId: checkpoints.newest.meta.checkpointId,
    checkpointThrough: checkpoints.newest.meta.throughSlot,
    checkpointBytes: checkpoints.newest.lengthBytes,
    ...(host.checkpointTrouble === undefined ? {} : { checkpointProblem: host.checkpointTrouble }),
    ...(disk.status === undefined ? {} : { disk: disk.status }),
    transfers: host.transfers,
    programs: transport.clientCount,
    commandsExecuted: executor.commandsExecuted,
    queriesAnswered: host.load.queries,
    sessions: sessionsStatus(executor.sessions, host.lines.heldCount),
    pace: { commit: filled(host.meters.commit), persist: filled(host.meters.persist) },
    chain: core.learner.chain.toString(16).padStart(13, '0'),
    stateDigest: host.stateDigest,
    logUsedBytes: log.usedBytes,
    logCapacityBytes: log.capacityBytes,
    peers,
    storage: log.counters,
    transport: transport.counters,
    refusals: [...transport.refusals].map(([id, reason]) => ({ id, reason })),
    security: transport.security,
    ...(host.halt === undefined ? {} : { halted: haltStatus(host.halt) }),
    skipped: executor.skips.recent.map(({ slot, ordinal, reason }) => ({ slot, command: ordinal, reason })),
    ...(host.failure === undefined ? {} : { failure: host.failure.message }),
  };
}

/** @param isRefused whether a member has said that this replica is one no more */
function standingOf(configuration: Configuration, self: ReplicaId, isRefused: boolean): Standing {
  const member = configuration.members.find(({ id }) => id === self);
  if (isRefused) return 'removed';
  if (member !== undefined) return member.role ?? 'voter';
  return self > highestIdOf(configuration) ? 'newcomer' : 'removed';
}

function standingAdvice(standing: Standing, self: ReplicaId): string {
  if (standing === 'removed') {
    return 'this replica was removed from its cluster, and is never a member again: stop it, and set its data aside';
  }
  if (standing !== 'newcomer') return '';
  return `this replica is no member yet: indelible add ${self}=HOST:PORT, asked of the cluster, makes it one`;
}

/** What is above the last bound is counted at it: JSON knows no infinity. */
function filled(histogram: Histogram): PaceStatus['commit'] {
  const { bounds, counts } = histogram.values();
  const last = bounds.length - 1;
  return counts.flatMap((count, i) => (count === 0 ? [] : [[bounds[Math.min(i, last)]!, count] as const]));
}

function haltStatus({ slot, ordinal, error }: Halt): HaltStatus {
  return { slot, command: ordinal, error: described(error.cause) };
}

function haltAdvice(halt: Halt | undefined): string {
  if (halt === undefined) return '';
  const { slot, command, error } = haltStatus(halt);
  return (
    `halted at slot ${slot}, command ${command}: the state machine threw: ${error}. Mend its program and start ` +
    'all replicas with it. If it throws on all of them and cannot be mended, skip the command: ' +
    `indelible skip ${slot} --command ${command} --because TEXT`
  );
}

function damageOf({ core, scrubber }: Host): DamageStatus {
  const { damage } = core.acceptor;
  return {
    unavailable: rangesOf([...damage.unavailable].sort((a, b) => a - b)),
    uncertain: damage.uncertain,
    healedSlots: damage.healed,
    undecided: core.undecided.filter(({ through }) => through > core.learner.learnedThrough),
    scrubbedBytes: scrubber.bytes,
    scrubPasses: scrubber.passes,
    scrubFindings: scrubber.findings,
  };
}

function adviceOf(
  { core, stall, time, halt, checkpointTrouble }: Host,
  outcome: Recovered['outcome'],
  disk: DiskWatch,
): string {
  if (outcome === 'lost') {
    return (
      'this replica has lost votes and perhaps a promise: it never votes again, and only learns and serves. The ' +
      'cluster survives one failure less than before. Keep the others running, and put a new replica in its place: ' +
      `indelible replace ${core.self} (docs/membership.md)`
    );
  }
  if (core.areBallotsSpent) {
    return (
      'all ballots are used up: for days a peer has sent numbers that no correct replica sends. This replica ' +
      'follows, and never asks to lead. Copy the data into a newly formatted cluster'
    );
  }
  const undecided = core.undecided.filter(({ through }) => through > core.learner.learnedThrough);
  if (undecided.length === 0) {
    const trouble = checkpointAdvice(checkpointTrouble);
    const ofDisk = [disk.advice, trouble].filter((each) => each !== '').join('. ');
    return stall.advice || haltAdvice(halt) || ofDisk || clockAdvice(time);
  }
  const slots = undecided.map(({ from, through }) => (from === through ? `${from}` : `${from} … ${through}`));
  return (
    `slots ${slots.join(', ')} cannot be decided by the replicas that answer: their votes there are lost or ` +
    'unknown. Start the replicas that are down: one of them may have the votes'
  );
}

function clockAdvice({ clock }: TimeKeeping): string {
  if (!clock.isOff) return '';
  const { aheadMs } = clock.status;
  const off = `${Math.abs(aheadMs / 1000).toFixed(1)} s ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
  return (
    `the clock of this machine is ${off} replicated time. Set it right, and keep it right (NTP). If it is ` +
    'right already, the clocks of other replicas are wrong, or replicated time is still being corrected slowly'
  );
}

function checkpointAdvice(trouble: CheckpointProblem | undefined): string {
  if (trouble === undefined) return '';
  return (
    `no checkpoint can be written (${trouble.reason}): the log fills up, and takes no more commands once it is ` +
    'full. Make room, or mend the disk; the replica tries again by itself'
  );
}
