/**
 * A link between two bulk lanes, in virtual time: bytes move at a given rate, after a given delay, in the
 * order in which they were written, as through one router whose queue takes whatever comes.
 */
import type { Socket } from 'node:net';
import { BulkLane } from '../../lib/transport/bulk-lane.js';
import { Outgoing } from '../../lib/transport/outgoing.js';
import { FrameDecoder } from '../../lib/wire/frame-decoder.js';
import { Writer } from '../../lib/wire/writer.js';

export interface Arrived {
  readonly kind: number;
  readonly body: Buffer;
  readonly atMs: number;
}

/** One end: a lane, what it has written, and the frames that its owner got. */
export class LinkEnd {
  readonly lane: BulkLane;
  readonly outgoing: Outgoing = new Outgoing();
  readonly arrived: Arrived[] = [];
  /** How often somebody was told that there is room again. */
  rooms = 0;
  readonly #decoder = new FrameDecoder();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.lane = new BulkLane({ outgoing: this.outgoing, left: () => {} }, now);
  }

  /** Queues control. */
  say(frame: Uint8Array): void {
    this.outgoing.add(frame, frame.length);
  }

  /** All that was written since the last time. */
  take(): Buffer {
    const parts: Buffer[] = [];
    const socket = {
      writableLength: 0,
      write: (bytes: Uint8Array) => parts.push(Buffer.from(bytes)) > 0,
      cork: () => {},
      uncork: () => {},
    };
    if (this.outgoing.lengthBytes > 0) this.outgoing.writeTo(socket as unknown as Socket, () => {});
    return Buffer.concat(parts);
  }

  receive(bytes: Buffer): void {
    this.#decoder.push(bytes);
    for (;;) {
      const inner = this.lane.decoder.next();
      if (!inner && !this.#decoder.next()) break;
      const frame = inner ? this.lane.decoder : this.#decoder;
      if (!inner && this.lane.receive(frame)) continue;
      this.arrived.push({
        kind: frame.kind,
        body: Buffer.from(frame.bytes.subarray(frame.start, frame.end)),
        atMs: this.#now(),
      });
    }
    const told = new Writer();
    if (this.lane.tell(told)) this.say(told.bytes.subarray(0, told.length));
    if (this.lane.pump()) this.rooms++;
  }
}

export class BulkLink {
  nowMs = 0;
  readonly near: LinkEnd = new LinkEnd(() => this.nowMs);
  readonly far: LinkEnd = new LinkEnd(() => this.nowMs);
  readonly #bytesPerMs: number;
  readonly #delayMs: number;
  /** What is on the way to each end: `freeMs` is when the router is done with all of it. */
  readonly #there = { queue: [] as { atMs: number; bytes: Buffer }[], freeMs: 0 };
  readonly #back = { queue: [] as { atMs: number; bytes: Buffer }[], freeMs: 0 };

  constructor(bytesPerMs: number, delayMs: number) {
    this.#bytesPerMs = bytesPerMs;
    this.#delayMs = delayMs;
  }

  /** One millisecond: what has come through is delivered, what was queued sets out. */
  step(): void {
    this.nowMs++;
    for (const [from, way, to] of [
      [this.near, this.#there, this.far],
      [this.far, this.#back, this.near],
    ] as const) {
      const bytes = from.take();
      // In pieces, as a network would: they come through one after the other.
      for (let at = 0; at < bytes.length; at += 4096) {
        const piece = bytes.subarray(at, at + 4096);
        way.freeMs = Math.max(way.freeMs, this.nowMs) + piece.length / this.#bytesPerMs;
        way.queue.push({ atMs: way.freeMs + this.#delayMs, bytes: piece });
      }
      while (way.queue.length > 0 && way.queue[0]!.atMs <= this.nowMs) to.receive(way.queue.shift()!.bytes);
    }
  }
}
