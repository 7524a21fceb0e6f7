/**
 * A client of a cluster from another process: proposes commands and reads, at whichever replica leads.
 *
 * 1. It connects to any replica it has an address of, learns who leads, and goes there; when the leader
 *    changes or its connection is lost, it does so again.
 * 2. No request is ever sent twice, but those of a session. One whose connection is lost rejects with
 *    ERR_INDELIBLE_UNKNOWN (a command) or ERR_INDELIBLE_NOT_EXECUTED (a query); who may repeat it knows best
 *    whether to.
 * 3. It has the batch form of a service (`submit`, `query`), without an object for each command, and a
 *    convenient form over it (`propose`, `read`).
 */
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { abortable } from '../replica/abortable.js';
import type { WaitOptions } from '../replica/leader-wait.js';
import type { Requester, RequestOptions, Service } from '../replica/service.js';
import { Outcome } from '../replica/service.js';
import { openSession } from '../replica/sessions/held-session.js';
import type { Session, SessionOptions } from '../replica/sessions/session.js';
import { nodeRuntime } from '../runtime.js';
import { parseAddress } from '../transport/address.js';
import type { Exchange } from '../transport/exchange.js';
import { checkKey } from '../transport/proof.js';
import { checkCommandBytes } from '../transport/request-frames.js';
import type { ReplicaId } from '../types.js';
import { ClientLines } from './client-lines.js';
import type { LeaderConnectionOptions } from './leader-connection.js';
import { LeaderConnection } from './leader-connection.js';
import { PromisedRequests } from './promised-requests.js';
import { parseStatus } from './status.js';

export interface ClientOptions extends LeaderConnectionOptions {
  /** Says that the cluster runs without a key: nobody proves then who answers. */
  readonly insecure?: boolean;
  /** Milliseconds that `connect` looks for a leader. Default 10 000. */
  readonly connectMsMax?: number;
  /**
   * A request gets no place later than this after it was sent, nor later than the replicas' own request
   * timeout. Default 5000 ms.
   */
  readonly requestTimeoutMs?: number;
  /** Bytes of `propose` and `read` that may be held while nobody takes them. Default 64 MiB. */
  readonly heldBytesMax?: number;
  /** Ends `connect`, which rejects with the signal's reason. It has no effect on a connected client. */
  readonly signal?: AbortSignal;
}

function checkSecurity({ key, insecure = false }: ClientOptions): void {
  if (key !== undefined) checkKey(key);
  if ((key === undefined) === insecure) return;
  throw argumentError('give the key of the cluster’s clients, or say `insecure: true`, but not both');
}

export class Client implements Service {
  readonly #connection: LeaderConnection;
  readonly #waiting = new Set<Requester>();
  readonly #commands: PromisedRequests;
  readonly #queries: PromisedRequests;
  /** Of the sessions that are held here. */
  readonly #lines: ClientLines;
  readonly #requestTimeoutMs: number;
  #flushScheduled = false;
  /** Of the requests that wait for the flush. */
  #deadlineMs = 0;
  #closed = false;
  /** Ends the search for the first leader. */
  #connecting: NodeJS.Timeout | undefined;
  #onReady: (() => void) | undefined;
  #onFailed: ((error: IndelibleError) => void) | undefined;

