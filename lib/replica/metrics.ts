/**
 * A replica's metrics, told when somebody asks: names, types, labels and units are those of docs/metrics.md,
 * and a test compares the two.
 */
import type { Histogram } from '../observe/histogram.js';
import type { HistogramMetric, Labels, Metric, MetricSample, PlainMetric } from '../observe/metric.js';
import { single } from '../observe/metric.js';
import { roundOf } from '../paxos/ballot.js';
import type { Runtime } from '../runtime.js';
import type { TcpTransport } from '../transport/tcp.js';
import type { PeerLink } from '../transport/transport.js';
import type { Host } from './host.js';
import type { Meters } from './meters.js';
import { Outcome } from './service.js';
import type { ReplicaStatus } from './status.js';

interface MetricsParts {
  readonly host: Host;
  readonly status: ReplicaStatus;
  readonly links: readonly PeerLink[];
  /** Programs on the peer port. */
  readonly programs: number;
  /** By the monotonic clock. */
  readonly nowMs: number;
}

const REFUSALS: readonly (readonly [name: string, outcome: Outcome])[] = [
  ['not_executed', Outcome.notExecuted],
  ['unknown', Outcome.unknown],
  ['skipped', Outcome.skipped],
];

export function metricsOf(
  host: Host,
  status: ReplicaStatus,
  { links, clientCount: programs }: Pick<TcpTransport, 'links' | 'clientCount'>,
  runtime: Pick<Runtime, 'monotonicMs'>,
): readonly Metric[] {
  const parts = { host, status, links, programs, nowMs: runtime.monotonicMs() };
  return [
    ...roleMetrics(parts),
    ...slotMetrics(parts),
    ...workMetrics(parts),
    ...sessionMetrics(parts),
    ...paceMetrics(parts.host.meters),
    ...logMetrics(parts),
    ...checkpointMetrics(parts),
    ...damageMetrics(parts),
    ...peerMetrics(parts),
    ...securityMetrics(parts),
  ];
}

function roleMetrics({ host, status }: MetricsParts): readonly Metric[] {
  const { clusterId: cluster, mode, durability, flushedBy: flushed_by = '', recovery } = status;
  const { elections, leads, leaderChanges } = host.meters;
  const roles = (['leader', 'candidate', 'follower'] as const).map((role) =>
    sample({ role }, status.role === role),
  );
  return [
    gauges('indelible_info', 'What the replica runs on; always 1', [
      sample({ cluster, mode, durability, flushed_by, recovery }, true),
    ]),
    gauges('indelible_role', '1 for the role that it has', roles),
    gauge(
      'indelible_leader',
      'The id of the replica that leads, as far as this one knows; 0: none',
      status.leader,
    ),
    gauge(
      'indelible_votes',
      '1 while it votes; a replica whose store is lost does not',
      Number(status.votes),
    ),
    gauge('indelible_running', '1; 0 once it has stopped by itself', Number(status.failure === undefined)),
    gauge('indelible_halted', '1 while its state machine has thrown', Number(status.halted !== undefined)),
    gauge('indelible_advice', '1 while the status has advice for a person', Number(status.advice !== '')),
    gauge('indelible_ballot_round', 'The round of the ballot it takes part in', roundOf(host.core.ballot)),
    gauge('indelible_promised_round', 'The round of its promise', roundOf(host.core.acceptor.promised)),
    counter('indelible_elections_total', 'Times it asked for the lead', elections),
    counter('indelible_leads_total', 'Times it came to lead', leads),
    counter('indelible_leader_changes_total', 'Times it saw another replica than before lead', leaderChanges),
  ];
}

function slotMetrics({ status }: MetricsParts): readonly Metric[] {
  const { learnedThrough, appliedThrough, trimThrough, lagSlots, skipped } = status;
  return [
    gauge('indelible_learned_slot', 'It knows all slots through this one to be chosen', learnedThrough),
    gauge('indelible_applied_slot', 'It has executed all slots through this one', appliedThrough),
    gauge('indelible_trim_slot', 'Its log has forgotten the votes through this slot', trimThrough),
    gauge('indelible_lag_slots', 'Slots known to be chosen and not applied here', lagSlots),
    gauge('indelible_skips', 'Commands skipped on an operator’s word, as far as remembered', skipped.length),
  ];
}

