/** A bare TCP connection, to say what no client would, and hear what comes of it. */
import { connect, type Socket } from 'node:net';
import { eventually } from '../service/eventually.js';

export class RawClient {
  readonly socket: Socket;
  /** True once the other end, or an error, has closed the connection. */
  closed = false;
  #received = '';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawClient(socket)));
    });
  }

  get received(): string {
    return this.#received;
  }

  /** Resolves with what was received, once the other end has closed the connection. */
  async ended(): Promise<string> {
    await eventually('the connection is closed', () => this.closed || undefined);
    return this.#received;
  }

  /** Resolves with everything received once it holds `text`. */
  async hears(text: string): Promise<string> {
    await eventually(
      `an answer with ${JSON.stringify(text)}`,
      () => this.#received.includes(text) || undefined,
      () => `received: ${JSON.stringify(this.#received.slice(0, 500))}`,
    );
    return this.#received;
  }
}

/** Says `bytes`, ends, and resolves with the answer once the other end has closed too. */
export async function say(port: number, bytes: Uint8Array | string): Promise<string> {
  const client = await RawClient.open(port);
  client.socket.end(bytes);
  return client.ended();
}
