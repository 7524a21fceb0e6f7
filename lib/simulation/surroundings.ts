/** What a simulated replica finds around it: time, chance, the network, and the eyes of the checkers. */
import type { Governing } from '../paxos/configurations.js';
import type { Role } from '../paxos/effects.js';
import type { Message } from '../paxos/messages.js';
import type { CoreOptions } from '../paxos/options.js';
import type { Ballot, ReplicaId } from '../types.js';
import type { Clock } from './clock.js';
import type { Counters } from './counters.js';
import type { MemberCounters } from './membership.js';
import type { Observers } from './observer.js';
import type { Random } from './random.js';

/** How a simulated host takes checkpoints and sends them. */
export interface CheckpointPolicy {
  /** A checkpoint is taken every so many slots, and when the log is `usedShareMax` full. */
  readonly everySlots: number;
  readonly usedShareMax: number;
  /** Slots below a checkpoint that stay in the log for peers to catch up from. */
  readonly keptSlots: number;
  readonly chunkBytes: number;
  /** Units of time until a checkpoint is on the disk, at most. */
  readonly saveDelayMax: number;
}

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: Counters;
  readonly memberCounters: MemberCounters;
  readonly observers: Observers;
  readonly core: Omit<CoreOptions, 'self' | 'checkpointThrough' | 'checkpointChain' | 'random'>;
  readonly checkpoints: CheckpointPolicy;
  send(from: ReplicaId, to: ReplicaId, message: Message): void;
  /** False while bulk from `from` still waits for its link to `to`; `roomAgain` follows. */
  hasRoom(from: ReplicaId, to: ReplicaId): boolean;
  /** True while bulk from `from` is on its way to `to`. */
  isArriving(to: ReplicaId, from: ReplicaId): boolean;
  /** Something broke outside an event: the simulation ends with it. */
  fail(error: Error): void;
  configured(replica: ReplicaId, governing: Governing): void;
  roleChanged(replica: ReplicaId, role: Role, ballot: Ballot): void;
}
