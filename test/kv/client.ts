/** A raw connection to a key-value port: bytes out, text in, awaited by what it must contain. */
import { connect, type Socket } from 'node:net';

export class RawClient {
  text = '';
  ended = false;
  readonly socket: Socket;
  #waiting: (() => void) | undefined = undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.#waiting?.();
    });
    const over = (): void => {
      this.ended = true;
      this.#waiting?.();
    };
    this.socket.on('end', over);
    this.socket.on('close', over);
    this.socket.on('error', over);
  }

  /** Sends lines as inline requests. */
  lines(...lines: string[]): this {
    this.socket.write(Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1'));
    return this;
  }

  /** Resolves when everything received is as `done` wants it; rejects if the connection ends before. */
  async until(done: (text: string) => boolean): Promise<string> {
    while (!done(this.text)) {
      if (this.ended)
        throw new Error(`the connection ended after ${JSON.stringify(this.text.slice(0, 500))}`);
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    return this.text;
  }

  /** Waits for exactly this text. */
  async expect(text: string): Promise<void> {
    const wrong = (): boolean => !text.startsWith(this.text);
    await this.until((received) => received === text || wrong());
    if (wrong()) throw new Error(`received ${JSON.stringify(this.text)}, expected ${JSON.stringify(text)}`);
    this.text = '';
  }

  /** Waits for the other side to end the connection. */
  async end(): Promise<string> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.socket.destroy();
    return this.text;
  }

  close(): void {
    this.socket.destroy();
  }
}
