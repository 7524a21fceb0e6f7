import type { Socket } from '../../../lib/transport/sockets.js';

/** One end of a connection: what is written to it is `heard` by who holds the other end. */
export class End {
  heard: (bytes: Buffer) => void = () => {};
  readonly said: Buffer[] = [];
  private hear: (bytes: Buffer) => void = () => {};
  readonly socket: Socket;

  /** @param binding what TLS would know of this connection; undefined where there is none */
  constructor(binding?: Uint8Array) {
    const end = this;
    this.socket = {
      writableLength: 0,
      on(event: string, hear: (...args: never[]) => void) {
        if (event === 'data') end.hear = hear as typeof end.hear;
      },
      setNoDelay() {},
      setKeepAlive() {},
      write(bytes: Uint8Array, done?: () => void) {
        end.said.push(Buffer.from(bytes));
        done?.();
        return true;
      },
      cork() {},
      uncork() {},
      pause() {},
      resume() {},
      destroy() {},
      destroySoon() {},
      ...(binding === undefined ? {} : { seal: () => ({ binding, fault: undefined, replicas: undefined }) }),
    } as Socket;
  }

  give(bytes: Uint8Array): void {
    this.hear(Buffer.from(bytes));
  }

  /** Hands over what was said since the last time. */
  take(): Buffer[] {
    return this.said.splice(0);
  }
}
