/**
 * The bulk of one link to a peer: batches, votes and checkpoints, which must not hold up what is short and
 * urgent. Both ends of a link have one.
 *
 * 1. Bulk leaves in the order given, as far as the credit reaches (credit.ts); what is beyond it waits here,
 *    where everything else overtakes it.
 * 2. A frame that is long for the credit leaves in slices, so that a link of any rate carries frames of any
 *    length.
 * 3. What has been taken of bulk is told to who sent it, at the latest when it is TAKEN_STEP_BYTES more than
 *    was told before.
 */
import { FRAME_BYTES_MAX } from '../limits.js';
import { beginFrame, FRAME_HEADER_BYTES, sealFrame } from '../wire/frame.js';
import { FrameDecoder } from '../wire/frame-decoder.js';
import { FrameKind, isBulk, PROTOCOL_VERSION_MIN } from '../wire/protocol.js';
import { Reader } from '../wire/reader.js';
import { Writer } from '../wire/writer.js';
import { Credit, WINDOW_BYTES_MIN } from './credit.js';
import type { Outgoing } from './outgoing.js';

/** Less than the least window, or a sender would wait for what nobody tells it. */
const TAKEN_STEP_BYTES: number = WINDOW_BYTES_MIN / 4;

/** A frame longer than this share of the window leaves in slices, each half as long: what is taken tells. */
const FRAME_SHARE: number = 1 / 4;

interface Waiting {
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

/** Where bytes go when they may leave: they are counted there. */
export interface BulkExit {
  readonly outgoing: Outgoing;
  /** A frame of `bytes` bytes has gone to `outgoing`. */
  left(bytes: number): void;
}

export class BulkLane {
  /** Frames that arrive in slices. */
  readonly decoder: FrameDecoder = new FrameDecoder(FRAME_BYTES_MAX);
  private readonly exit: BulkExit;
  private readonly now: () => number;
  private readonly credit: Credit;
  private readonly writer = new Writer(FRAME_HEADER_BYTES);
  /** Frames that wait; the first `gone` bytes of the first one have left in slices. */
  private readonly waiting: Waiting[] = [];
  private gone = 0;
  private waitingLength = 0;
  private received = 0;
  private told = 0;
  private slices = 0;
  private isWanted = false;

  constructor(exit: BulkExit, now: () => number) {
    this.exit = exit;
    this.now = now;
    this.credit = new Credit(now());
  }

  /** Bytes that wait for credit. */
  get waitingBytes(): number {
    return this.waitingLength;
  }
  /** Bytes that the peer has not taken, as far as it has told. */
  get untakenBytes(): number {
    return this.waitingLength + this.credit.underWay;
  }

  /** True while nothing waits; who is told false is told by `pump` when it is true again. */
  hasRoom(): boolean {
    if (this.waitingLength === 0) return true;
    this.isWanted = true;
    return false;
  }

  /** True if slices of a frame have arrived since this was asked last. */
  isArriving(): boolean {
    const arriving = this.slices > 0;
    this.slices = 0;
    return arriving;
  }

  /** Takes one frame: bytes[0, length), which are copied, then `tail`, which nobody will ever change. */
  add(bytes: Uint8Array, length: number, tail: Uint8Array): void {
    const added = length + tail.length;
    if (this.waitingLength === 0 && this.leavesWhole(added)) return this.leave(bytes, length, tail);
    this.waiting.push({ head: Uint8Array.prototype.slice.call(bytes, 0, length), tail });
    this.waitingLength += added;
    this.pump();
  }

  /**
   * Lets go of what the credit reaches.
   * @returns true if somebody who was told that there is no room should hear that there is.
   */
  pump(): boolean {
    while (this.waitingLength > 0 && this.next());
    if (this.waitingLength > 0) this.credit.short();
    const roomAgain = this.isWanted && this.waitingLength === 0;
    if (roomAgain) this.isWanted = false;
    return roomAgain;
  }

  /**
   * Looks at a frame that has come in. @returns true if it is the lane's own; false: it is the talk's.
   * @throws ERR_INDELIBLE_FRAME
   */
  receive(frame: FrameDecoder): boolean {
    const { kind, bytes, start, end } = frame;
    if (kind === FrameKind.taken) {
      const reader = new Reader(bytes, start, end);
      const total = reader.u64();
      reader.finish();
      this.credit.taken(total, this.now());
      return true;
    }
    if (isBulk(kind)) this.received += end - start + FRAME_HEADER_BYTES;
    if (kind !== FrameKind.slice) return false;
    this.slices++;
    this.decoder.push(bytes.subarray(start, end));
    return true;
  }

  /** Writes, when it is due, how much has been taken here. @returns false when it is not. */
  tell(writer: Writer): boolean {
    if (this.received - this.told < TAKEN_STEP_BYTES) return false;
    this.told = this.received;
    const start = beginFrame(writer, FrameKind.taken, PROTOCOL_VERSION_MIN);
    writer.u64(this.received);
    sealFrame(writer, start);
    return true;
  }

  /** Lets go of the next frame, or a slice of it. False: there is no credit for it. */
  private next(): boolean {
    const { head, tail } = this.waiting[0]!;
    const total = head.length + tail.length;
    if (this.gone === 0 && this.leavesWhole(total)) {
      this.waiting.shift();
      this.waitingLength -= total;
      this.leave(head, head.length, tail);
      return true;
    }
    const isInHead = this.gone < head.length;
    const part = isInHead ? head : tail;
    const from = isInHead ? this.gone : this.gone - head.length;
    const left = part.length - from;
    const length = Math.min(left, Math.floor((this.credit.window * FRAME_SHARE) / 2));
    if (length + FRAME_HEADER_BYTES > this.credit.room) return false;
    this.slice(part.subarray(from, from + length));
    this.waitingLength -= length;
    this.gone += length;
    if (this.gone === total) {
      this.waiting.shift();
      this.gone = 0;
    }
    return true;
  }

  private leavesWhole(bytes: number): boolean {
    return bytes <= this.credit.room && bytes <= this.credit.window * FRAME_SHARE;
  }

  private slice(bytes: Uint8Array): void {
    this.writer.clear();
    sealFrame(this.writer, beginFrame(this.writer, FrameKind.slice, PROTOCOL_VERSION_MIN), bytes);
    this.leave(this.writer.bytes, this.writer.length, bytes);
  }

  private leave(bytes: Uint8Array, length: number, tail: Uint8Array): void {
    const { outgoing } = this.exit;
    outgoing.add(bytes, length);
    outgoing.addUnchanging(tail);
    this.credit.sent(length + tail.length, this.now());
    this.exit.left(length + tail.length);
  }
}
