/**
 * Keeps one connection of a client to whoever leads.
 *
 * 1. At most one connection is open at a time, so what a requester sends is answered in the order it was
 *    sent.
 * 2. Requests are given only to a replica that says it leads. When it says that another does, it still
 *    answers what it was given; then the other is dialled.
 * 3. A replica that knows of no leader for too long, or leaves requests unanswered for too long, is left for
 *    the next one; what it was given is answered `unknown` then.
 *
 * | state | exchange | left when |
 * |---|---|---|
 * | seeking | none | a replica answers |
 * | waiting | open, knows no leader | it says who leads, or too long has passed |
 * | ready | open, leads | it says another leads; it ends; it answers nothing for too long |
 * | retiring | open, another leads | everything it was given is answered |
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { nodeRuntime } from '../runtime.js';
import { Backoff } from '../transport/backoff.js';
import { Exchange } from '../transport/exchange.js';
import { newCaller } from '../transport/hello.js';
import type { Sockets } from '../transport/sockets.js';
import { type ClientTls, clientSockets } from '../transport/tls.js';
import type { ReplicaId } from '../types.js';

export interface LeaderConnectionOptions {
  /** Where each replica listens for peers and clients; at least one. */
  readonly addresses: ReadonlyMap<ReplicaId, string>;
  /** The cluster it must be; any, if absent. */
  readonly clusterId?: string;
  /** The clients' key of the cluster, 32 bytes: `readClientKey(file)`. */
  readonly key?: Uint8Array;
  /**
   * As the replicas have it: `true` where TLS is sealed by the key, or the authority of their certificates.
   * Unix sockets stay as they are.
   */
  readonly tls?: ClientTls;
  /** Milliseconds without a leader, or without an answer to anything, before another replica is tried. */
  readonly patienceMs?: number;
  /** Numbers in [0, 1), for the waits between tries. */
  readonly random?: () => number;
}

export interface LeaderConnectionEvents {
  /** A leader takes requests from now on. */
  ready(): void;
  /** A try failed; another follows. */
  failed(error: IndelibleError): void;
}

const PATIENCE_MS = 5000;

/** A wait for a leader or an answer is judged this many times during the patience. */
const LOOKS = 5;

export class LeaderConnection {
  readonly #options: LeaderConnectionOptions;
  readonly #events: LeaderConnectionEvents;
  readonly #ids: readonly ReplicaId[];
  readonly #backoff: Backoff;
  readonly #watch: NodeJS.Timeout;
  #exchange: Exchange | undefined;
  #redial: NodeJS.Timeout | undefined;
  readonly #caller: number = newCaller(nodeRuntime.random()).number;
  readonly #sockets: Sockets;
  #connections = 0;
  #next = 0;
  /** Leaders followed in a row without finding one that leads. */
  #hops = 0;
  #looksInVain = 0;
  #answers = 0;
  #answersSeen = 0;
  #closed = false;

  constructor(options: LeaderConnectionOptions, events: LeaderConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#ids = [...options.addresses.keys()];
    this.#backoff = new Backoff(options.random ?? Math.random);
    this.#sockets = clientSockets(options.tls, options.key);
    this.#watch = setInterval(() => this.#look(), (options.patienceMs ?? PATIENCE_MS) / LOOKS).unref();
    void this.#dial(this.#ids[0]!);
  }

  /** The connection to the leader; undefined while there is none that takes requests. */
  get leader(): Exchange | undefined {
    const exchange = this.#exchange;
    return exchange?.isOpen && exchange.leader === exchange.replicaId ? exchange : undefined;
  }

  /** The connection to any replica, leading or not. */
  get any(): Exchange | undefined {
    return this.#exchange?.isOpen ? this.#exchange : undefined;
  }

  /** Closes for good; what is outstanding is answered before the process comes to its next turn. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#redial);
    this.#exchange?.close();
  }

  async #dial(id: ReplicaId): Promise<void> {
    const { addresses, clusterId, key } = this.#options;
    const address = addresses.get(id)!;
    let exchange: Exchange;
    try {
      exchange = await Exchange.connect({
        address,
        replicaId: id,
        key,
        sockets: this.#sockets,
        caller: { number: this.#caller, connection: ++this.#connections },
        ...(clusterId === undefined ? {} : { clusterId }),
        events: {
          leaderIs: () => this.#judge(),
          settled: () => {
            this.#answers++;
            this.#judgeRetiring();
          },
          closed: (error) => this.#lost(error),
        },
      });
    } catch (error) {
      this.#failed(error as IndelibleError);
      return;
    }
    if (this.#closed) {
      exchange.close();
      return;
    }
    this.#looksInVain = 0;
    this.#exchange = exchange;
    if (exchange.isOpen) this.#judge();
    else this.#lost(undefined);
  }

  /** What the replica said about the leader, taken up. */
  #judge(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    if (exchange.leader !== exchange.replicaId) {
      this.#judgeRetiring();
      return;
    }
    this.#hops = 0;
    this.#backoff.reset();
    this.#events.ready();
  }

  #judgeRetiring(): void {
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.leader === 0 || exchange.leader === exchange.replicaId) return;
    if (exchange.outstanding === 0) exchange.close();
  }

  /** One look at whether the connection gets anywhere. */
  #look(): void {
    const exchange = this.#exchange;
    const idle = this.leader !== undefined && exchange?.outstanding === 0;
    if (exchange === undefined || idle || this.#answers !== this.#answersSeen) {
      this.#answersSeen = this.#answers;
      this.#looksInVain = 0;
      return;
    }
    this.#looksInVain++;
    if (this.#looksInVain > LOOKS) exchange.close();
  }

  #lost(error: IndelibleError | undefined): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    this.#exchange = undefined;
    const { leader } = exchange;
    if (leader !== 0 && leader !== exchange.replicaId && this.#options.addresses.has(leader)) {
      this.#dialAfter(this.#hops++ === 0 ? 0 : this.#backoff.next(), leader);
      return;
    }
    const text = `the connection to ${exchange.address} ended`;
    this.#failed(error ?? new IndelibleError(ErrorCode.network, text, { path: exchange.address }));
  }

  #failed(error: IndelibleError): void {
    if (this.#closed) return;
    this.#next = (this.#next + 1) % this.#ids.length;
    this.#dialAfter(this.#backoff.next(), this.#ids[this.#next]!);
    this.#events.failed(error);
  }

  #dialAfter(waitMs: number, id: ReplicaId): void {
    if (this.#closed) return;
    this.#redial = setTimeout(() => void this.#dial(id), waitMs);
  }
}
