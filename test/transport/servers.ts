/** A replica's port with a trivial service behind it, for the tests of the asking end. */
import type { ClientConnection } from '../../lib/transport/client-connection.js';
import type { TcpTransport, TcpTransportOptions } from '../../lib/transport/tcp.js';
import type { ReplicaId } from '../../lib/types.js';
import type { ClientMessage, LeaderIs } from '../../lib/wire/client-messages.js';
import { Witness } from '../contract/transport.js';
import type { SocketPlace } from './places.js';

/** Answers every request with its own bytes, or as `answer` says. */
export class EchoServer {
  readonly transport: TcpTransport;
  readonly connections: Set<ClientConnection> = new Set();
  readonly received: ClientMessage[] = [];
  /** Who leads, as told to each new client. */
  leader: ReplicaId;
  lead = 0;
  clockMs: () => number = () => performance.now();
  answer: (connection: ClientConnection, message: ClientMessage) => void = echo;

  private constructor(place: SocketPlace, id: ReplicaId, changes: Partial<TcpTransportOptions>) {
    this.leader = id;
    this.transport = place.transport(id, { onClient: (connection) => this.#take(connection), ...changes });
  }

  static async start(
    place: SocketPlace,
    id: ReplicaId,
    changes: Partial<TcpTransportOptions> = {},
    witness: Witness = new Witness(),
  ): Promise<EchoServer> {
    const server = new EchoServer(place, id, changes);
    await server.transport.start(witness);
    return server;
  }

  tellLeader(leader: ReplicaId): void {
    this.leader = leader;
    for (const connection of this.connections) connection.send(this.#leaderIs());
    this.transport.flush();
  }

  #leaderIs(): LeaderIs {
    const { leader, lead } = this;
    return { type: 'leaderIs', leader, lead, clockMs: Math.floor(this.clockMs()) };
  }

  #take(connection: ClientConnection): void {
    this.connections.add(connection);
    connection.onMessage = (message) => {
      this.received.push(message);
      this.answer(connection, message);
    };
    connection.onSettled = () => this.transport.flush();
    connection.onClose = () => this.connections.delete(connection);
    connection.send(this.#leaderIs());
  }
}

export function echo(connection: ClientConnection, message: ClientMessage): void {
  if (message.type === 'submit' || message.type === 'query') {
    const { first, count, body } = message;
    connection.sendOutcomes(first, count, 0, body, 0, body.length);
  } else if (message.type === 'statusRequest') {
    connection.send({ type: 'statusReply', body: Buffer.from('{"role":"leader"}') });
  }
}
