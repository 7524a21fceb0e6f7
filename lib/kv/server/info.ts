/**
 * INFO: what Redis's clients look for, under the same names, and Indelible's own.
 *
 * 1. A field is there only if it is true here: what nobody measures is left out.
 */
import { totalmem } from 'node:os';
import { COMMANDS } from '../commands/table.js';
import type { Reply } from '../resp/reply.js';
import { REDIS_VERSION } from './redis-version.js';
import type { Session } from './session.js';

type Fields = readonly (readonly [string, string | number])[];
type Section = (session: Session) => Fields;

/** As Redis shows bytes to people. */
function human(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T', 'P'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(2)}${units[unit]}`;
}

function server({ host }: Session): Fields {
  const uptime = Math.floor((host.monotonicMs() - host.startedMs) / 1000);
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_mode', 'standalone'],
    ['server_name', 'indelible'],
    ['os', `${process.platform} ${process.arch}`],
    ['arch_bits', 64],
    ['multiplexing_api', 'libuv'],
    ['node_version', process.version],
    ['process_id', process.pid],
    ['run_id', host.runId],
    ['tcp_port', host.port],
    ['server_time_usec', host.nowMs() * 1000],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / 86_400)],
    ['executable', process.execPath],
    ['config_file', ''],
    ['io_threads_active', 0],
  ];
}

function clients({ host }: Session): Fields {
  return [
    ['connected_clients', host.clients],
    ['cluster_connections', 0],
    ['maxclients', host.settings.clientsMax],
    ['blocked_clients', 0],
    ['tracking_clients', 0],
    ['clients_in_timeout_table', 0],
  ];
}

function memory({ host }: Session): Fields {
  const statistics = host.settings.statistics?.(host.nowMs());
  const used = statistics?.usedBytes ?? 0;
  const rss = process.memoryUsage.rss();
  const limit = host.settings.memoryBytesMax;
  return [
    ['used_memory', used],
    ['used_memory_human', human(used)],
    ['used_memory_rss', rss],
    ['used_memory_rss_human', human(rss)],
    ['indelible_held_bytes', statistics?.heldBytes ?? 0],
    ['total_system_memory', totalmem()],
    ['total_system_memory_human', human(totalmem())],
    ['maxmemory', limit],
    ['maxmemory_human', human(limit)],
    ['maxmemory_policy', 'noeviction'],
    ['active_defrag_running', 0],
    ['lazyfree_pending_objects', 0],
  ];
}

/** What is answered is in the log of a quorum: nothing waits to be saved. */
function persistence({ host }: Session): Fields {
  return [
    ['loading', 0],
    ['async_loading', 0],
    ['rdb_changes_since_last_save', 0],
    ['rdb_bgsave_in_progress', 0],
    ['aof_enabled', 1],
    ['aof_rewrite_in_progress', 0],
    ['aof_rewrite_scheduled', 0],
    ['aof_last_write_status', 'ok'],
    ['indelible_durability', host.settings.status?.().durability ?? 'unknown'],
  ];
}

function stats({ host }: Session): Fields {
  const { counters } = host;
  return [
    ['total_connections_received', counters.connections],
    ['total_commands_processed', counters.commands],
    ['total_net_input_bytes', counters.inputBytes],
    ['total_net_output_bytes', counters.outputBytes],
    ['rejected_connections', counters.rejected],
    ['evicted_keys', 0],
    ['evicted_clients', 0],
    ['pubsub_channels', 0],
    ['pubsub_patterns', 0],
    ['total_forks', 0],
    ['total_error_replies', counters.errors],
    ['total_reads_processed', counters.reads],
    ['total_writes_processed', counters.writes],
  ];
}

/** Any replica takes any command, so each is a master to Redis's clients; the real role is beside it. */
function replication({ host }: Session): Fields {
  const status = host.settings.status?.();
  const fields: (readonly [string, string | number])[] = [
    ['role', 'master'],
    ['connected_slaves', Math.max(0, (status?.replicas ?? 1) - 1)],
    ['master_failover_state', 'no-failover'],
  ];
  if (status === undefined) return fields;
  fields.push(['indelible_replica', status.replicaId]);
  fields.push(['indelible_role', status.role]);
  fields.push(['indelible_leader', status.leaderId]);
  fields.push(['indelible_chosen_slot', status.chosenSlot]);
  fields.push(['indelible_applied_slot', status.appliedSlot]);
  return fields;
}

function cpu(): Fields {
  const { user, system } = process.cpuUsage();
  return [
    ['used_cpu_sys', (system / 1e6).toFixed(6)],
    ['used_cpu_user', (user / 1e6).toFixed(6)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
  ];
}

function commandStatistics({ host: { counters } }: Session): Fields {
  const { calls, refusals } = counters;
  return COMMANDS.filter(({ index }) => calls[index]! + refusals[index]! > 0).map(({ name, index }) => [
    `cmdstat_${name}`,
    `calls=${calls[index]},rejected_calls=${refusals[index]}`,
  ]);
}

function errorStatistics({ host }: Session): Fields {
  return [...host.counters.errorCodes].map(([code, count]) => [`errorstat_${code}`, `count=${count}`]);
}

function keyspace({ host }: Session): Fields {
  const statistics = host.settings.statistics?.(host.nowMs());
  if (statistics === undefined || statistics.keys === 0) return [];
  return [['db0', `keys=${statistics.keys},expires=${statistics.expiring},avg_ttl=0`]];
}

/** In the order in which they are shown. */
const SECTIONS: Readonly<Record<string, Section>> = {
  Server: server,
  Clients: clients,
  Memory: memory,
  Persistence: persistence,
  Stats: stats,
  Replication: replication,
  CPU: cpu,
  Modules: () => [],
  Commandstats: commandStatistics,
  Errorstats: errorStatistics,
  Cluster: () => [['cluster_enabled', 0]],
  Keyspace: keyspace,
};
/** Shown only if asked for, by name or as all. */
const ASKED_FOR: ReadonlySet<string> = new Set(['commandstats']);

export function info(session: Session, argv: readonly Buffer[], reply: Reply): void {
  const asked = new Set(argv.slice(1).map((name) => name.toString('latin1').toLowerCase()));
  const isDefault = asked.size === 0 || asked.has('default');
  const isAll = asked.has('all') || asked.has('everything');
  const texts: string[] = [];
  for (const [title, section] of Object.entries(SECTIONS)) {
    const name = title.toLowerCase();
    if (!isAll && !asked.has(name) && !(isDefault && !ASKED_FOR.has(name))) continue;
    const lines = section(session).map(([key, value]) => `${key}:${value}\r\n`);
    texts.push(`# ${title}\r\n${lines.join('')}`);
  }
  reply.verbatim(texts.join('\r\n'));
}
