/**
 * A follower's way to its leader: what was submitted here is sent there over a connection like a client's,
 * and the outcomes come back to whoever asked. A replica that hears no leader seeks a way through another
 * one, which hears it: it may be cut off from the leader alone.
 *
 * 1. Requests go only to a replica that says that it leads, or that it passes them on to one that does
 *    (relays.ts). What finds no such replica stays where it waits: one that was elected and does not know it
 *    yet, or led before it was started anew, would refuse it.
 * 2. One connection is in use at a time, and the next one only when everything sent over the last one is
 *    answered: so requests of one requester are executed, and answered, in the order asked.
 * 3. What is sent carries its deadline. A leader that leaves it open for long, and answers nothing else
 *    either, is hung up on.
 * 4. Each connection says that it takes the place of the one before it, so that a leader which has not read
 *    that one to its end drops what is left of it: it may be older than what was asked since.
 * 5. A former leader has a short while to answer what it took, and a shorter one where it answers nothing.
 *    Then, or when its connection ends, that is *unknown* (commands) or *not executed* (queries). So has who
 *    passed it on, once a leader is heard again.
 * 6. A way is sought only while something waits, of one replica after the other with whom there is a
 *    connection, the leader heard last being the last of them; each has a short while to say that it has one.
 */
import type { Runtime } from '../runtime.js';
import { Exchange } from '../transport/exchange.js';
import { newCaller } from '../transport/hello.js';
import type { Sockets } from '../transport/sockets.js';
import type { ReplicaId } from '../types.js';
import { HelloRole } from '../wire/hello-codec.js';
import { BATCH_HEADER_BYTES, COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import { Forwarded } from './forwarded.js';
import type { Queries } from './queries.js';
import type { Requester } from './service.js';
import { boundTerms } from './sessions/session-runs.js';
import type { Submission, Submissions } from './submissions.js';

/**
 * How long a former leader may take to answer, in milliseconds from when it is known as such: this replica,
 * if it was, or the one forwarded to. One that is alive has mostly learned within a few round trips what
 * became of its slots; one that hangs must not hold up what comes behind.
 */
export const FORMER_MS_MAX = 300;

/** How long of it a former leader may say nothing, in milliseconds: one that hangs was silent before. */
export const FORMER_SILENT_MS_MAX = 50;

/** How long a replica that is asked for a way may take to answer, and again to have one, in milliseconds. */
const SOUGHT_MS_MAX = 1000;

/** From one replica that is asked for a way to the next, at least, in milliseconds. */
const SEEK_MS = 50;

/** How long a leader may say nothing, with answers due, beyond their deadlines, in milliseconds. */
const LATE_MS_MAX = 1000;

export interface ForwarderOptions {
  readonly self: ReplicaId;
  readonly clusterId: string;
  readonly addresses: ReadonlyMap<ReplicaId, string>;
  /** That of replicas; undefined where the cluster runs without. */
  readonly key: Uint8Array | undefined;
  /** Called when there may be something to forward, or outcomes have come. */
  readonly wake: () => void;
  readonly runtime: Runtime;
  /** By default those of this process. */
  readonly sockets?: Sockets;
}

export class Forwarder {
  private readonly options: ForwarderOptions;
  private leader: ReplicaId = 0;
  private leaderBefore: ReplicaId = 0;
  private exchange: Exchange | undefined;
  /** The connection in use was opened to find a way, since nobody leads; and it was asked to be one. */
  private isSought = false;
  private isRelayAsked = false;
  /** Since when it is a former one, or one that was sought and is not ready. */
  private formerSinceMs: number | undefined;
  private unreadySinceMs: number | undefined;
  /** Replicas asked for a way since a leader was heard last. */
  private seeks = 0;
  private soughtMs: number = Number.NEGATIVE_INFINITY;
  private readonly connected = new Set<ReplicaId>();
  /** The connection that is being opened; one to another leader is of no use. */
  private dial: object | undefined;
  private closed = false;
  /** Those who have asked over the connection in use. */
  private forwarded = new Map<Requester, Forwarded>();
  private readonly caller: number;
  private connections = 0;

  constructor(options: ForwarderOptions) {
    this.options = options;
    this.caller = newCaller(options.runtime.random()).number;
  }

  /** Whether what waits can be forwarded now. */
  get isReady(): boolean {
    const { exchange, leader } = this;
    if (exchange?.isOpen !== true || !this.isCurrent(exchange)) return false;
    return leader === 0 ? exchange.lead !== 0 : exchange.leader === leader;
  }

  /**
   * Whether nothing that was sent to a former leader waits for its outcome: only then may anything be placed
   * elsewhere.
   */
  get isSettled(): boolean {
    const { exchange } = this;
    return exchange === undefined || this.isCurrent(exchange) || !this.isOwed(exchange);
  }

  /**
   * Whether everything that was sent has its outcome. A former leader that takes too long is given up for it:
   * whoever comes behind is answered behind.
   */
  settle(): boolean {
    const { exchange } = this;
    if (exchange === undefined || exchange.outstanding === 0) return true;
    if (this.isCurrent(exchange) || this.isOwed(exchange)) return false;
    this.exchange = undefined;
    exchange.close();
    return true;
  }

  /** Whether anything that was sent has no answer and is past its deadline. */
  isOverdue(nowMs: number): boolean {
    return this.exchange !== undefined && this.exchange.earliestDeadlineMs <= nowMs;
  }

  /** Whether any query that was sent has no answer. */
  get owesQueries(): boolean {
    return this.exchange !== undefined && this.exchange.queriesOutstanding > 0;
  }

  tick(nowMs: number): void {
    const { exchange } = this;
    if (exchange === undefined || exchange.outstanding === 0) return;
    if (nowMs - exchange.answeredAtMs < LATE_MS_MAX) return;
    if (exchange.earliestDeadlineMs <= nowMs - LATE_MS_MAX) exchange.close();
  }

  /** The leader to forward to is `leader`; 0 for nobody. Nothing is forwarded to this replica itself. */
  follow(leader: ReplicaId): void {
    if (leader === this.leader) return;
    if (this.leader !== 0) this.leaderBefore = this.leader;
    this.leader = leader;
    // From here on it is a connection to the leader, or a former one.
    this.isSought = false;
    this.seeks = 0;
    this.dial = undefined;
    this.formerSinceMs = undefined;
    this.connect(false);
  }

  /** There is a connection with `peer`, or none any more. */
  peer(peer: ReplicaId, isUp: boolean): void {
    if (isUp) this.connected.add(peer);
    else this.connected.delete(peer);
  }

  /** Sends what waits, as far as the leader takes it. */
  forward(submissions: Submissions, queries: Queries): void {
    if (!this.isReady) return this.connect(!submissions.isEmpty || queries.hasGathered);
    this.unreadySinceMs = undefined;
    const exchange = this.exchange!;
    for (const { requester, first, count, body, deadlineMs } of queries.takeGathered()) {
      // A query refused for lack of room is gathered again, and tried in the next turn.
      if (!exchange.query(this.standIn(requester), first, count, body, 0, body.length, deadlineMs)) {
        queries.add(requester, first, count, body, 0, body.length, deadlineMs);
      }
    }
    for (let waiting = submissions.take(); waiting !== undefined; waiting = submissions.take()) {
      const rest = send(exchange, waiting, (requester) => this.standIn(requester));
      if (rest === undefined) continue;
      submissions.putBack(rest);
      return;
    }
  }

  flush(): void {
    if (this.exchange?.isOpen === true) this.exchange.flush();
    if (this.exchange !== undefined && !this.isCurrent(this.exchange)) this.connect(false);
  }

  /** Forgets the requester: it hears nothing more. */
  abandon(requester: Requester): void {
    const standIn = this.forwarded.get(requester);
    if (standIn === undefined) return;
    this.forwarded.delete(requester);
    this.exchange?.abandon(standIn);
  }

  /** What was sent has an outcome when this returns. */
  close(): void {
    this.closed = true;
    this.exchange?.close();
    this.exchange = undefined;
  }

  private standIn(requester: Requester): Forwarded {
    const known = this.forwarded.get(requester);
    if (known !== undefined) return known;
    const standIn = new Forwarded(requester);
    this.forwarded.set(requester, standIn);
    return standIn;
  }

  /** Whether it is a connection to whom what waits is to go now. */
  private isCurrent(exchange: Exchange): boolean {
    if (this.leader === 0) return this.isSought;
    return exchange.replicaId === this.leader && !this.isRelayAsked;
  }

  private isOwed(exchange: Exchange): boolean {
    if (!exchange.isOpen || exchange.outstanding === 0) return false;
    const nowMs = this.options.runtime.monotonicMs();
    this.formerSinceMs ??= nowMs;
    const heardMs = Math.max(this.formerSinceMs, exchange.answeredAtMs);
    return nowMs - this.formerSinceMs < FORMER_MS_MAX && nowMs - heardMs < FORMER_SILENT_MS_MAX;
  }

  /** Whether the connection in use stays so; one that is sought is asked for a way meanwhile. */
  private isKept(exchange: Exchange): boolean {
    if (!this.isCurrent(exchange)) return !this.isSettled;
    if (this.leader !== 0 || !exchange.isOpen || this.isReady) return exchange.isOpen;
    const { leader, replicaId } = exchange;
    if (!this.isRelayAsked && leader !== 0 && leader !== replicaId && leader !== this.options.self) {
      this.isRelayAsked = true;
      exchange.askRelay();
    }
    const nowMs = this.options.runtime.monotonicMs();
    this.unreadySinceMs ??= nowMs;
    return nowMs - this.unreadySinceMs < SOUGHT_MS_MAX;
  }

  /** Whom to ask for a way; 0 for nobody. */
  private sought(): ReplicaId {
    const nowMs = this.options.runtime.monotonicMs();
    if (nowMs - this.soughtMs < SEEK_MS) return 0;
    this.soughtMs = nowMs;
    const { connected, leaderBefore } = this;
    const others = [...connected].filter((id) => id !== leaderBefore);
    const all = connected.has(leaderBefore) ? [...others, leaderBefore] : others;
    return all[this.seeks++ % all.length] ?? 0;
  }

  /**
   * Connects to the leader, once the connection to the former one is of no more use; or, where nobody leads
   * and something is to be forwarded, to another replica that may know a way.
   */
  private connect(seeks: boolean): void {
    const { exchange } = this;
    if (exchange !== undefined) {
      if (this.isKept(exchange)) return;
      exchange.close();
      this.exchange = undefined;
    }
    const { addresses, self, clusterId, key, wake, runtime, sockets } = this.options;
    const { leader } = this;
    const isSought = leader === 0;
    if (this.dial !== undefined || this.closed || leader === self || (isSought && !seeks)) return;
    const replicaId = isSought ? this.sought() : leader;
    const address = addresses.get(replicaId);
    if (address === undefined) return;
    const dial = {};
    this.dial = dial;
    const events = { leaderIs: wake, settled: wake, closed: wake };
    const caller = { number: this.caller, connection: ++this.connections };
    const helloMsMax = isSought ? { helloMsMax: SOUGHT_MS_MAX } : {};
    const role = HelloRole.frontEnd;
    const around = { role, key, events, runtime, ...helloMsMax, ...(sockets && { sockets }) };
    Exchange.connect({ address, clusterId, replicaId, caller, ...around })
      .then((connected) => {
        if (this.dial !== dial || this.closed) return connected.close();
        this.dial = undefined;
        this.exchange = connected;
        this.isSought = isSought;
        this.isRelayAsked = false;
        this.unreadySinceMs = undefined;
        this.forwarded = new Map();
        wake();
      })
      .catch(() => {
        // Nobody answers there: the next turn tries again, and what waits has its own deadline.
        if (this.dial === dial) this.dial = undefined;
      });
  }
}

/** Sends a submission run by run. @returns what the connection had no room for. */
function send(
  exchange: Exchange,
  submission: Submission,
  standIn: (requester: Requester) => Forwarded,
): Submission | undefined {
  const { bytes, end, runs } = submission;
  let at = BATCH_HEADER_BYTES;
  let left = submission.count;
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i]!;
    const { requester, first, count, deadlineMs } = run;
    let stop = at;
    for (let n = 0; n < count; n++) stop += COMMAND_HEADER_BYTES + commandLength(bytes, stop, end);
    if (!exchange.submit(standIn(requester), first, count, bytes, at, stop, deadlineMs, boundTerms(run))) {
      const from = at - BATCH_HEADER_BYTES;
      const rest = { bytes: bytes.subarray(from, end), end: end - from, count: left, runs: runs.slice(i) };
      return { ...rest, waitsSinceMs: undefined };
    }
    at = stop;
    left -= count;
  }
  return undefined;
}
