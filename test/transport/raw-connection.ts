/** A bare socket for tests that say what no transport would. */

import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { parseAddress } from '../../lib/transport/address.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import type { Found } from '../wire/frames.js';
import { framesIn } from '../wire/frames.js';

export class RawConnection {
  readonly socket: Socket;
  /** Resolves when the connection has ended, in order or not. */
  readonly closed: Promise<void>;
  readonly #received: Buffer[] = [];
  #changed: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.#received.push(chunk);
      this.#changed();
    });
  }

  static open(address: string): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(parseAddress(address));
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawConnection(socket)));
    });
  }

  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Every whole frame received so far. */
  frames(): Found[] {
    const decoder = new FrameDecoder();
    decoder.push(Buffer.concat(this.#received));
    return framesIn(decoder);
  }

  /** Resolves once `holds` after something has arrived. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}
