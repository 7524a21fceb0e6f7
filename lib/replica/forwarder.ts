/**
 * A follower's way to its leader: what was submitted here is sent there over a connection like a client's,
 * and the outcomes come back to whoever asked.
 *
 * 1. Requests go only to a replica that says that it leads. What finds no such replica stays where it waits:
 *    one that was elected and does not know it yet, or led before it was started anew, would refuse it.
 * 2. One connection is in use at a time, and the next one only when everything sent over the last one is
 *    answered: so requests of one requester are executed, and answered, in the order asked.
 * 3. What is sent carries its deadline. A leader that leaves it open for long, and answers nothing else
 *    either, is hung up on.
 * 4. Each connection says that it takes the place of the one before it, so that a leader which has not read
 *    that one to its end drops what is left of it: it may be older than what was asked since.
 * 5. A former leader has a short while to answer what it took. Then, or when its connection ends, that is
 *    *unknown* (commands) or *not executed* (queries).
 */
import type { Runtime } from '../runtime.js';
import { Exchange } from '../transport/exchange.js';
import { newCaller } from '../transport/hello.js';
import type { Sockets } from '../transport/sockets.js';
import type { ReplicaId } from '../types.js';
import { BATCH_HEADER_BYTES, COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import { Forwarded } from './forwarded.js';
import type { Queries } from './queries.js';
import type { Requester } from './service.js';
import type { Submission, Submissions } from './submissions.js';

/**
 * How long a former leader may take to answer, in milliseconds from when it is known as such: this replica,
 * if it was, or the one forwarded to. One that is alive has mostly learned within a few round trips what
 * became of its slots; one that hangs must not hold up what comes behind.
 */
export const FORMER_MS_MAX = 300;

/** How long a leader may say nothing, with answers due, beyond their deadlines, in milliseconds. */
const LATE_MS_MAX = 1000;

export interface ForwarderOptions {
  readonly clusterId: string;
  readonly addresses: ReadonlyMap<ReplicaId, string>;
  /** Called when there may be something to forward, or outcomes have come. */
  readonly wake: () => void;
  readonly runtime: Runtime;
  /** By default those of this process. */
  readonly sockets?: Sockets;
}

export class Forwarder {
  private readonly options: ForwarderOptions;
  private leader: ReplicaId = 0;
  private exchange: Exchange | undefined;
  private formerSinceMs: number | undefined;
  private connecting = false;
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
    const { exchange } = this;
    return exchange?.isOpen === true && exchange.leader === this.leader && exchange.replicaId === this.leader;
  }

  /**
   * Whether nothing that was sent to a former leader waits for its outcome: only then may anything be placed
   * elsewhere.
   */
  get isSettled(): boolean {
    const { exchange } = this;
    return exchange === undefined || exchange.replicaId === this.leader || !this.isOwed(exchange);
  }

  /**
   * Whether everything that was sent has its outcome. A former leader that takes too long is given up for it:
   * whoever comes behind is answered behind.
   */
  settle(): boolean {
    const { exchange } = this;
    if (exchange === undefined || exchange.outstanding === 0) return true;
    if (exchange.replicaId === this.leader || this.isOwed(exchange)) return false;
    this.exchange = undefined;
    exchange.close();
    return true;
  }

  /** Whether anything that was sent has no answer and is past its deadline. */
  isOverdue(nowMs: number): boolean {
    return this.exchange !== undefined && this.exchange.earliestDeadlineMs <= nowMs;
  }

  tick(nowMs: number): void {
    const { exchange } = this;
    if (exchange === undefined || exchange.outstanding === 0) return;
    if (nowMs - exchange.answeredAtMs < LATE_MS_MAX) return;
    if (exchange.earliestDeadlineMs <= nowMs - LATE_MS_MAX) exchange.close();
  }

  /** The leader to forward to is `leader`; 0 for nobody, or for this replica itself. */
  follow(leader: ReplicaId): void {
    if (leader === this.leader) return;
    this.leader = leader;
    this.formerSinceMs = undefined;
    this.connect();
  }

  /** Sends what waits, as far as the leader takes it. */
  forward(submissions: Submissions, queries: Queries): void {
    if (!this.isReady) return this.connect();
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
    if (this.exchange !== undefined && this.exchange.replicaId !== this.leader) this.connect();
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

  private isOwed(exchange: Exchange): boolean {
    if (!exchange.isOpen || exchange.outstanding === 0) return false;
    const nowMs = this.options.runtime.monotonicMs();
    this.formerSinceMs ??= nowMs;
    return nowMs - this.formerSinceMs < FORMER_MS_MAX;
  }

  /** Connects to the leader, once the connection to the former one is of no more use. */
  private connect(): void {
    const { exchange } = this;
    if (exchange !== undefined) {
      if (exchange.replicaId === this.leader ? exchange.isOpen : !this.isSettled) return;
      exchange.close();
      this.exchange = undefined;
    }
    const { addresses, clusterId, wake, runtime, sockets } = this.options;
    const address = addresses.get(this.leader);
    if (this.connecting || this.closed || address === undefined) return;
    const replicaId = this.leader;
    this.connecting = true;
    const events = { leaderIs: wake, settled: wake, closed: wake };
    const caller = { number: this.caller, connection: ++this.connections };
    Exchange.connect({ address, clusterId, replicaId, caller, events, runtime, ...(sockets && { sockets }) })
      .then((connected) => {
        this.connecting = false;
        if (this.closed || this.leader !== replicaId) return connected.close();
        this.exchange = connected;
        this.forwarded = new Map();
        wake();
      })
      .catch(() => {
        // Nobody answers there: the next turn tries again, and what waits has its own deadline.
        this.connecting = false;
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
    const { requester, first, count, deadlineMs } = runs[i]!;
    let stop = at;
    for (let n = 0; n < count; n++) stop += COMMAND_HEADER_BYTES + commandLength(bytes, stop, end);
    if (!exchange.submit(standIn(requester), first, count, bytes, at, stop, deadlineMs)) {
      const from = at - BATCH_HEADER_BYTES;
      const rest = { bytes: bytes.subarray(from, end), end: end - from, count: left, runs: runs.slice(i) };
      return { ...rest, waitsSinceMs: undefined };
    }
    at = stop;
    left -= count;
  }
  return undefined;
}
