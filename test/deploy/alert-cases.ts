/**
 * What each alert is tried with: series at which it is to fire, and others, as near as can be, at which no
 * alert is. Every 15 s one value, in promtool's notation. Without labels of its own, a series is that of
 * replica 1.
 */
export type SeriesValues = Readonly<Record<string, string>>;

export interface AlertCase {
  readonly fires: SeriesValues;
  readonly quiet: SeriesValues;
}

/** A histogram of seconds, all of whose observations are above one, or below a thousandth. */
function seconds(name: string, areLong: boolean): SeriesValues {
  const below = areLong ? '0x60' : '0+600x60';
  return {
    [`${name}_bucket{le="0.001"}`]: below,
    [`${name}_bucket{le="1"}`]: below,
    [`${name}_bucket{le="2"}`]: '0+600x60',
    [`${name}_bucket{le="+Inf"}`]: '0+600x60',
  };
}

function slow(name: string): AlertCase {
  return { fires: seconds(name, true), quiet: seconds(name, false) };
}

export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  IndelibleReplicaDown: {
    fires: { up: '0x60' },
    quiet: { up: '1x60' },
  },
  IndelibleNoLeader: {
    fires: {
      'indelible_role{role="leader"}': '0x60',
      'indelible_role{role="leader",replica="2",job="indelible",instance="b:7301"}': '0x60',
    },
    quiet: {
      'indelible_role{role="leader"}': '0x60',
      'indelible_role{role="leader",replica="2",job="indelible",instance="b:7301"}': '1x60',
    },
  },
  IndelibleReplicaStopped: {
    fires: { indelible_running: '0x60' },
    quiet: { indelible_running: '1x60' },
  },
  IndelibleHalted: {
    fires: { indelible_halted: '1x60' },
    quiet: { indelible_halted: '0x60' },
  },
  IndelibleStoreLost: {
    fires: { indelible_votes: '0x60' },
    quiet: { indelible_votes: '1x60' },
  },
  IndelibleDiverged: {
    fires: { indelible_refused_members: '1x60' },
    quiet: { indelible_refused_members: '0x60' },
  },
  IndeliblePeerAway: {
    fires: { 'indelible_peer_connected{peer="2"}': '0x60' },
    quiet: { 'indelible_peer_connected{peer="2"}': '1x60' },
  },
  IndelibleBehind: {
    fires: { 'indelible_peer_lag_slots{peer="2"}': '2001x60' },
    quiet: { indelible_lag_slots: '2000x60' },
  },
  IndelibleStoreStalls: {
    fires: { indelible_store_stalled_seconds: '3x60' },
    quiet: { indelible_store_stalled_seconds: '1x60' },
  },
  IndelibleDiskSlow: slow('indelible_persist_seconds'),
  IndelibleCommitSlow: slow('indelible_commit_seconds'),
  IndelibleLoopLate: slow('indelible_event_loop_delay_seconds'),
  IndelibleRefuses: {
    fires: { 'indelible_refusals_total{outcome="unknown"}': '0+1x60' },
    quiet: { 'indelible_refusals_total{outcome="unknown"}': '7x60' },
  },
  IndelibleLeadWanders: {
    fires: { indelible_leader_changes_total: '0+1x60' },
    quiet: { indelible_leader_changes_total: '1x30 2x30' },
  },
  IndelibleLogFull: {
    fires: { indelible_log_used_ratio: '0.95x60' },
    quiet: { indelible_log_used_ratio: '0.9x60' },
  },
  IndelibleCheckpointFails: {
    fires: { indelible_checkpoint_failures: '2x60' },
    quiet: { indelible_checkpoint_failures: '0x60' },
  },
  IndelibleDiskFills: {
    fires: { indelible_disk_free_bytes: '10x60', indelible_disk_size_bytes: '100x60' },
    quiet: { indelible_disk_free_bytes: '15x60', indelible_disk_size_bytes: '100x60' },
  },
  IndelibleDiskFull: {
    fires: { indelible_disk_free_bytes: '10x60', indelible_disk_reserve_bytes: '11x60' },
    quiet: { indelible_disk_free_bytes: '11x60', indelible_disk_reserve_bytes: '11x60' },
  },
  IndelibleDamage: {
    fires: { indelible_scrub_findings_total: '0x20 1x40' },
    quiet: { indelible_scrub_findings_total: '1x60', indelible_damaged_slots: '0x60' },
  },
  IndelibleClockOff: {
    fires: { indelible_clock_ahead_seconds: '-0.6x60' },
    quiet: { indelible_clock_ahead_seconds: '-0.5x60' },
  },
  IndelibleStrangers: {
    fires: { indelible_malformed_connections_total: '0+1x60' },
    quiet: { indelible_refused_connections_total: '4x60', indelible_malformed_connections_total: '4x60' },
  },
  IndelibleNotEncrypted: {
    fires: { 'indelible_security_info{key="true",channel="plain"}': '1x60' },
    quiet: { 'indelible_security_info{key="true",channel="tls"}': '1x60' },
  },
  IndelibleNotDurable: {
    fires: { 'indelible_info{durability="process"}': '1x60' },
    quiet: { 'indelible_info{durability="power"}': '1x60' },
  },
  IndelibleFewDescriptors: {
    fires: { process_open_fds: '95x60', process_max_fds: '100x60' },
    quiet: { process_open_fds: '90x60', process_max_fds: '100x60' },
  },
  IndelibleClientsRejected: {
    fires: { indelible_kv_rejected_connections_total: '0+1x60' },
    quiet: { indelible_kv_rejected_connections_total: '9x60' },
  },
  IndelibleAdvice: {
    fires: { indelible_advice: '1x60' },
    quiet: { indelible_advice: '0x60' },
  },
};
