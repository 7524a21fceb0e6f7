/**
 * A follower's way to its leader: what was submitted here is sent there over a connection like a client's,
 * and the outcomes come back to whoever asked.
 *
 * 1. Requests of one requester keep their order: they go over one connection, and what is not yet sent waits
 *    behind what was refused.
 * 2. What was sent and not answered when the connection ends is *unknown* (commands) or *not executed*
 *    (queries); what was not sent still waits here.
 * 3. A former leader may still answer what it took: its connection stays until it has.
 */
import { Exchange } from '../transport/exchange.js';
import type { ReplicaId } from '../types.js';
import { BATCH_HEADER_BYTES, COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import type { Queries } from './queries.js';
import type { Submission, Submissions } from './submissions.js';

export class Forwarder {
  private readonly clusterId: string;
  private readonly addresses: ReadonlyMap<ReplicaId, string>;
  /** Called when there may be something to forward, or outcomes have come. */
  private readonly wake: () => void;
  private readonly retiring = new Set<Exchange>();
  private leader: ReplicaId = 0;
  private exchange: Exchange | undefined;
  private connecting = false;
  private closed = false;

  constructor(clusterId: string, addresses: ReadonlyMap<ReplicaId, string>, wake: () => void) {
    this.clusterId = clusterId;
    this.addresses = addresses;
    this.wake = wake;
  }

  get isConnected(): boolean {
    return this.exchange?.isOpen === true;
  }

  /** The leader to forward to is `leader`; 0 for nobody, or for this replica itself. */
  follow(leader: ReplicaId): void {
    if (leader === this.leader) return;
    this.leader = leader;
    this.retire();
    this.connect();
  }

  /** Sends what waits, as far as the leader takes it. */
  forward(submissions: Submissions, queries: Queries): void {
    if (this.exchange?.isOpen === false) this.exchange = undefined;
    const exchange = this.exchange;
    if (exchange === undefined) return this.connect();
    for (const { requester, first, count, body } of queries.takeGathered()) {
      // A query refused for lack of room is gathered again, and tried in the next turn.
      if (!exchange.query(requester, first, count, body, 0, body.length)) {
        queries.add(requester, first, count, body, 0, body.length);
      }
    }
    for (let waiting = submissions.take(); waiting !== undefined; waiting = submissions.take()) {
      const rest = send(exchange, waiting);
      if (rest === undefined) continue;
      submissions.putBack(rest);
      return;
    }
  }

  flush(): void {
    if (this.exchange?.isOpen === true) this.exchange.flush();
    for (const former of this.retiring) {
      if (former.outstanding > 0 && former.isOpen) continue;
      this.retiring.delete(former);
      former.close();
    }
  }

  close(): void {
    this.closed = true;
    this.retire();
    for (const former of this.retiring) former.close();
    this.retiring.clear();
  }

  private retire(): void {
    if (this.exchange !== undefined) this.retiring.add(this.exchange);
    this.exchange = undefined;
  }

  private connect(): void {
    const address = this.addresses.get(this.leader);
    if (this.connecting || this.closed || address === undefined) return;
    const replicaId = this.leader;
    this.connecting = true;
    const events = { settled: this.wake, closed: this.wake };
    Exchange.connect({ address, clusterId: this.clusterId, replicaId, events })
      .then((exchange) => {
        this.connecting = false;
        if (this.closed || this.leader !== replicaId) return exchange.close();
        this.exchange = exchange;
        this.wake();
      })
      .catch(() => {
        // Nobody answers there: the next turn tries again, and what waits has its own deadline.
        this.connecting = false;
      });
  }
}

/** Sends a submission run by run. @returns what the connection had no room for. */
function send(exchange: Exchange, submission: Submission): Submission | undefined {
  const { bytes, end, runs } = submission;
  let at = BATCH_HEADER_BYTES;
  let left = submission.count;
  for (let i = 0; i < runs.length; i++) {
    const { requester, first, count } = runs[i]!;
    let stop = at;
    for (let n = 0; n < count; n++) stop += COMMAND_HEADER_BYTES + commandLength(bytes, stop, end);
    if (!exchange.submit(requester, first, count, bytes, at, stop)) {
      const from = at - BATCH_HEADER_BYTES;
      return { bytes: bytes.subarray(from, end), end: end - from, count: left, runs: runs.slice(i) };
    }
    at = stop;
    left -= count;
  }
  return undefined;
}
