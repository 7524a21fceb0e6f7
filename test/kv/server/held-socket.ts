/**
 * A client's socket whose other end is a test: what the connection writes is held until the test reads it,
 * and its pauses and drains are those of a real stream.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export class HeldSocket extends Duplex {
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 1;
  readonly localAddress = '127.0.0.1';
  readonly localPort = 2;
  /** While false, writes wait: the client does not read. */
  reading = true;
  /** Everything that the client has read. */
  received = '';
  keepAlive: [boolean, number] | undefined = undefined;
  #waiting: (() => void) | undefined = undefined;

  constructor() {
    super({ allowHalfOpen: true, readableHighWaterMark: 256, writableHighWaterMark: 512 });
  }

  /** Whether the socket owes a `drain`: the client has something to read. */
  get holds(): boolean {
    return this.#waiting !== undefined;
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(enabled: boolean, initialMs: number): this {
    this.keepAlive = [enabled, initialMs];
    return this;
  }

  /** The client reads what there is, and as it comes from now on. */
  release(): void {
    this.reading = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const take = (): void => {
      this.received += chunk.toString('latin1');
      done();
    };
    if (this.reading) take();
    else this.#waiting = take;
  }
}
