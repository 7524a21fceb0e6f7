/**
 * One framed connection over a socket. What is said on it is the business of its *talk*: first the greeting,
 * then the messages of a peer, a client or an exchange.
 *
 * 1. A frame that cannot be decoded closes the link, with the reason; nothing is ever thrown into the process
 *    for bytes that came in. What a talk's `receive` throws is not caught: it is a fault of this program.
 * 2. One write per flush; while the socket is busy, what is added waits for it and then leaves in one write.
 * 3. What waits is counted; `add` past `queueBytesMax` is refused, and so is bulk past as much again.
 * 4. Between `pause` and `resume` nothing is delivered, not even the rest of a chunk that has arrived.
 * 5. `closed` is called exactly once, and nothing is delivered after it.
 * 6. Bulk, where the owner has opened a lane for it, waits for what the other end takes (bulk-lane.ts).
 */
import { IndelibleError } from '../errors.js';
import { FRAME_BYTES_MAX } from '../limits.js';
import type { Runtime } from '../runtime.js';
import { beginFrame, NO_BYTES, sealFrame } from '../wire/frame.js';
import { FrameDecoder } from '../wire/frame-decoder.js';
import { HELLO_FRAME_BYTES_MAX } from '../wire/hello-codec.js';
import { FrameKind, PROTOCOL_VERSION_MIN } from '../wire/protocol.js';
import { Writer } from '../wire/writer.js';
import { BulkLane } from './bulk-lane.js';
import { Outgoing } from './outgoing.js';
import { socketError } from './socket-error.js';
import type { Socket } from './sockets.js';

/** What is said on a link. */
export interface Talk<M> {
  /** Bytes that came before the greeting was over, before they are decoded. */
  first?(chunk: Buffer): void;
  /** The message of the frame that `frame` stands on. @throws ERR_INDELIBLE_FRAME */
  decode(frame: FrameDecoder): M;
  receive(message: M): void;
  /** All messages that arrived together have been handed over; not called for a keep-alive alone. */
  settled(): void;
  /** Everything queued has been taken, after the queue had passed `needDrainBytes`. */
  drained(): void;
  /** Bulk waits no more, after somebody was told that it does. */
  roomAgain?(): void;
  /** It is over. `isEnded`: the other end, or what is between, has ended it, and nobody here. */
  closed(error: IndelibleError | undefined, isEnded: boolean): void;
}

/** Counters of all links of one owner. */
export interface LinkCounters {
  framesSent: number;
  framesReceived: number;
  bytesSent: number;
  bytesReceived: number;
  writes: number;
  dropped: number;
  refused: number;
  malformed: number;
}

export function newLinkCounters(): LinkCounters {
  const sums = { framesSent: 0, framesReceived: 0, bytesSent: 0, bytesReceived: 0, writes: 0 };
  return { ...sums, dropped: 0, refused: 0, malformed: 0 };
}

export interface LinkBounds {
  /** Most bytes that may wait. */
  readonly queueBytesMax: number;
  /** Above this many waiting bytes {@link Link.needDrain} is true, until all have been taken. */
  readonly needDrainBytes: number;
}

const GREETING_BOUNDS: LinkBounds = { queueBytesMax: 4096, needDrainBytes: 4096 };

const KEEP_ALIVE: Buffer = keepAliveFrame();

/** Where every link writes how much it has taken, before it is queued. */
const TAKEN: Writer = new Writer(64);

export class Link {
  readonly remote: string;
  /** True from the moment the queue passes `needDrainBytes` until it is empty. */
  needDrain = false;

  readonly #socket: Socket;
  readonly #runtime: Runtime;
  #bounds: LinkBounds = GREETING_BOUNDS;
  readonly #counters: LinkCounters;
  readonly #decoder = new FrameDecoder(HELLO_FRAME_BYTES_MAX);
  readonly #outgoing = new Outgoing();
  #talk: Talk<unknown>;
  #bulk: BulkLane | undefined;
  #flushAsked = false;
  #greeted = false;
  #paused = false;
  #closing = false;
  #error: IndelibleError | undefined;
  #unsettled = false;
  #silentTicks = 0;
  #quiet = true;

