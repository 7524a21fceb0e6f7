/**
 * The asking end of a connection to a replica: commands and queries out, outcomes back. External clients use
 * it, and so does a follower that forwards to its leader. It has the form of `Service` in replica/service.ts.
 *
 * 1. Every request taken is answered exactly once: by the replica, or when the connection ends, commands with
 *    `unknown` and queries with `notExecuted`.
 * 2. Commands are answered in the order submitted, queries in theirs; what comes otherwise closes the
 *    connection.
 * 3. No object is made per command. Requests are numbered here, commands from 1 and queries from
 *    QUERIES_FIRST, and go out in one write per flush.
 * 4. What waits is bounded: past `queueBytesMax` requests are refused with `false` until `drain`.
 * 5. A request carries the lead it is asked of, and its deadline by the replica's own clock. The replica says
 *    now and then what that clock shows; no less has passed there since than here, so that the deadline is
 *    never later than it was meant.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { nodeRuntime, type Runtime, type Timer } from '../runtime.js';
import type { ReplicaId } from '../types.js';
import { decodeClientMessage, encodeClientMessage } from '../wire/client-codec.js';
import type {
  BackupReply,
  BackupRequest,
  ClientMessage,
  LeaderIs,
  LeadRequest,
  MembersReply,
  MembersRequest,
  Outcomes,
  SessionTerms,
  SkipReply,
  SkipRequest,
} from '../wire/client-messages.js';
import { RequestOutcome } from '../wire/client-messages.js';
import type { FrameDecoder } from '../wire/frame-decoder.js';
import { type Hello, HelloRole } from '../wire/hello-codec.js';
import { FrameKind } from '../wire/protocol.js';
import { frameError } from '../wire/reader.js';
import { Writer } from '../wire/writer.js';
import { parseAddress } from './address.js';
import { placeCall } from './greeting.js';
import { type AskerRole, type Caller, clientHello, newCaller, refusalOfServer } from './hello.js';
import type { Link, Talk } from './link.js';
import { newLinkCounters } from './link.js';
import type { RequestKind, Terms } from './request-frames.js';
import { checkCommandBytes, checkRequests, RequestFrames } from './request-frames.js';
import type { Asker } from './request-line.js';
import { RequestLine } from './request-line.js';
import { type Sockets, systemSockets } from './sockets.js';

/** Queries are numbered from here, so that runs of commands and runs of queries stay runs. */
const QUERIES_FIRST: number = 2 ** 52;

export interface ExchangeOptions {
  /** `host:port`, `[ipv6]:port` or `unix:/path`. */
  readonly address: string;
  /** The cluster it must be; any, if absent. */
  readonly clusterId?: string;
  /** The replica it must be; any, if absent. */
  readonly replicaId?: ReplicaId;
  /** A client by default. */
  readonly role?: AskerRole;
  /** The clients' key, or that of replicas for a front end. Undefined: the cluster runs without. */
  readonly key: Uint8Array | undefined;
  /** Who asks: one that nobody else is, if absent. */
  readonly caller?: Caller;
  readonly events?: Partial<ExchangeEvents>;
  /** Milliseconds within which the connection must be open and the replica have said hello. Default 2000. */
  readonly helloMsMax?: number;
  /** Bytes that may wait for the replica before requests are refused with `false`. Default 4 MiB. */
  readonly queueBytesMax?: number;
  /** A replica silent for `silentBeatsMax` beats of `keepAliveMs` is given up. Default 6 of 500 ms. */
  readonly keepAliveMs?: number;
  readonly silentBeatsMax?: number;
  /** By default those of this process. */
  readonly runtime?: Runtime;
  readonly sockets?: Sockets;
}

export interface ExchangeEvents {
  /** The replica says who leads, and it was another, or another lead; 0 if it knows of nobody. */
  leaderIs(leader: ReplicaId): void;
  /** Outcomes that arrived together have been handed over. */
  settled(): void;
  /** The connection is gone, and everything outstanding has been answered. Called once. */
  closed(error: IndelibleError | undefined): void;
}

/** What a replica may wait for at most, in milliseconds of its clock: whoever sets no deadline says this. */
const NO_DEADLINE: number = Number.MAX_SAFE_INTEGER;

const SAID_BY_REPLICAS: ReadonlySet<ClientMessage['type']> = new Set([
  'backupReply',
  'leaderIs',
  'membersReply',
  'outcomes',
  'skipReply',
  'statusReply',
]);

/** By how much the paces of two clocks that nobody sets may differ. */
const CLOCK_DRIFT_MAX = 0.001;

interface Waiter<Reply> {
  resolve(reply: Reply): void;
  reject(error: IndelibleError): void;
}