  /**
   * Connects, and resolves once a leader takes requests. Takes a `key`, or the word `insecure`.
   * @throws ERR_INDELIBLE_STRANGER when every replica refuses this client; ERR_INDELIBLE_NETWORK when no
   * leader was found in time (`cause` is the last failure) or an address is none.
   *
   * @example
   * ```ts
   * // `key` is the cluster's key; another process has it from a file: `key: readClientKey('client.key')`.
   * const client = await Client.connect({
   *   addresses: new Map([[1, replica.address]]),
   *   key: clientKeyOf(key),
   * });
   * const result = await client.propose(Buffer.from('add 2'));
   * console.log(Buffer.from(result).toString()); // 2
   * client.close();
   * ```
   */
  static async connect(options: ClientOptions): Promise<Client> {
    if (options.addresses.size === 0) throw argumentError('a client needs at least one address');
    for (const address of options.addresses.values()) parseAddress(address);
    checkSecurity(options);
    options.signal?.throwIfAborted();
    const client = new Client(options);
    try {
      const led = client.#firstLeader(options.connectMsMax ?? 10_000, options.addresses.size);
      await abortable(led, options.signal);
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  private constructor(options: ClientOptions) {
    const heldBytesMax = options.heldBytesMax ?? 64 << 20;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 5000;
    this.#commands = new PromisedRequests(
      (requester, number, bytes) => this.#one('submitOne', requester, number, bytes),
      heldBytesMax,
      Outcome.unknown,
    );
    this.#queries = new PromisedRequests(
      (requester, number, bytes) => this.#one('queryOne', requester, number, bytes),
      heldBytesMax,
      Outcome.notExecuted,
    );
    this.#lines = new ClientLines({
      leader: () => this.#connection.leader,
      requestTimeoutMs: this.#requestTimeoutMs,
    });
    this.#connection = new LeaderConnection(options, {
      ready: () => {
        this.#onReady?.();
        this.#drain();
        this.#lines.ready();
      },
      failed: (error) => this.#onFailed?.(error),
    });
  }

  /** The replica that takes this client's requests now; 0 while there is none. */
  get leader(): ReplicaId {
    return this.#connection.leader?.replicaId ?? 0;
  }

  /**
   * Executes one command. The bytes are copied. Resolves with its result once the command is chosen, durable
   * at a quorum, and applied.
   * @throws (by rejection) ERR_INDELIBLE_NOT_EXECUTED, ERR_INDELIBLE_UNKNOWN,
   * ERR_INDELIBLE_COMMAND_TOO_LARGE, ERR_INDELIBLE_STOPPED.
   */
  propose(command: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    return this.#commands.ask(command, options.signal);
  }

  /**
   * Answers one query by a state that holds everything answered before this call. The bytes are copied.
   * @throws (by rejection) ERR_INDELIBLE_NOT_EXECUTED, ERR_INDELIBLE_COMMAND_TOO_LARGE,
   * ERR_INDELIBLE_STOPPED.
   */
  read(query: Uint8Array, options: RequestOptions = {}): Promise<Uint8Array> {
    return this.#queries.ask(query, options.signal);
  }

  /**
   * Opens a session, or goes on with one: what is proposed in it is executed once, in order, and asked for
   * again over lost connections and new leaders until there is an answer. Resolves when the cluster has it.
   * @throws (by rejection) the signal's reason; RangeError with ERR_INDELIBLE_ARGUMENT; ERR_INDELIBLE_STOPPED
   */
  session(options: SessionOptions = {}): Promise<Session> {
    return openSession({ lines: this.#lines, flush: () => this.#lines.soon() }, options);
  }

  submit(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const leader = this.#leaderFor(requester);
    if (leader === undefined) return false;
    const deadlineMs = this.#deadlineOf(requester);
    const taken = leader.submit(requester, first, count, bytes, start, end, deadlineMs);
    return this.#took(requester, taken);
  }

  query(
    requester: Requester,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const leader = this.#leaderFor(requester);
    if (leader === undefined) return false;
    const deadlineMs = this.#deadlineOf(requester);
    const taken = leader.query(requester, first, count, bytes, start, end, deadlineMs);
    return this.#took(requester, taken);
  }

  abandon(requester: Requester): void {
    this.#waiting.delete(requester);
    this.#connection.any?.abandon(requester);
  }

  /** Hands what was submitted since the last flush to the socket, in one write. */
  flush(): void {
    this.#connection.any?.flush();
  }

  /**
   * The status of the replica this client is connected to.
   * @throws (by rejection) ERR_INDELIBLE_NETWORK when there is none, or it goes before it answers; the
   * signal's reason.
   */
  async status({ signal }: WaitOptions = {}): Promise<unknown> {
    signal?.throwIfAborted();
    const exchange = this.#connection.any;
    if (exchange === undefined)
      throw new IndelibleError(ErrorCode.network, 'the client is not connected to a replica');
    return parseStatus(await abortable(exchange.status(), signal));
  }

  /** Closes. What is outstanding settles as when the connection is lost, what is held as not executed. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#connecting);
    this.#connection.close();
    this.#commands.stop();
    this.#queries.stop();
    this.#lines.stop();
    this.#waiting.clear();
  }

  /** The same as `close`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #firstLeader(withinMs: number, addresses: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let last: IndelibleError | undefined;
      let refusals = 0;
      this.#connecting = setTimeout(() => {
        const text = `no leader was found within ${withinMs} ms`;
        reject(new IndelibleError(ErrorCode.network, text, { cause: last }));
      }, withinMs);
      this.#onReady = () => {
        clearTimeout(this.#connecting);
        this.#onReady = undefined;
        this.#onFailed = undefined;
        resolve();
      };
      this.#onFailed = (error) => {
        last = error;
        refusals = error.code === ErrorCode.stranger ? refusals + 1 : 0;
        if (refusals < addresses) return;
        clearTimeout(this.#connecting);
        reject(error);
      };
    });
  }

  #leaderFor(requester: Requester): Exchange | undefined {
    if (this.#closed) throw new IndelibleError(ErrorCode.stopped, 'the client is closed');
    const { leader } = this.#connection;
    if (leader === undefined) this.#waiting.add(requester);
    return leader;
  }

  /** Remembers who is to be told when there is room again, should the connection be gone by then. */
  #took(requester: Requester, taken: boolean): boolean {
    if (!taken) this.#waiting.add(requester);
    else if (this.#waiting.size > 0) this.#waiting.delete(requester);
    return taken;
  }

  #one(form: 'submitOne' | 'queryOne', requester: Requester, number: number, bytes: Uint8Array): boolean {
    checkCommandBytes(bytes.length);
    const leader = this.#leaderFor(requester);
    if (leader === undefined) return false;
    // All that is asked in one turn goes out together.
    if (!this.#flushScheduled) this.#deadlineMs = this.#deadlineOf(requester);
    const deadlineMs = this.#deadlineMs;
    if (!this.#took(requester, leader[form](requester, number, bytes, deadlineMs))) return false;
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      process.nextTick(this.#flushNow);
    }
    return true;
  }

  #deadlineOf({ deadlineMs = Number.POSITIVE_INFINITY }: Requester): number {
    return Math.min(deadlineMs, nodeRuntime.monotonicMs() + this.#requestTimeoutMs);
  }

  readonly #flushNow = (): void => {
    this.#flushScheduled = false;
    this.flush();
  };

  #drain(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const requester of waiting) requester.drain();
  }
}
