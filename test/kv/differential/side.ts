/** One of the two servers compared: its connections, each a request at a time or many in a pipeline. */
import { connect, type Socket } from 'node:net';
import { type ReplyValue, RespReader } from './resp-reader.js';

/** What one request got: a reply, or the end of the connection. */
export type Answer = { readonly value: ReplyValue } | 'closed';

class Client {
  readonly #socket: Socket;
  readonly #reader: RespReader = new RespReader();
  #answers: Answer[] = [];
  #wanted = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      for (let reply = this.#reader.next(); reply !== undefined; reply = this.#reader.next()) {
        this.#answers.push(reply);
      }
      if (this.#answers.length >= this.#wanted) this.#wake?.();
    });
    const over = (): void => {
      this.#closed = true;
      this.#wake?.();
    };
    this.#socket.on('close', over);
    this.#socket.on('error', over);
  }

  async ask(bytes: Buffer, count: number): Promise<Answer[]> {
    this.#answers = [];
    this.#wanted = count;
    this.#socket.write(bytes);
    while (this.#answers.length < count && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const answers = this.#answers;
    while (answers.length < count) answers.push('closed');
    return answers;
  }

  close(): void {
    this.#socket.destroy();
  }
}

export class Side {
  readonly #port: number;
  readonly #clients: Map<number, Client> = new Map();

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends `requests` on connection `id` in one write; resolves with an answer for each. */
  async ask(id: number, requests: readonly (readonly Buffer[])[]): Promise<Answer[]> {
    let client = this.#clients.get(id);
    if (client === undefined) {
      client = new Client(this.#port);
      this.#clients.set(id, client);
    }
    const answers = await client.ask(Buffer.concat(requests.map(encode)), requests.length);
    if (answers.includes('closed')) this.#forget(id);
    return answers;
  }

  close(): void {
    for (const id of [...this.#clients.keys()]) this.#forget(id);
  }

  #forget(id: number): void {
    this.#clients.get(id)?.close();
    this.#clients.delete(id);
  }
}

function encode(argv: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${argv.length}\r\n`)];
  for (const argument of argv) {
    parts.push(Buffer.from(`$${argument.length}\r\n`), argument, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}
