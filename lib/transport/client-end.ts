/**
 * The replica's end of a client's connection, over a link; client-connection.ts says what it promises.
 *
 * 1. A client may say submit, query, statusRequest, skipRequest, backupRequest, membersRequest, leadRequest
 *    and relay; anything else closes its connection.
 * 2. Reading stops while the host asks for it, and while the client does not take its answers; it goes on
 *    when neither holds.
 * 3. A long run of results is sent in several frames.
 * 4. A result is sent if it is no longer than a share of the room that is left in the queue, and in a
 *    frame: so results that are asked for faster than they are taken are left out, long ones long before
 *    short ones, and the outcomes of all requests find room.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { FRAME_BYTES_MAX } from '../limits.js';
import { entryEnd } from '../wire/body.js';
import { decodeClientMessage, encodeClientMessage } from '../wire/client-codec.js';
import type { ClientMessage } from '../wire/client-messages.js';
import { RequestOutcome } from '../wire/client-messages.js';
import type { FrameDecoder } from '../wire/frame-decoder.js';
import { frameError } from '../wire/reader.js';
import type { Writer } from '../wire/writer.js';
import type { ClientConnection } from './client-connection.js';
import type { Caller } from './hello.js';
import type { Link, Talk } from './link.js';

/** Results go on in another frame once one has this many bytes. */
const RESULTS_BYTES_TARGET = 256 << 10;

/** Longest result that fits a frame, in bytes, with room for the fields in front of it. */
const RESULT_BYTES_MAX = FRAME_BYTES_MAX - 64;

/** Of the queue's bound, what results may fill; the rest is for outcomes without them. */
const RESULTS_SHARE = 0.75;

/** A result may take this share of the room that is left for results. */
const ROOM_SHARE: number = 1 / 32;

/** What the owner of the connections keeps for all of them. */
export interface ClientEndOwner {
  /** Where messages are encoded; its content is of no use to anybody afterwards. */
  readonly scratch: Writer;
  /** Most bytes that wait for one client. */
  readonly queueBytesMax: number;
  /** `end` has something to flush. */
  dirty(end: ClientEnd): void;
  gone(end: ClientEnd, error: IndelibleError | undefined): void;
}

export class ClientEnd implements ClientConnection, Talk<ClientMessage> {
  readonly number: number;
  readonly caller: Caller;
  readonly isFrontEnd: boolean;
  onMessage: (message: ClientMessage) => void = nothing;
  onSettled: () => void = nothing;
  onDrain: () => void = nothing;
  onClose: () => void = nothing;

  readonly #link: Link;
  readonly #owner: ClientEndOwner;
  #held = false;
  #choked = false;

  constructor(number: number, caller: Caller, isFrontEnd: boolean, link: Link, owner: ClientEndOwner) {
    this.number = number;
    this.caller = caller;
    this.isFrontEnd = isFrontEnd;
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
    const tail = encodeClientMessage(scratch, message, this.#link.version);
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
    withoutRoom: RequestOutcome = RequestOutcome.unknown,
  ): void {
    if (end === start || end - start <= Math.min(RESULTS_BYTES_TARGET, this.#resultBytesMax)) {
      this.send({ type: 'outcomes', first, count, outcome, body: results.subarray(start, end) });
      return;
    }
    // Runs of results that have room, and runs of those that have not, as they follow one another.
    let run = 0;
    let from = start;
    let hasRoom = true;
    const endRun = (requestsEnd: number, at: number): void => {
      if (requestsEnd > run) {
        const body = results.subarray(from, hasRoom ? at : from);
        this.send({
          type: 'outcomes',
          first: first + run,
          count: requestsEnd - run,
          outcome: hasRoom ? outcome : withoutRoom,
          body,
        });
      }
      run = requestsEnd;
      from = at;
    };
    let at = start;
    for (let i = 0; i < count; i++) {
      const next = entryEnd(results, at);
      if (next - from > RESULTS_BYTES_TARGET || next - at <= this.#resultBytesMax !== hasRoom) {
        endRun(i, at);
        hasRoom = next - at <= this.#resultBytesMax;
      }
      at = next;
    }
    endRun(count, end);
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
    switch (message.type) {
      case 'submit':
      case 'query':
      case 'statusRequest':
      case 'skipRequest':
      case 'backupRequest':
      case 'membersRequest':
      case 'leadRequest':
      case 'relay':
        return message;
      default:
        throw frameError(`a client says ${message.type}`);
    }
  }

  receive(message: ClientMessage): void {
    this.onMessage(message);
  }

  settled(): void {
    this.onSettled();
  }

  /** The longest result that has room now. */
  get #resultBytesMax(): number {
    const { queuedBytes } = this.#link;
    if (queuedBytes === 0) return RESULT_BYTES_MAX;
    const room = this.#owner.queueBytesMax * RESULTS_SHARE - queuedBytes;
    return Math.min(RESULT_BYTES_MAX, room * ROOM_SHARE);
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
