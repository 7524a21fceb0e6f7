/**
 * Clients of the peer port: each connection is a requester of this replica's service.
 *
 * 1. Only a leader takes a client's requests; any other replica answers *not executed* and says who leads, so
 *    that nothing is forwarded in circles.
 * 2. A connection that submits faster than slots become free is not read from until there is room.
 */
import type { ClientConnection } from '../transport/client-connection.js';
import type { ReplicaId } from '../types.js';
import type { ClientMessage, Query, Submit } from '../wire/client-messages.js';
import { Outcome, type Requester, type Service } from './service.js';

/** What the host lets its clients do. */
export interface ClientHost extends Service {
  readonly leads: boolean;
  readonly leader: ReplicaId;
}

const NO_BYTES = new Uint8Array(0);

export class Clients {
  private readonly host: ClientHost;
  private readonly statusJson: () => Uint8Array;
  private readonly sessions = new Set<ClientSession>();

  constructor(host: ClientHost, statusJson: () => Uint8Array) {
    this.host = host;
    this.statusJson = statusJson;
  }

  get count(): number {
    return this.sessions.size;
  }

  readonly accept = (connection: ClientConnection): void => {
    const session = new ClientSession(connection, this.host, this.statusJson);
    this.sessions.add(session);
    connection.onClose = () => {
      this.sessions.delete(session);
      this.host.abandon(session);
    };
  };

  /** Tells everyone who leads now. */
  leaderChanged(leader: ReplicaId): void {
    for (const session of this.sessions) session.sayLeader(leader);
  }
}

class ClientSession implements Requester {
  private readonly connection: ClientConnection;
  private readonly host: ClientHost;
  private readonly statusJson: () => Uint8Array;
  private refused: (Submit | Query)[] = [];

  constructor(connection: ClientConnection, host: ClientHost, statusJson: () => Uint8Array) {
    this.statusJson = statusJson;
    this.connection = connection;
    this.host = host;
    connection.onMessage = (message) => this.receive(message);
    connection.onSettled = () => host.flush();
    connection.onDrain = () => this.continue();
    this.sayLeader(host.leader);
  }

  sayLeader(leader: ReplicaId): void {
    this.connection.send({ type: 'leaderIs', leader });
  }

  outcome(
    first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.connection.sendOutcomes(first, count, outcome, results, start, end);
    if (this.connection.writableNeedDrain) this.connection.pause();
  }

  drain(): void {
    this.continue();
  }

  private receive(message: ClientMessage): void {
    switch (message.type) {
      case 'submit':
      case 'query':
        if (this.refused.length > 0 || !this.place(message)) {
          this.refused.push(message);
          this.connection.pause();
        }
        return;
      case 'statusRequest':
        return this.connection.send({ type: 'statusReply', body: this.statusJson() });
      case 'outcomes':
      case 'leaderIs':
      case 'statusReply':
        // A server's words from a client: it does not speak the protocol.
        return this.connection.close();
    }
  }

  /** Goes on after back-pressure in either direction. */
  private continue(): void {
    while (this.refused.length > 0) {
      if (!this.place(this.refused[0]!)) return;
      this.refused.shift();
    }
    if (!this.connection.writableNeedDrain) this.connection.resume();
    this.host.flush();
  }

  private place({ type, first, count, body }: Submit | Query): boolean {
    if (!this.host.leads) {
      this.connection.sendOutcomes(first, count, Outcome.notExecuted, NO_BYTES, 0, 0);
      this.sayLeader(this.host.leader);
      return true;
    }
    if (type === 'submit') return this.host.submit(this, first, count, body, 0, body.length);
    return this.host.query(this, first, count, body, 0, body.length);
  }
}
