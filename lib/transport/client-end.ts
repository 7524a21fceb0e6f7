/**
 * The replica's end of a client's connection, over a link; client-connection.ts says what it promises.
 *
 * 1. A client may say submit, query and statusRequest; anything else closes its connection.
 * 2. Reading stops while the host asks for it, and while the client does not take its answers; it goes on when
 *    neither holds.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { decodeClientMessage, encodeClientMessage } from '../wire/client-codec.js';
import type { ClientMessage, RequestOutcome } from '../wire/client-messages.js';
import type { FrameDecoder } from '../wire/frame-decoder.js';
import { frameError } from '../wire/reader.js';
import type { Writer } from '../wire/writer.js';
import type { ClientConnection } from './client-connection.js';
import type { Link, Talk } from './link.js';

/** What the owner of the connections keeps for all of them. */
export interface ClientEndOwner {
  /** Where messages are encoded; its content is of no use to anybody afterwards. */
  readonly scratch: Writer;
  /** `end` has something to flush. */
  dirty(end: ClientEnd): void;
  gone(end: ClientEnd, error: IndelibleError | undefined): void;
}

export class ClientEnd implements ClientConnection, Talk<ClientMessage> {
  readonly number: number;
  onMessage: (message: ClientMessage) => void = nothing;
  onSettled: () => void = nothing;
  onDrain: () => void = nothing;
  onClose: () => void = nothing;

  readonly #link: Link;
  readonly #owner: ClientEndOwner;
  #held = false;
  #choked = false;

  constructor(number: number, link: Link, owner: ClientEndOwner) {
    this.number = number;
    this.#link = link;
    this.#owner = owner;
  }

  get remote(): string {
    return this.#link.remote;
  }

  get writableNeedDrain(): boolean {
    return this.#link.needDrain;
  }

  send(message: ClientMessage): void {
    const { scratch } = this.#owner;
    scratch.clear();
    const tail = encodeClientMessage(scratch, message);
    if (!this.#link.add(scratch.bytes, scratch.length, tail) && !this.#link.closing) {
      const text = `${this.remote}: the client does not take its answers`;
      this.#link.destroy(new IndelibleError(ErrorCode.network, text, { path: this.remote }));
      return;
    }
    this.#owner.dirty(this);
    if (this.#link.needDrain && !this.#choked) {
      this.#choked = true;
      this.#link.pause();
    }
  }

  sendOutcomes(
    first: number,
    count: number,
    outcome: RequestOutcome,
    results: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.send({ type: 'outcomes', first, count, outcome, body: results.subarray(start, end) });
  }

  flush(): void {
    this.#link.flush();
  }

  pause(): void {
    this.#held = true;
    this.#link.pause();
  }

  resume(): void {
    this.#held = false;
    if (!this.#choked) this.#link.resume();
  }

  close(): void {
    this.#link.end();
  }

  /** Closes at once. */
  destroy(): void {
    this.#link.destroy();
  }

  beat(): void {
    this.#link.beat();
  }

  decode(frame: FrameDecoder): ClientMessage {
    const message = decodeClientMessage(frame.kind, frame.bytes, frame.start, frame.end);
    if (message.type === 'submit' || message.type === 'query' || message.type === 'statusRequest') {
      return message;
    }
    throw frameError(`a client says ${message.type}`);
  }

  receive(message: ClientMessage): void {
    this.onMessage(message);
  }

  settled(): void {
    this.onSettled();
  }

  drained(): void {
    if (this.#choked) {
      this.#choked = false;
      if (!this.#held) this.#link.resume();
    }
    this.onDrain();
  }

  closed(error: IndelibleError | undefined): void {
    this.#owner.gone(this, error);
    this.onClose();
  }
}

function nothing(): void {}
