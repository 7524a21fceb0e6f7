/**
 * One simulated connection's end: the part of `net.Socket` that links use, over wires that may be slow, lossy
 * or cut.
 *
 * 1. Bytes arrive in the order written, in pieces of any size, or the connection ends.
 * 2. As in a kernel: what was written is taken while there is room for it, travels as far as the window
 *    allows, and is sent again, less and less often, while the wire is cut. A wire that is whole again is
 *    noticed at the next attempt, not before.
 * 3. The end of a process closes its connections, that of a machine does not: the other side hears of it when
 *    what it sends is refused.
 */

import type { Socket } from '../../transport/sockets.js';
import type { Clock } from '../clock.js';
import type { EventLoop } from './event-loop.js';
import { QUEUE_MS, type Wires } from './wires.js';

/** What the kernel takes beyond what it could send, in bytes. */
const KERNEL_BYTES = 128 << 10;
/** Bytes that may be under way or unread. */
const WINDOW_BYTES = 256 << 10;
const SEGMENT_BYTES = 16 << 10;
const NARROW_SEGMENT_BYTES = 2 << 10;
/** Time until what is not acknowledged is sent again: it doubles, up to the most. */
const RESEND_MS_MIN = 200;
const RESEND_MS_MAX = 30_000;

interface Written {
  readonly bytes: Buffer;
  taken: number;
  readonly done: (() => void) | undefined;
}

/** What the streams of a network share. */
export interface StreamSurroundings {
  readonly clock: Clock;
  readonly wires: Wires;
  /** Bytes were handed to a process. */
  delivered(stream: Stream, bytes: number): void;
  /** A segment had no room in the queue of a wire. */
  dropped(): void;
}

export class Stream implements Socket {
  readonly machine: number;
  readonly loop: EventLoop;
  readonly remoteAddress: string;
  readonly remotePort = 0;
  other: Stream | undefined;
  /** Called once, when nothing is left of this end. */
  onGone: () => void = () => {};
  private readonly around: StreamSurroundings;
  private onData: (chunk: Buffer) => void = () => {};
  private onError: (cause: Error) => void = () => {};
  private onClose: () => void = () => {};
  private written: Written[] = [];
  private writtenBytes = 0;
  /** Taken by the kernel and not sent, or sent and to be sent again. */
  private unsent: Buffer[] = [];
  private unsentBytes = 0;
  private underWay: Buffer[] = [];
  private underWayBytes = 0;
  private epoch = 0;
  private lastArrival = 0;
  private resendMs = RESEND_MS_MIN;
  private isResending = false;
  private isWaiting = false;
  private unread: Buffer[] = [];
  private unreadBytes = 0;
  private isPaused = false;
  private isEnding = false;
  private isClosed = false;
  /** The other end has closed behind what is unread. */
  private isEnded = false;
  /** Nothing is known here of this connection any more: the machine lost its power. */
  private isForgotten = false;

  constructor(machine: number, loop: EventLoop, remote: string, around: StreamSurroundings) {
    this.machine = machine;
    this.loop = loop;
    this.remoteAddress = remote;
    this.around = around;
  }

  get isGone(): boolean {
    return this.isClosed;
  }

  /** Whether it waits to send again what was lost. */
  get isStuck(): boolean {
    return this.isResending;
  }

  get writableLength(): number {
    return this.writtenBytes;
  }

  on(event: 'data' | 'error' | 'close', hear: (value: never) => void): this {
    if (event === 'data') this.onData = hear as (chunk: Buffer) => void;
    else if (event === 'error') this.onError = hear as (cause: Error) => void;
    else this.onClose = hear as () => void;
    return this;
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}
  cork(): void {}
  uncork(): void {}

  write(bytes: Uint8Array, done?: () => void): boolean {
    if (this.isClosed) return false;
    this.written.push({ bytes: Buffer.from(bytes), taken: 0, done });
    this.writtenBytes += bytes.length;
    this.take();
    return this.writtenBytes === 0;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.hearSoon();
  }

  destroySoon(): void {
    this.isEnding = true;
    if (this.writtenBytes === 0) this.destroy();
  }

  /** What the kernel has taken still leaves. */
  destroy(): void {
    if (this.isClosed) return;
    this.close();
    this.finish();
  }

  /** The way to the other end is open. */
  opened(other: Stream): void {
    this.other = other;
    if (this.isClosed) this.finish();
    else this.take();
  }

  /** The system refuses, or the other end is gone: `code` says which. */
  reset(code: string): void {
    if (this.isClosed || this.isForgotten) return;
    this.loop.arrive(() => {
      if (this.isClosed) return;
      this.onError(new Error(code));
      this.close();
    });
    this.forgetBytes();
  }

  /** The process is gone; `forgotten`: with its machine, so that nobody says so. */
  abandoned(forgotten: boolean): void {
    if (forgotten) {
      this.isForgotten = true;
      this.forgetBytes();
    } else if (!this.isClosed) {
      this.finish();
    }
    this.isClosed = true;
    this.onGone();
  }

  private close(): void {
    this.isClosed = true;
    this.written = [];
    this.writtenBytes = 0;
    this.unread = [];
    this.unreadBytes = 0;
    this.onGone();
    this.loop.arrive(() => this.onClose());
  }

  private forgetBytes(): void {
    this.epoch++;
    this.written = [];
    this.unsent = [];
    this.underWay = [];
    this.writtenBytes = 0;
    this.unsentBytes = 0;
    this.underWayBytes = 0;
  }