function workMetrics({ host, status, programs }: MetricsParts): readonly Metric[] {
  const { waitingCommandBytes, waitingQueryBytes, openSlots, unpersistedBytes, queries, outcomes } =
    host.load;
  const refused = REFUSALS.map(([outcome, number]) => ({
    labels: { outcome },
    value: outcomes[number] ?? 0,
  }));
  const { core } = host;
  return [
    counter('indelible_commands_total', 'Commands executed here, whoever was asked', status.commandsExecuted),
    counter('indelible_queries_total', 'Linearizable reads answered here', queries),
    counters('indelible_refusals_total', 'Requests that got another outcome than done', refused),
    gauge(
      'indelible_waiting_command_bytes',
      'Commands that wait for a slot or a leader',
      waitingCommandBytes,
    ),
    gauge('indelible_waiting_query_bytes', 'Queries that wait for their answer', waitingQueryBytes),
    gauge('indelible_open_slots', 'Slots proposed here and not decided', openSlots),
    gauge('indelible_unpersisted_bytes', 'Votes given to the store and not durable', unpersistedBytes),
    gauge(
      'indelible_unlogged_bytes',
      'Learned batches that the log had no room for',
      core.learner.unloggedBytes,
    ),
    gauge('indelible_programs', 'Programs connected to the peer port: clients and front ends', programs),
  ];
}

function sessionMetrics({ status }: MetricsParts): readonly Metric[] {
  const { kept, openedEver, answerBytes, forgotten, repeated, refused, held } = status.sessions;
  return [
    gauge('indelible_sessions', 'Sessions that the cluster keeps', kept),
    gauge('indelible_sessions_held', 'Sessions that programs hold at this replica', held),
    counter('indelible_sessions_opened_total', 'Sessions that the cluster opened ever', openedEver),
    counter('indelible_sessions_forgotten_total', 'Sessions forgotten by a bound', forgotten),
    gauge('indelible_session_answer_bytes', 'Answers kept for sessions', answerBytes),
    counter('indelible_session_repeats_total', 'Commands that had the answer of an earlier copy', repeated),
    counter(
      'indelible_session_refusals_total',
      'Commands out of order, of forgotten sessions, or with an answer gone',
      refused,
    ),
  ];
}

function paceMetrics(meters: Meters): readonly Metric[] {
  return [
    histogram(
      'indelible_commit_seconds',
      'From proposing a command to its outcome, at the leader',
      meters.commit,
    ),
    histogram('indelible_persist_seconds', 'Making a group of votes and promises durable', meters.persist),
    histogram('indelible_turn_seconds', 'One turn of the replica', meters.turn),
    histogram('indelible_event_loop_delay_seconds', 'How late the replica’s clock ticked', meters.loopDelay),
    histogram('indelible_batch_commands', 'Commands in a batch proposed here', meters.batchCommands),
    histogram('indelible_batch_bytes', 'Bytes of a batch proposed here', meters.batchBytes),
  ];
}

function logMetrics({ status }: MetricsParts): readonly Metric[] {
  const { storage, logUsedBytes, logCapacityBytes, stalledMs } = status;
  return [
    gauge('indelible_log_used_bytes', 'Bytes of the log in use', logUsedBytes),
    gauge('indelible_log_capacity_bytes', 'Bytes the log can hold', logCapacityBytes),
    gauge('indelible_log_used_ratio', 'The share of the log in use, 0 to 1', logUsedBytes / logCapacityBytes),
    gauge(
      'indelible_store_stalled_seconds',
      'How long nothing became durable although something was to',
      stalledMs / 1000,
    ),
    counter('indelible_log_items_total', 'Votes and promises made durable', storage.items),
    counter('indelible_log_groups_total', 'Groups of them, each one commit', storage.groups),
    counter('indelible_log_written_bytes_total', 'Bytes written to the log', storage.bytesWritten),
    counter('indelible_log_barriers_total', 'Fences, or syncs of a file', storage.barriers),
    counter('indelible_log_trims_total', 'Times votes were forgotten', storage.trims),
    counter('indelible_log_laps_total', 'Times the log has wrapped around', storage.laps),
  ];
}

function checkpointMetrics({ host, status, nowMs }: MetricsParts): readonly Metric[] {
  const { checkpointsWritten, checkpointsTaken, checkpointAtMs, checkpointWrite } = host.meters;
  const durable = [
    { labels: { from: 'self' }, value: checkpointsWritten },
    { labels: { from: 'peer' }, value: checkpointsTaken },
  ];
  const age = checkpointAtMs === undefined ? [] : [{ labels: {}, value: (nowMs - checkpointAtMs) / 1000 }];
  const { checkpointBytes, checkpointThrough, checkpointProblem, transfers } = status;
  return [
    counters('indelible_checkpoints_total', 'Checkpoints that became durable here', durable),
    histogram('indelible_checkpoint_write_seconds', 'Writing a checkpoint', checkpointWrite),
    gauge('indelible_checkpoint_bytes', 'Length of the newest checkpoint', checkpointBytes),
    gauge('indelible_checkpoint_slot', 'The slot through which it has the state', checkpointThrough),
    gauges(
      'indelible_checkpoint_age_seconds',
      'Since the newest one became durable; absent before the first since start',
      age,
    ),
    gauge(
      'indelible_checkpoint_failures',
      'Attempts to write one that failed in a row',
      checkpointProblem?.failures ?? 0,
    ),
    gauge(
      'indelible_transfers_sending',
      'Peers that a checkpoint is being sent to',
      transfers.sendingTo.length,
    ),
  ];
}