  constructor(socket: Socket, remote: string, counters: LinkCounters, talk: Talk<unknown>, runtime: Runtime) {
    this.remote = remote;
    this.#socket = socket;
    this.#runtime = runtime;
    this.#counters = counters;
    this.#talk = talk;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', (cause: Error) => {
      this.#error ??= socketError(remote, cause);
    });
    socket.on('close', () => {
      const isEnded = !this.#closing;
      this.#closing = true;
      this.#talk.closed(this.#error, isEnded);
    });
  }

  /** The protocol version that both ends speak: of frames that are sent, and the newest of those taken in. */
  get version(): number {
    return this.#decoder.versionMax;
  }
  set version(version: number) {
    this.#decoder.versionMax = version;
  }

  /** Bytes that the other end has not taken yet, as far as this process knows. */
  get queuedBytes(): number {
    return this.#outgoing.lengthBytes + this.#socket.writableLength;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** The greeting is over: from the next frame on `talk` has the word, and frames may have full length. */
  become(talk: Talk<unknown>, bounds: LinkBounds): void {
    this.#talk = talk;
    this.#bounds = bounds;
    this.#greeted = true;
    this.#decoder.frameBytesMax = FRAME_BYTES_MAX;
  }

  /** From here on bulk has a lane of its own, at the other end too. */
  openBulk(): BulkLane {
    const exit = {
      outgoing: this.#outgoing,
      left: (bytes: number) => {
        this.#counters.framesSent++;
        this.#counters.bytesSent += bytes;
      },
    };
    this.#bulk = new BulkLane(exit, () => this.#runtime.monotonicMs());
    return this.#bulk;
  }

  /** Queues one frame of bulk: a copy of bytes[0, length), then `tail`, which nobody will ever change. */
  addBulk(bytes: Uint8Array, length: number, tail: Uint8Array): boolean {
    const lane = this.#bulk!;
    if (this.#closing || lane.waitingBytes + length + tail.length > this.#bounds.queueBytesMax) {
      this.#counters.dropped++;
      return false;
    }
    lane.add(bytes, length, tail);
    return true;
  }

  /**
   * Queues one frame: a copy of bytes[0, length), then `tail`.
   * @param unchanging says that nobody will ever change `tail`: it may be sent from where it lies.
   * @returns false, and queues nothing, when the link is closing or its queue is full.
   */
  add(bytes: Uint8Array, length: number, tail: Uint8Array = NO_BYTES, unchanging = false): boolean {
    const added = length + tail.length;
    if (this.#closing || this.queuedBytes + added > this.#bounds.queueBytesMax) {
      this.#counters.dropped++;
      return false;
    }
    this.#outgoing.add(bytes, length);
    if (unchanging) this.#outgoing.addUnchanging(tail);
    else this.#outgoing.add(tail, tail.length);
    this.#counters.framesSent++;
    this.#counters.bytesSent += added;
    if (this.queuedBytes > this.#bounds.needDrainBytes) this.needDrain = true;
    return true;
  }

  /** Hands what waits to the socket, now or as soon as the socket has taken what it was given before. */
  flush(): void {
    if (this.#closing || this.#outgoing.busy || this.#outgoing.lengthBytes === 0) return;
    this.#counters.writes++;
    this.#quiet = false;
    this.#outgoing.writeTo(this.#socket, this.#onWritten);
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  /** Delivery goes on after the caller's turn: first what had arrived, then what the socket reads. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#runtime.nextTick(this.#deliverHeld);
    this.#socket.resume();
  }

  /**
   * One beat of the owner's keep-alive clock: says something if nothing was said since the last beat.
   * @returns beats since something was last heard. Counting beats, not time, forgives a stall of this
   * process.
   */
  beat(): number {
    if (this.#greeted && this.#quiet && this.add(KEEP_ALIVE, KEEP_ALIVE.length)) this.flush();
    this.#quiet = true;
    return ++this.#silentTicks;
  }

  /** Sends what waits, then closes. */
  end(): void {
    if (this.#closing) return;
    this.flush();
    this.#closing = true;
    this.#socket.destroySoon();
  }

  /** Closes at once. `closed` is told `error`, unless an earlier one is the reason. */
  destroy(error?: IndelibleError): void {
    this.#error ??= error;
    this.#closing = true;
    this.#socket.destroy();
  }

  readonly #onWritten = (): void => {
    if (this.#socket.writableLength > 0) return;
    this.#outgoing.written();
    if (this.#outgoing.lengthBytes > 0) {
      this.flush();
    } else if (this.needDrain && !this.#closing) {
      this.needDrain = false;
      this.#talk.drained();
    }
  };

  readonly #deliverHeld = (): void => {
    if (!this.#paused && !this.#closing) this.#deliver();
  };

  #onData(chunk: Buffer): void {
    this.#silentTicks = 0;
    this.#counters.bytesReceived += chunk.length;
    if (!this.#greeted) this.#talk.first?.(chunk);
    this.#decoder.push(chunk);
    this.#deliver();
  }

  #deliver(): void {
    while (!this.#paused && !this.#closing && this.#next());
    if (this.#closing) return;
    if (this.#bulk !== undefined) this.#moveBulk(this.#bulk);
    if (!this.#unsettled) return;
    this.#unsettled = false;
    this.#talk.settled();
  }

  /** What was taken here is told, and what the other end has taken lets bulk go. */
  #moveBulk(lane: BulkLane): void {
    if (lane.tell(TAKEN)) {
      this.add(TAKEN.bytes, TAKEN.length);
      TAKEN.clear();
    }
    if (lane.pump()) this.#talk.roomAgain?.();
    // The owner's own flush takes it along, if one comes.
    if (this.#outgoing.lengthBytes === 0 || this.#flushAsked) return;
    this.#flushAsked = true;
    this.#runtime.immediate(this.#flushLater);
  }

  readonly #flushLater = (): void => {
    this.#flushAsked = false;
    this.flush();
  };

  /** Moves to the next frame that is the talk's. */
  #nextFrame(): FrameDecoder | undefined {
    const lane = this.#bulk;
    for (;;) {
      if (lane?.decoder.next()) return lane.decoder;
      if (!this.#decoder.next()) return undefined;
      this.#counters.framesReceived++;
      if (lane === undefined || !lane.receive(this.#decoder)) return this.#decoder;
    }
  }

  /** Delivers one frame. False: there is none, or it was the last. */
  #next(): boolean {
    const greeted = this.#greeted;
    let message: unknown;
    try {
      const frame = this.#nextFrame();
      if (frame === undefined) return false;
      if (greeted && frame.kind === FrameKind.keepAlive) return true;
      message = this.#talk.decode(frame);
    } catch (error) {
      if (!(error instanceof IndelibleError)) throw error;
      this.destroy(error);
      return false;
    }
    this.#unsettled = greeted;
    this.#talk.receive(message);
    return true;
  }
}

function keepAliveFrame(): Buffer {
  const writer = new Writer();
  sealFrame(writer, beginFrame(writer, FrameKind.keepAlive, PROTOCOL_VERSION_MIN));
  return writer.bytes.subarray(0, writer.length);
}
