/** The public surface, name by name: adding one is a decision, removing one breaks somebody. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from './sources.js';
import { surfaceOf } from './surface.js';

const VALUES = [
  'Client',
  'ContractViolation',
  'ErrorCode',
  'IndelibleError',
  'Outcome',
  'Replica',
  'TUNING_DEFAULT',
  'clientKeyOf',
  'formatMetrics',
  'formatStore',
  'healthOf',
  'memoryStorage',
  'newClusterKey',
  'openHttp',
  'readClientKey',
  'readClusterKey',
];

const TYPES = [
  'Ballot',
  'BatchKind',
  'Channel',
  'CheckpointMeta',
  'CheckpointProblem',
  'ClientCertificates',
  'ClientOptions',
  'ClientTls',
  'ClockNews',
  'ClockReading',
  'ClockStatus',
  'CommandView',
  'Configuration',
  'Consistency',
  'ContractKind',
  'DamageStatus',
  'Digest',
  'DiskSpace',
  'DiskState',
  'DiskStatus',
  'DurabilityClass',
  'ErrorDetails',
  'FoundDamage',
  'Halt',
  'HaltStatus',
  'Health',
  'HealthCheck',
  'HealthLevel',
  'HistogramMetric',
  'HistogramValues',
  'HttpOptions',
  'HttpPort',
  'Identity',
  'Labels',
  'Leadership',
  'Member',
  'MembersChange',
  'Metric',
  'MetricSample',
  'PaceStatus',
  'PageCluster',
  'PeerStatus',
  'PlainMetric',
  'ReadOptions',
  'RecoveredVote',
  'RefusalStatus',
  'ReplicaEvents',
  'ReplicaId',
  'ReplicaOptions',
  'ReplicaStatus',
  'ReplicaTls',
  'RequestOptions',
  'Requester',
  'ResultWriter',
  'Role',
  'SecurityStatus',
  'Service',
  'Session',
  'SessionOptions',
  'SessionPlace',
  'SessionsStatus',
  'SkipStatus',
  'Slot',
  'SlotRange',
  'Standing',
  'StateMachine',
  'StorageChoice',
  'StorageCounters',
  'StorageMode',
  'StoreShape',
  'TlsCertificates',
  'Trace',
  'TraceStep',
  'TransferEvent',
  'TransferStatus',
  'TransportCounters',
  'Tuning',
  'WaitOptions',
];

describe('the public surface', () => {
  const surface = surfaceOf(fs.readFileSync(path.join(PROJECT_ROOT, 'lib', 'index.ts'), 'utf8'));

  it('is named exports of other files, and nothing else', () => {
    expect(surface.others).toEqual([]);
  });

  it('has exactly these values', () => {
    expect(surface.values).toEqual([...VALUES].sort());
  });

  it('has exactly these types', () => {
    expect(surface.types).toEqual([...TYPES].sort());
  });
});
