/** INFO: what Redis's clients look for, under the same names, and Indelible's own. */
import type { Reply } from '../resp/reply.js';
import { REDIS_VERSION } from './redis-version.js';
import type { Session } from './session.js';

type Fields = readonly (readonly [string, string | number])[];
type Section = (session: Session) => Fields;

function server(session: Session): Fields {
  const uptime = Math.floor((session.host.nowMs() - session.host.startedMs) / 1000);
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_mode', 'standalone'],
    ['server_name', 'indelible'],
    ['os', `${process.platform} ${process.arch}`],
    ['arch_bits', 64],
    ['node_version', process.version],
    ['process_id', process.pid],
    ['tcp_port', session.host.port],
    ['uptime_in_seconds', uptime],
    ['uptime_in_days', Math.floor(uptime / 86_400)],
  ];
}

function clients(session: Session): Fields {
  return [
    ['connected_clients', session.host.clients],
    ['maxclients', session.host.settings.clientsMax],
    ['blocked_clients', 0],
  ];
}

function memory(session: Session): Fields {
  const statistics = session.host.settings.statistics?.(session.host.nowMs());
  return [
    ['used_memory', statistics?.usedBytes ?? 0],
    ['used_memory_rss', process.memoryUsage.rss()],
    ['indelible_held_bytes', statistics?.heldBytes ?? 0],
    ['maxmemory', session.host.settings.memoryBytesMax],
    ['maxmemory_policy', 'noeviction'],
  ];
}

function persistence(session: Session): Fields {
  return [
    ['loading', 0],
    ['indelible_durability', session.host.settings.status?.().durability ?? 'unknown'],
  ];
}

function stats(session: Session): Fields {
  const { connections, commands, rejected } = session.host.counters;
  return [
    ['total_connections_received', connections],
    ['total_commands_processed', commands],
    ['rejected_connections', rejected],
  ];
}

/** Any replica takes any command, so each is a master to Redis's clients; the real role is beside it. */
function replication(session: Session): Fields {
  const status = session.host.settings.status?.();
  const fields: (readonly [string, string | number])[] = [['role', 'master']];
  fields.push(['connected_slaves', Math.max(0, (status?.replicas ?? 1) - 1)]);
  if (status === undefined) return fields;
  fields.push(['indelible_replica', status.replicaId]);
  fields.push(['indelible_role', status.role]);
  fields.push(['indelible_leader', status.leaderId]);
  fields.push(['indelible_chosen_slot', status.chosenSlot]);
  fields.push(['indelible_applied_slot', status.appliedSlot]);
  return fields;
}

function keyspace(session: Session): Fields {
  const statistics = session.host.settings.statistics?.(session.host.nowMs());
  if (statistics === undefined || statistics.keys === 0) return [];
  return [['db0', `keys=${statistics.keys},expires=${statistics.expiring},avg_ttl=0`]];
}

const SECTIONS: Readonly<Record<string, Section>> = {
  Server: server,
  Clients: clients,
  Memory: memory,
  Persistence: persistence,
  Stats: stats,
  Replication: replication,
  Keyspace: keyspace,
};

export function info(session: Session, argv: readonly Buffer[], reply: Reply): void {
  const asked = argv.slice(1).map((name) => name.toString().toLowerCase());
  const all = asked.length === 0 || asked.some((name) => ['all', 'default', 'everything'].includes(name));
  const texts: string[] = [];
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (!all && !asked.includes(name.toLowerCase())) continue;
    const lines = section(session).map(([key, value]) => `${key}:${value}\r\n`);
    texts.push(`# ${name}\r\n${lines.join('')}`);
  }
  reply.verbatim(texts.join('\r\n'));
}