export class Exchange implements Talk<ClientMessage> {
  /** Who is at the other end. */
  readonly replicaId: ReplicaId;
  readonly clusterId: string;
  readonly address: string;

  readonly #link: Link;
  readonly #events: Partial<ExchangeEvents>;
  readonly #queueBytesMax: number;
  readonly #heart: Timer;
  readonly #commands = new RequestLine(1);
  readonly #queries = new RequestLine(QUERIES_FIRST);
  readonly #frames: RequestFrames;
  readonly #waiting = new Set<Asker>();
  readonly #statusWaiters: Waiter<Uint8Array>[] = [];
  readonly #skipWaiters: Waiter<SkipReply>[] = [];
  readonly #backupWaiters: Waiter<BackupReply>[] = [];
  readonly #membersWaiters: Waiter<MembersReply>[] = [];
  readonly #runtime: Runtime;
  readonly #terms: { -readonly [K in keyof Terms]: Terms[K] } = {
    lead: 0,
    deadlineMs: 0,
    session: undefined,
  };
  #leader: ReplicaId = 0;
  #lead = 0;
  /** By how much the replica's clock is ahead of the one here, at least. */
  #clockAheadMs: number = Number.NEGATIVE_INFINITY;
  #clockAtMs = 0;
  #answeredAtMs = 0;
  #closed = false;

  /**
   * @throws ERR_INDELIBLE_NETWORK when nobody answers at the address in time, ERR_INDELIBLE_TLS when there
   * are no terms over TLS, ERR_INDELIBLE_STRANGER when who answers is of another cluster, version or id, or
   * refuses.
   */
  static async connect(options: ExchangeOptions): Promise<Exchange> {
    const { address, clusterId, replicaId = 0, helloMsMax = 2000 } = options;
    const { runtime = nodeRuntime, sockets = systemSockets } = options;
    const caller = options.caller ?? newCaller(runtime.random());
    const target = parseAddress(address);
    const role = options.role ?? HelloRole.client;
    const place = { remote: address, counters: newLinkCounters(), helloMsMax, runtime };
    return await new Promise((resolve, reject) => {
      placeCall(sockets.connect(target, replicaId), place, {
        key: options.key,
        hello: clientHello(role, clusterId, replicaId, caller),
        refusalOf: (listener) => refusalOfServer(listener, clusterId, replicaId),
        greeted: (link, listener) => resolve(new Exchange(link, listener, options, runtime)),
        failed: (_, error) => reject(error),
      });
    });
  }

  private constructor(link: Link, hello: Hello, options: ExchangeOptions, runtime: Runtime) {
    this.replicaId = hello.replicaId;
    this.clusterId = hello.clusterId;
    this.address = options.address;
    this.#link = link;
    this.#frames = new RequestFrames(link.version);
    this.#runtime = runtime;
    this.#answeredAtMs = runtime.monotonicMs();
    this.#clockAtMs = this.#answeredAtMs;
    this.#events = options.events ?? {};
    this.#queueBytesMax = options.queueBytesMax ?? 4 << 20;
    const silentBeatsMax = options.silentBeatsMax ?? 6;
    const beat = (): void => {
      if (link.beat() > silentBeatsMax) link.destroy(silentError(link.remote));
    };
    this.#heart = runtime.every(options.keepAliveMs ?? 500, beat).unref();
    const needDrainBytes = this.#queueBytesMax / 2;
    link.become(this, { queueBytesMax: Number.MAX_SAFE_INTEGER, needDrainBytes });
  }

  /** Who leads, as far as the replica has said; 0 if nobody. */
  get leader(): ReplicaId {
    return this.#leader;
  }

  /** The ballot at which requests are taken there, or where they are passed on to; 0: they are not. */
  get lead(): number {
    return this.#lead;
  }

  /** Requests taken and not yet answered. */
  get outstanding(): number {
    return this.#commands.outstanding + this.#queries.outstanding;
  }

  /** The queries among them. */
  get queriesOutstanding(): number {
    return this.#queries.outstanding;
  }

  /** The earliest deadline of what was sent and is not answered; Infinity if nothing is owed. */
  get earliestDeadlineMs(): number {
    return Math.min(this.#commands.earliestDeadlineMs, this.#queries.earliestDeadlineMs);
  }

  /** When an outcome came last, or the connection was opened. */
  get answeredAtMs(): number {
    return this.#answeredAtMs;
  }

  /** False from the moment the connection is known to end: requests throw, and `closed` comes or has come. */
  get isOpen(): boolean {
    return !this.#closed && !this.#link.closing;
  }

  /**
   * Sends `count` commands, the body bytes[start, end), at the next flush. The bytes are copied. They have no
   * place after `deadlineMs` of the monotonic clock here, and are answered soon after at the latest.
   * @returns false, and takes nothing, under back-pressure: wait for `asker.drain()`.
   * @param terms of their session; without, they belong to none
   * @throws ERR_INDELIBLE_STOPPED once closed, ERR_INDELIBLE_COMMAND_TOO_LARGE; a RangeError for a malformed
   * body.
   */
  submit(
    asker: Asker,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: number = Number.POSITIVE_INFINITY,
    terms?: SessionTerms,
  ): boolean {
    this.#terms.session = terms;
    return this.#body(FrameKind.submit, this.#commands, asker, first, count, bytes, start, end, deadlineMs);
  }

  /** Sends `count` queries; otherwise as {@link submit}. */
  query(
    asker: Asker,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: number = Number.POSITIVE_INFINITY,
  ): boolean {
    this.#terms.session = undefined;
    return this.#body(FrameKind.query, this.#queries, asker, first, count, bytes, start, end, deadlineMs);
  }

  /** Sends one command, given without the length in front; otherwise as {@link submit}. */
  submitOne(
    asker: Asker,
    number: number,
    command: Uint8Array,
    deadlineMs: number = Number.POSITIVE_INFINITY,
  ): boolean {
    this.#terms.session = undefined;
    return this.#one(FrameKind.submit, this.#commands, asker, number, command, deadlineMs);
  }

  /** Sends one query; otherwise as {@link submitOne}. */
  queryOne(
    asker: Asker,
    number: number,
    query: Uint8Array,
    deadlineMs: number = Number.POSITIVE_INFINITY,
  ): boolean {
    this.#terms.session = undefined;
    return this.#one(FrameKind.query, this.#queries, asker, number, query, deadlineMs);
  }

  /**
   * The replica's status, as JSON in UTF-8.
   * @throws ERR_INDELIBLE_NETWORK when the connection ends before it comes.
   */
  status(): Promise<Uint8Array> {
    return this.#ask({ type: 'statusRequest' }, this.#statusWaiters);
  }

  /**
   * Has a command skipped, by the leader.
   * @throws ERR_INDELIBLE_NETWORK when the connection ends before an answer comes.
   */
  skip(request: Omit<SkipRequest, 'type'>): Promise<SkipReply> {
    return this.#ask({ type: 'skipRequest', ...request }, this.#skipWaiters);
  }

  /**
   * Asks for a part of a back-up; replies come in the order of the requests.
   * @throws ERR_INDELIBLE_NETWORK when the connection ends before it comes.
   */
  backup(request: Omit<BackupRequest, 'type'>): Promise<BackupReply> {
    return this.#ask({ type: 'backupRequest', ...request }, this.#backupWaiters);
  }

  /**
   * Has the members changed, or another replica lead, by the leader.
   * @throws ERR_INDELIBLE_NETWORK when the connection ends before an answer comes.
   */
  arrange(request: MembersRequest | LeadRequest): Promise<MembersReply> {
    return this.#ask(request, this.#membersWaiters);
  }

  /** Asks the replica to pass on what is asked here to the leader it follows; `lead` says that it does. */
  askRelay(): void {
    if (this.isOpen) this.#say({ type: 'relay' });
  }

  /** Forgets `asker`: what it is still owed is dropped. What was sent may still be executed. */
  abandon(asker: Asker): void {
    this.#commands.forget(asker);
    this.#queries.forget(asker);
    this.#waiting.delete(asker);
  }

  /** Hands what was taken since the last flush to the socket, in one write. */
  flush(): void {
    this.#giveFrames();
    this.#link.flush();
  }

  /** Closes at once; what is outstanding is answered before this returns. Idempotent. */
  close(): void {
    this.#link.destroy();
    this.#answerAll();
  }

  decode(frame: FrameDecoder): ClientMessage {
    const message = decodeClientMessage(frame.kind, frame.bytes, frame.start, frame.end);
    if (message.type === 'outcomes') this.#lineOf(message).check(message.first, message.count);
    else if (message.type === 'statusReply' && this.#statusWaiters.length === 0) {
      throw frameError('a status that nobody asked for');
    } else if (message.type === 'skipReply' && this.#skipWaiters.length === 0) {
      throw frameError('an answer about a skip that nobody asked for');
    } else if (message.type === 'backupReply' && this.#backupWaiters.length === 0) {
      throw frameError('a part of a back-up that nobody asked for');
    } else if (message.type === 'membersReply' && this.#membersWaiters.length === 0) {
      throw frameError('an answer about members that nobody asked for');
    } else if (!SAID_BY_REPLICAS.has(message.type)) {
      throw frameError(`a replica says ${message.type}`);
    }
    return message;
  }

  receive(message: ClientMessage): void {
    switch (message.type) {
      case 'outcomes': {
        const { count, outcome, body } = message;
        this.#answeredAtMs = this.#runtime.monotonicMs();
        this.#lineOf(message).answer(count, outcome, body, 0, body.length);
        break;
      }
      case 'leaderIs':
        this.#led(message);
        break;
      case 'statusReply':
        this.#statusWaiters.shift()!.resolve(message.body);
        break;
      case 'skipReply':
        this.#skipWaiters.shift()!.resolve(message);
        break;
      case 'backupReply':
        this.#backupWaiters.shift()!.resolve(message);
        break;
      case 'membersReply':
        this.#membersWaiters.shift()!.resolve(message);
        break;
    }
  }

  settled(): void {
    this.#events.settled?.();
  }

  drained(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const asker of waiting) asker.drain();
  }

  closed(error: IndelibleError | undefined): void {
    this.#closed = true;
    this.#heart.cancel();
    this.#answerAll();
    this.#waiting.clear();
    const all = [this.#statusWaiters, this.#skipWaiters, this.#backupWaiters, this.#membersWaiters];
    for (const waiters of all) {
      for (const waiter of waiters.splice(0)) waiter.reject(error ?? this.#stopped());
    }
    this.#events.closed?.(error);
  }

  #ask<Reply>(message: ClientMessage, waiters: Waiter<Reply>[]): Promise<Reply> {
    if (!this.isOpen) return Promise.reject(this.#stopped());
    this.#say(message);
    return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
  }

  #say(message: ClientMessage): void {
    this.#giveFrames();
    const writer = new Writer(64);
    const tail = encodeClientMessage(writer, message, this.#link.version);
    this.#link.add(writer.bytes, writer.length, tail);
    this.#link.flush();
  }

  #answerAll(): void {
    this.#commands.answerAll(RequestOutcome.unknown);
    this.#queries.answerAll(RequestOutcome.notExecuted);
  }

  #body(
    kind: RequestKind,
    line: RequestLine,
    asker: Asker,
    first: number,
    count: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    deadlineMs: number,
  ): boolean {
    if (!this.#hasRoom(asker)) return false;
    checkRequests(bytes, start, end, count);
    if (count === 0) return true;
    const number = line.append(asker, first, count, deadlineMs);
    this.#frames.addBody(kind, number, count, bytes, start, end, this.#termsOf(deadlineMs));
    return true;
  }

  #one(
    kind: RequestKind,
    line: RequestLine,
    asker: Asker,
    number: number,
    bytes: Uint8Array,
    deadlineMs: number,
  ): boolean {
    if (!this.#hasRoom(asker)) return false;
    checkCommandBytes(bytes.length);
    const sent = line.append(asker, number, 1, deadlineMs);
    this.#frames.addOne(kind, sent, bytes, this.#termsOf(deadlineMs));
    return true;
  }

  #termsOf(deadlineMs: number): Terms {
    const terms = this.#terms;
    const thereMs = Math.floor(deadlineMs + this.#clockAheadMs);
    terms.lead = this.#lead;
    terms.deadlineMs = Math.min(NO_DEADLINE, Math.max(0, thereMs));
    return terms;
  }

  #led({ leader, lead, clockMs }: LeaderIs): void {
    const nowMs = this.#runtime.monotonicMs();
    // What was long on its way says little; what an earlier one said holds on, but for what clocks drift.
    const leastMs = this.#clockAheadMs - (nowMs - this.#clockAtMs) * CLOCK_DRIFT_MAX;
    this.#clockAheadMs = Math.max(clockMs - nowMs, leastMs);
    this.#clockAtMs = nowMs;
    if (leader === this.#leader && lead === this.#lead) return;
    this.#leader = leader;
    this.#lead = lead;
    this.#events.leaderIs?.(leader);
  }

  #hasRoom(asker: Asker): boolean {
    if (!this.isOpen) throw this.#stopped();
    if (this.#frames.lengthBytes + this.#link.queuedBytes < this.#queueBytesMax) return true;
    // Flushed here, so that the drain comes also to a caller that only waits for it.
    this.#waiting.add(asker);
    this.flush();
    return false;
  }

  #giveFrames(): void {
    this.#frames.give((bytes, length) => this.#link.add(bytes, length));
  }

  #lineOf(outcomes: Outcomes): RequestLine {
    return outcomes.first < QUERIES_FIRST ? this.#commands : this.#queries;
  }

  #stopped(): IndelibleError {
    const text = `the connection to ${this.address} is closed`;
    return new IndelibleError(ErrorCode.stopped, text, { path: this.address });
  }
}

function silentError(remote: string): IndelibleError {
  return new IndelibleError(ErrorCode.network, `${remote}: nothing heard for too long`, { path: remote });
}
