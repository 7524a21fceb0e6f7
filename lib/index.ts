/** The public surface of Indelible, and nothing else. test/packaging pins its shape. */
export { Client, type ClientOptions } from './client/client.js';
export { ContractViolation } from './contract.js';
export { ErrorCode, IndelibleError } from './errors.js';
export { readClientKey, readClusterKey } from './replica/key-file.js';
export type { WaitOptions } from './replica/leader-wait.js';
export type { StorageChoice } from './replica/log-kinds.js';
export { memoryStorage } from './replica/memory-storage.js';
export { TUNING_DEFAULT, type Tuning } from './replica/options.js';
export { Replica, type ReplicaEvents, type ReplicaOptions } from './replica/replica.js';
export { Outcome, type Requester, type RequestOptions, type Service } from './replica/service.js';
export type { CommandView, ResultWriter, StateMachine } from './replica/state-machine.js';
export type { DamageStatus, PeerStatus, ReplicaStatus } from './replica/status.js';
export { formatStore } from './replica/store.js';
export type { StoreShape } from './storage/shape.js';
export { clientKeyOf, newClusterKey } from './transport/proof.js';
export type {
  Ballot,
  Configuration,
  DurabilityClass,
  Identity,
  Member,
  ReplicaId,
  Slot,
  StorageMode,
} from './types.js';
