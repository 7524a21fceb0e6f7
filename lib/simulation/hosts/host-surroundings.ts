/**
 * What a simulated host finds around it: time, chance, machines, the network, and the eyes of the checkers.
 */
import type { Role } from '../../paxos/effects.js';
import type { Ballot, Configuration, ReplicaId, Slot } from '../../types.js';
import type { Clock } from '../clock.js';
import type { Random } from '../random.js';
import type { ReachedBarrier } from './bounded-reads.js';
import type { RequestSurroundings } from './front-end.js';
import type { HostCounters } from './host-counters.js';
import type { HostScale } from './host-scale.js';
import type { SocketNetwork } from './socket-network.js';
import type { StaleStores } from './stale-stores.js';
import type { Tell } from './told.js';

export interface HostSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: HostCounters;
  readonly scale: HostScale;
  readonly clusterId: string;
  readonly configuration: Configuration;
  readonly addresses: ReadonlyMap<ReplicaId, string>;
  readonly network: SocketNetwork;
  readonly tell: Tell;
  readonly staleStores: StaleStores;
  /** Barriers that replicas have reached, and that nobody has read at. */
  readonly barriers: ReachedBarrier[];
  /** Runs `run`; what it throws ends the simulation, and goes no further. */
  check(run: () => void): void;
  /** A replica executes something of `slot` at `timeMs` of replicated time. */
  executedAt(replica: ReplicaId, slot: Slot, timeMs: number): void;
  /** A request has waited for this share of what it may, and still waits. */
  waited(share: number): void;
  /** Whether a listener throws that is told something now. */
  listenersThrow(): boolean;
  /** Whether every state machine throws at this command. */
  isPoison(command: number): boolean;
  /** Something is broken: the simulation ends with it. */
  broke(error: Error): void;
  roleChanged(replica: ReplicaId, role: Role, ballot: Ballot): void;
  requestsOf(replica: ReplicaId): RequestSurroundings;
  log(line: string): void;
}
