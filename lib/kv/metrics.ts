/** The metrics of a Redis port and of the state behind it; docs/metrics.md lists them. */
import { type Metric, type PlainMetric, single } from '../observe/metric.js';
import type { KvServer } from './server.js';
import type { KvStateMachine } from './state-machine.js';

export function kvMetrics(machine: KvStateMachine, server: KvServer | undefined): readonly Metric[] {
  const { keys, expiring, usedBytes, heldBytes } = machine.statistics;
  const gauge = (name: string, help: string, value: number): PlainMetric =>
    single('gauge', name, help, value);
  const counter = (name: string, help: string, value: number): PlainMetric =>
    single('counter', name, help, value);
  const state = [
    gauge('indelible_kv_keys', 'Keys', keys),
    gauge('indelible_kv_expiring_keys', 'Keys with an expiry', expiring),
    gauge('indelible_kv_used_bytes', 'What counts for --max-memory', usedBytes),
    gauge('indelible_kv_held_bytes', 'Memory held outside the JavaScript heap', heldBytes),
  ];
  if (server === undefined) return state;
  const { counters, clients } = server;
  return [
    ...state,
    gauge('indelible_kv_clients', 'Redis clients connected', clients),
    counter('indelible_kv_connections_total', 'Connections accepted or refused', counters.connections),
    counter('indelible_kv_rejected_connections_total', 'Connections beyond --max-clients', counters.rejected),
    counter('indelible_kv_requests_total', 'Requests of Redis clients', counters.commands),
    counter('indelible_kv_errors_total', 'Replies that are errors', counters.errors),
    counter('indelible_kv_input_bytes_total', 'Bytes from Redis clients', counters.inputBytes),
    counter('indelible_kv_output_bytes_total', 'Bytes to them', counters.outputBytes),
  ];
}
