/** What a replica is opened with. */
import type { ReplicaTls } from '../transport/tls.js';
import type { ReplicaId } from '../types.js';
import type { StorageChoice } from './log-kinds.js';
import type { Tuning } from './options.js';
import type { StateMachine } from './state-machine.js';

/** What `Replica.open` needs. */
export interface ReplicaOptions {
  /** Where `format` put the store. */
  readonly directory: string;
  /** What the acceptor log lies on. The same value that was given to `formatStore`. */
  readonly storage: StorageChoice;
  /** Refuses any other store, with nothing written; absent takes the one that is there. */
  readonly storeUuid?: string;
  /** Where peers and clients reach this replica: `host:port`, `[ipv6]:port` or `unix:/path`. */
  readonly listen: string;
  /**
   * Where the members listen, by id; this replica's own entry is not used. Whom the configuration in force
   * gives an address is reached there instead.
   */
  readonly peers: ReadonlyMap<ReplicaId, string>;
  /** The program’s own state machine, in its initial state: `open` restores the newest checkpoint into it. */
  readonly stateMachine: StateMachine;
  /** The cluster's key, 32 bytes. By default what `format` left in `directory`. */
  readonly key?: Uint8Array;
  /**
   * Says that the cluster runs without a key: then whoever reaches `listen` can read and write everything.
   */
  readonly insecure?: boolean;
  /**
   * Seals `listen` and the way to the peers with TLS 1.3, on every replica alike: `true` by the cluster's
   * key, or by certificates. Unix sockets stay as they are.
   */
  readonly tls?: ReplicaTls;
  /** Bounds and times; what is not set has its value of `TUNING_DEFAULT`. */
  readonly tuning?: Partial<Tuning>;
  /** Most connections of programs on `listen` at a time, 1000 by default; one more is refused. */
  readonly clientsMax?: number;
  /** Ends the opening: what is open by then is closed, and `open` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}