  /** The kernel takes what it has room for. */
  private take(): void {
    if (this.other === undefined) return;
    for (let first = this.written[0]; first !== undefined; first = this.written[0]) {
      const room = KERNEL_BYTES + WINDOW_BYTES - this.unsentBytes - this.underWayBytes;
      const end = Math.min(first.bytes.length, first.taken + room);
      if (end > first.taken) {
        this.unsent.push(first.bytes.subarray(first.taken, end));
        this.unsentBytes += end - first.taken;
        first.taken = end;
      }
      if (first.taken < first.bytes.length) break;
      this.written.shift();
      this.writtenBytes -= first.bytes.length;
      const { done } = first;
      if (done !== undefined) this.loop.arrive(() => (this.isClosed ? undefined : done()));
    }
    this.send();
    if (this.isEnding && this.writtenBytes === 0 && !this.isClosed) this.destroy();
  }

  private send(): void {
    const { other, around } = this;
    if (other === undefined || this.isResending) return;
    while (this.unsent.length > 0 && this.underWayBytes + other.unreadBytes < WINDOW_BYTES) {
      const isWhole = around.wires.passes(this.machine, other.machine);
      if (isWhole && !around.wires.hasRoom(this.machine, other.machine)) return this.sendSoon();
      const first = this.unsent[0]!;
      const isNarrow = around.wires.isNarrow(this.machine, other.machine);
      const segment = first.subarray(0, isNarrow ? NARROW_SEGMENT_BYTES : SEGMENT_BYTES);
      if (segment.length === first.length) this.unsent.shift();
      else this.unsent[0] = first.subarray(segment.length);
      this.unsentBytes -= segment.length;
      this.underWay.push(segment);
      this.underWayBytes += segment.length;
      if (!isWhole) return this.sendAgainLater();
      const arrival = around.wires.arrivalOf(this.machine, other.machine, segment.length);
      this.lastArrival = Math.max(this.lastArrival, arrival);
      const { epoch } = this;
      around.clock.after(this.lastArrival - around.clock.now, () => {
        if (epoch === this.epoch) this.arrives(segment);
      });
    }
  }

  /** The wire's queue is full: what does not fit is dropped, and sent again when it has drained a little. */
  private sendSoon(): void {
    if (this.isWaiting) return;
    this.isWaiting = true;
    this.around.dropped();
    this.around.clock.after(QUEUE_MS / 2, () => {
      this.isWaiting = false;
      this.send();
    });
  }

  private arrives(segment: Buffer): void {
    const { other, around } = this;
    if (!around.wires.passes(this.machine, other!.machine)) return this.sendAgainLater();
    if (other!.isForgotten || other!.isClosed) return this.refused();
    this.underWay.shift();
    this.underWayBytes -= segment.length;
    other!.hears(segment);
    // What is not acknowledged stops the sender, though it has arrived.
    if (!around.wires.passes(other!.machine, this.machine)) return this.sendAgainLater();
    this.resendMs = RESEND_MS_MIN;
    this.take();
  }

  /** The other end says that it knows nothing of this connection. */
  private refused(): void {
    const { other, around } = this;
    if (around.wires.passes(other!.machine, this.machine)) this.reset('ECONNRESET');
    else this.sendAgainLater();
  }

  /** All that is under way is lost, and tried again in a while. */
  private sendAgainLater(): void {
    if (this.isResending) return;
    this.isResending = true;
    this.epoch++;
    this.unsent = [...this.underWay, ...this.unsent];
    this.unsentBytes += this.underWayBytes;
    this.underWay = [];
    this.underWayBytes = 0;
    const { epoch } = this;
    this.around.clock.after(this.resendMs, () => {
      if (epoch !== this.epoch) return;
      this.isResending = false;
      this.send();
      if (this.isClosed) this.finish();
    });
    this.resendMs = Math.min(RESEND_MS_MAX, this.resendMs * 2);
  }

  private hears(segment: Buffer): void {
    this.unread.push(segment);
    this.unreadBytes += segment.length;
    this.hearSoon();
  }

  private hearSoon(): void {
    if (this.unread.length > 0 || this.isEnded) this.loop.arrive(() => this.hear());
  }

  /** The process reads all that has arrived by now. */
  private hear(): void {
    if (this.isPaused || this.isClosed) return;
    if (this.unread.length > 0) {
      const chunk = this.unread.length === 1 ? this.unread[0]! : Buffer.concat(this.unread);
      this.unread = [];
      this.unreadBytes = 0;
      this.around.delivered(this, chunk.length);
      this.other?.send();
      this.onData(chunk);
    }
    if (this.isEnded && !this.isClosed && this.unread.length === 0) this.close();
  }

  /** Tells the other end that this one is closed, behind what is still to be sent. */
  private finish(): void {
    const { other, around } = this;
    if (other === undefined || this.isForgotten) return;
    if (this.unsentBytes + this.underWayBytes > 0) {
      const { epoch } = this;
      around.clock.after(1 + this.lastArrival - Math.min(this.lastArrival, around.clock.now), () => {
        if (epoch === this.epoch && !this.isResending) this.finish();
      });
      return;
    }
    if (!around.wires.passes(this.machine, other.machine)) return this.sendAgainLater();
    const arrival = Math.max(this.lastArrival, around.wires.arrivalOf(this.machine, other.machine, 40));
    around.clock.after(arrival - around.clock.now, () => {
      if (!around.wires.passes(this.machine, other.machine)) return this.sendAgainLater();
      other.isEnded = true;
      other.hearSoon();
    });
  }
}
