/** The public surface of Indelible, and nothing else. test/packaging pins its shape. */
export { Client, type ClientOptions } from './client/client.js';
export { type ContractKind, ContractViolation } from './contract.js';
export { ErrorCode, type ErrorDetails, IndelibleError } from './errors.js';
export type { HttpPort } from './http/http-port.js';
export { type HttpOptions, openHttp, type PageCluster } from './http/replica-http.js';
export type { HistogramValues } from './observe/histogram.js';
export {
  formatMetrics,
  type HistogramMetric,
  type Labels,
  type Metric,
  type MetricSample,
  type PlainMetric,
} from './observe/metric.js';
export type { Role } from './paxos/effects.js';
export type { CheckpointProblem } from './replica/checkpoint-writer.js';
export type { Consistency, ReadOptions } from './replica/consistency.js';
export type { DiskState, DiskStatus } from './replica/disk.js';
export type { Halt } from './replica/executor.js';
export {
  type Health,
  type HealthCheck,
  type HealthLevel,
  healthOf,
} from './replica/health.js';
export { readClientKey, readClusterKey } from './replica/key-file.js';
export type { WaitOptions } from './replica/leader-wait.js';
export type { Leadership } from './replica/leads.js';
export type { StorageChoice } from './replica/log-kinds.js';
export type { MembersChange } from './replica/members-change.js';
export { memoryStorage } from './replica/memory-storage.js';
export { TUNING_DEFAULT, type Tuning } from './replica/options.js';
export { Replica } from './replica/replica.js';
export type { ReplicaEvents } from './replica/replica-events.js';
export type { ReplicaOptions } from './replica/replica-options.js';
export type { ClockReading, ClockStatus } from './replica/replicated-clock.js';
export { Outcome, type Requester, type RequestOptions, type Service } from './replica/service.js';
export type { Session, SessionOptions, SessionPlace } from './replica/sessions/session.js';
export type { SessionsStatus } from './replica/sessions/session-status.js';
export type { CommandView, ResultWriter, StateMachine } from './replica/state-machine.js';
export type {
  DamageStatus,
  HaltStatus,
  PaceStatus,
  PeerStatus,
  RefusalStatus,
  ReplicaStatus,
  SecurityStatus,
  SkipStatus,
  Standing,
} from './replica/status.js';
export { formatStore } from './replica/store.js';
export type { ClockNews } from './replica/time-keeping.js';
export type { Trace, TraceStep } from './replica/tracing.js';
export type { TransferEvent, TransferStatus } from './replica/transfers.js';
export type { CheckpointMeta } from './storage/checkpoint-format.js';
export type { DiskSpace } from './storage/file/disk-space.js';
export type { StoreShape } from './storage/shape.js';
export type { FoundDamage, RecoveredVote, StorageCounters } from './storage/storage.js';
export { clientKeyOf, newClusterKey } from './transport/proof.js';
export type { Channel } from './transport/tcp.js';
export type { ClientCertificates, ClientTls, ReplicaTls, TlsCertificates } from './transport/tls.js';
export type { TransportCounters } from './transport/transport.js';
export type {
  Ballot,
  BatchKind,
  Configuration,
  Digest,
  DurabilityClass,
  Identity,
  Member,
  ReplicaId,
  Slot,
  SlotRange,
  StorageMode,
} from './types.js';