function damageMetrics({ status }: MetricsParts): readonly Metric[] {
  const { damage, clock } = status;
  const slots = (ranges: readonly { from: number; through: number }[]): number =>
    ranges.reduce((sum, { from, through }) => sum + through - from + 1, 0);
  return [
    counter('indelible_scrubbed_bytes_total', 'Bytes of log read back and verified', damage.scrubbedBytes),
    counter('indelible_scrub_passes_total', 'Times the whole log was', damage.scrubPasses),
    counter('indelible_scrub_findings_total', 'Times that found damage', damage.scrubFindings),
    gauge('indelible_damaged_slots', 'Slots whose vote has lost its bytes', slots(damage.unavailable)),
    gauge('indelible_uncertain_slots', 'Slots at which a vote may be lost', slots(damage.uncertain)),
    gauge('indelible_undecided_slots', 'Slots that keep it from leading', slots(damage.undecided)),
    counter('indelible_healed_slots_total', 'Damaged slots that were written again', damage.healedSlots),
    gauge(
      'indelible_clock_ahead_seconds',
      'How far its clock is ahead of replicated time',
      clock.aheadMs / 1000,
    ),
    gauge(
      'indelible_replicated_time_seconds',
      'Replicated time since 1970; 0 while it is not known',
      clock.timeMs / 1000,
    ),
  ];
}

function peerMetrics({ host, status, links }: MetricsParts): readonly Metric[] {
  const each = (value: (link: PeerLink) => number | undefined): readonly MetricSample[] =>
    links.flatMap((link) => {
      const told = value(link);
      return told === undefined ? [] : [{ labels: { peer: String(link.id) }, value: told }];
    });
  const lag = ({ id }: PeerLink): number | undefined => {
    const peer = status.peers.find((other) => other.id === id);
    return peer === undefined ? undefined : Math.max(0, status.learnedThrough - peer.appliedThrough);
  };
  const trip = ({ id }: PeerLink): number | undefined => {
    const peer = host.time.clock.status.peers.find((other) => other.id === id);
    return peer === undefined ? undefined : peer.roundTripMs / 1000;
  };
  const { transport } = status;
  return [
    gauges(
      'indelible_peer_connected',
      '1 while there is a connection',
      each(({ connected }) => Number(connected)),
    ),
    counters(
      'indelible_peer_connections_total',
      'Connections that came into use',
      each(({ connections }) => connections),
    ),
    gauges(
      'indelible_peer_waiting_bytes',
      'Bytes for it that it has not taken',
      each(({ untakenBytes }) => untakenBytes),
    ),
    gauges('indelible_peer_lag_slots', 'Slots it has not applied; told by the leader', each(lag)),
    gauges(
      'indelible_peer_round_trip_seconds',
      'Its last answer, there and back; told by the leader',
      each(trip),
    ),
    counter('indelible_sent_bytes_total', 'Bytes sent to peers and programs', transport.bytesSent),
    counter('indelible_received_bytes_total', 'Bytes received from them', transport.bytesReceived),
    counter('indelible_sent_frames_total', 'Frames sent', transport.framesSent),
    counter('indelible_received_frames_total', 'Frames received', transport.framesReceived),
    counter(
      'indelible_dropped_frames_total',
      'Frames for a peer that was absent or too slow',
      transport.dropped,
    ),
  ];
}

function securityMetrics({ status }: MetricsParts): readonly Metric[] {
  const { security, transport, refusals } = status;
  const { channel } = security;
  return [
    gauges('indelible_security_info', 'How the peer port is kept from strangers; always 1', [
      sample({ key: String(security.key), channel }, true),
    ]),
    counter(
      'indelible_refused_connections_total',
      'Connections to the peer port that were refused',
      transport.refused,
    ),
    counter(
      'indelible_malformed_connections_total',
      'Connections closed for what came in',
      transport.malformed,
    ),
    gauge('indelible_refused_members', 'Members whose store, or which, is refused', refusals.length),
  ];
}

function sample(labels: Labels, isTrue: boolean): MetricSample {
  return { labels, value: Number(isTrue) };
}

function gauge(name: string, help: string, value: number): PlainMetric {
  return single('gauge', name, help, value);
}

function counter(name: string, help: string, value: number): PlainMetric {
  return single('counter', name, help, value);
}

function gauges(name: string, help: string, samples: readonly MetricSample[]): PlainMetric {
  return { type: 'gauge', name, help, samples };
}

function counters(name: string, help: string, samples: readonly MetricSample[]): PlainMetric {
  return { type: 'counter', name, help, samples };
}

function histogram(name: string, help: string, source: Histogram): HistogramMetric {
  return { type: 'histogram', name, help, histogram: source.values() };
}
