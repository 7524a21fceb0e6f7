/**
 * What a follower passes on to its leader for a replica that cannot reach the leader itself. Each asker has a
 * connection of its own to the leader, in the asker's name.
 *
 * 1. Nothing is passed on twice: the leader is asked as by a client, and who does not lead takes nothing.
 * 2. The leader is told the asker's number and which of the asker's connections this is. So it drops what is
 *    left of one when the next one is there, whatever way that has come, as if it were asked directly.
 * 3. Requests keep their deadline and the lead that they are asked of. What was passed on and has no answer
 *    when either connection ends is *unknown* (commands) or *not executed* (queries), and not asked again.
 * 4. No more are open than there are peers.
 */
import type { Runtime } from '../runtime.js';
import { Exchange } from '../transport/exchange.js';
import type { Caller } from '../transport/hello.js';
import type { Asker } from '../transport/request-line.js';
import type { Sockets } from '../transport/sockets.js';
import type { ReplicaId } from '../types.js';
import type { SessionTerms } from '../wire/client-messages.js';
import { HelloRole } from '../wire/hello-codec.js';

export interface RelaysOptions {
  readonly clusterId: string;
  /** That of replicas; undefined where the cluster runs without. */
  readonly key: Uint8Array | undefined;
  readonly addresses: ReadonlyMap<ReplicaId, string>;
  readonly openMax: () => number;
  readonly runtime: Runtime;
  readonly sockets: Sockets;
}

export interface RelayEvents {
  /** What the leader takes has changed. */
  changed(): void;
  /** Outcomes that arrived together have been handed over. */
  settled(): void;
  /** Nothing is passed on any more, and all that was has its outcome. Called once. */
  closed(): void;
}

export class Relays {
  private readonly options: RelaysOptions;
  private open = 0;

  constructor(options: RelaysOptions) {
    this.options = options;
  }

  /** Opens one to `leader` for `caller`. Undefined: as many are open as may be, or it has no address. */
  begin(leader: ReplicaId, caller: Caller, events: RelayEvents): Relay | undefined {
    const { addresses, openMax, clusterId, key, runtime, sockets } = this.options;
    const address = addresses.get(leader);
    if (address === undefined || this.open >= openMax()) return undefined;
    const relay = new Relay(events);
    // It counts until its socket is closed, also where the asker has gone before it was open.
    this.open++;
    const closed = (): void => {
      this.open--;
      relay.end();
    };
    const exchangeEvents = { leaderIs: events.changed, settled: events.settled, closed };
    const who = { role: HelloRole.frontEnd, key, caller };
    const options = { address, clusterId, replicaId: leader, runtime, sockets };
    Exchange.connect({ ...options, ...who, events: exchangeEvents })
      .then((exchange) => relay.connected(exchange))
      .catch(closed);
    return relay;
  }
}

export class Relay {
  private readonly events: RelayEvents;
  private exchange: Exchange | undefined;
  private ended = false;

  constructor(events: RelayEvents) {
    this.events = events;
  }

  /** Who leads, as the other end says; 0 if nobody, or before it has said so. */
  get leader(): ReplicaId {
    return this.exchange?.leader ?? 0;
  }

  /** The ballot at which the other end leads; 0 if it does not, or there is no connection. */
  get lead(): number {
    return this.exchange?.isOpen === true ? this.exchange.lead : 0;
  }

  /** As Service.submit and Service.query; `deadlineMs` is of the clock here. */
  pass(
    type: 'submit' | 'query',
    asker: Asker,
    first: number,
    count: number,
    body: Uint8Array,
    deadlineMs: number,
    terms: SessionTerms | undefined,
  ): boolean {
    const exchange = this.exchange!;
    return type === 'submit'
      ? exchange.submit(asker, first, count, body, 0, body.length, deadlineMs, terms)
      : exchange.query(asker, first, count, body, 0, body.length, deadlineMs);
  }

  flush(): void {
    if (this.exchange?.isOpen === true) this.exchange.flush();
  }

  /** The asker is gone: it hears nothing more, and what has not left never does. */
  abandon(askers: readonly Asker[]): void {
    this.ended = true;
    for (const asker of askers) this.exchange?.abandon(asker);
    this.exchange?.close();
  }

  connected(exchange: Exchange): void {
    if (this.ended) return exchange.close();
    this.exchange = exchange;
    this.events.changed();
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.events.closed();
  }
}
