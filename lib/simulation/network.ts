/**
 * The network between simulated replicas. Every message travels as the frame it would be on a socket, and may
 * be lost, doubled, delayed and overtaken; links can be cut, each direction for itself.
 *
 * 1. What arrives is what was sent: loss, duplication, delay and reordering are all that happens to a
 *    message.
 * 2. A message that has left outlives its sender, and is lost at a receiver that is down.
 * 3. Where links have a rate, bulk takes its time, one message after the other, and control overtakes it.
 */
import type { Message } from '../paxos/messages.js';
import type { ReplicaId } from '../types.js';
import { decodeMessage, encodeMessage } from '../wire/codec.js';
import { FrameDecoder } from '../wire/frame-decoder.js';
import { FrameKind, isBulk } from '../wire/protocol.js';
import { Writer } from '../wire/writer.js';
import type { Clock } from './clock.js';
import type { Counters } from './counters.js';
import type { Random } from './random.js';
import type { Trace } from './trace.js';

/** How bad the network is at the moment. */
export interface Weather {
  /** Probability that a message is lost, and that it arrives twice. */
  loss: number;
  duplication: number;
  /** Units of time a message takes: uniform in delayMin … delayMax. */
  delayMin: number;
  delayMax: number;
  /** Probability that a message takes `stragglerDelayMax` at most instead. */
  stragglers: number;
  stragglerDelayMax: number;
}

export const FAIR_WEATHER: Weather = {
  loss: 0,
  duplication: 0,
  delayMin: 1,
  delayMax: 20,
  stragglers: 0,
  stragglerDelayMax: 0,
};

export type Deliver = (from: ReplicaId, to: ReplicaId, message: Message) => void;

export class Network {
  weather: Weather = { ...FAIR_WEATHER };
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly trace: Trace;
  private readonly counters: Counters;
  private readonly deliver: Deliver;
  private readonly cut = new Set<number>();
  private readonly writer = new Writer();
  private readonly decoder = new FrameDecoder();
  /** Bytes of bulk that a link carries in a unit of time; endless if 0. */
  bulkRate = 0;
  /** Told once for each time that `hasRoom` said false. */
  onRoom: (from: ReplicaId, to: ReplicaId) => void = () => {};
  /** When each link is done with the bulk that was sent on it. */
  private readonly bulkDoneAt = new Map<number, number>();
  private readonly awaited = new Set<number>();
  private readonly lastArrival = new Map<number, number>();
  private encoded: { readonly message: Message; readonly frame: Buffer } | undefined;

  constructor(clock: Clock, random: Random, trace: Trace, counters: Counters, deliver: Deliver) {
    this.clock = clock;
    this.random = random;
    this.trace = trace;
    this.counters = counters;
    this.deliver = deliver;
  }

  /** True while some link is cut. */
  get isCut(): boolean {
    return this.cut.size > 0;
  }

  /** Nothing sent from `from` reaches `to` any more. */
  cutLink(from: ReplicaId, to: ReplicaId): void {
    this.cut.add(linkOf(from, to));
  }

  /** Every link works again. */
  heal(): void {
    this.cut.clear();
  }

  send(from: ReplicaId, to: ReplicaId, message: Message): void {
    const frame = this.frameOf(message);
    const link = linkOf(from, to);
    const { loss, duplication } = this.weather;
    if (this.cut.has(link) || this.random.chance(loss)) {
      this.counters.messagesLost++;
      return;
    }
    const held = this.carry(link, message, frame.length);
    this.travel(link, from, to, frame, held);
    if (this.random.chance(duplication)) {
      this.counters.messagesDoubled++;
      this.travel(link, from, to, frame, held);
    }
  }

  /** True while the link is done with the bulk that was sent on it. */
  hasRoom(from: ReplicaId, to: ReplicaId): boolean {
    const link = linkOf(from, to);
    const wait = (this.bulkDoneAt.get(link) ?? 0) - this.clock.now;
    if (wait <= 0) return true;
    if (this.awaited.has(link)) return false;
    this.awaited.add(link);
    this.counters.linksFull++;
    this.clock.after(wait, () => {
      this.awaited.delete(link);
      this.onRoom(from, to);
    });
    return false;
  }

  /** True while the link is busy with bulk that was sent on it. */
  isArriving(from: ReplicaId, to: ReplicaId): boolean {
    const link = linkOf(from, to);
    return !this.cut.has(link) && (this.bulkDoneAt.get(link) ?? 0) > this.clock.now;
  }

  /** How long the link needs before it is done with a message. */
  private carry(link: number, message: Message, bytes: number): number {
    if (this.bulkRate === 0 || !isBulk(FrameKind[message.type])) return 0;
    const { now } = this.clock;
    const doneAt = Math.max(now, this.bulkDoneAt.get(link) ?? 0) + Math.ceil(bytes / this.bulkRate);
    this.bulkDoneAt.set(link, doneAt);
    return doneAt - now;
  }

  private travel(link: number, from: ReplicaId, to: ReplicaId, frame: Buffer, held: number): void {
    const { delayMin, delayMax, stragglers, stragglerDelayMax } = this.weather;
    const late = this.random.chance(stragglers);
    const delay = held + this.random.between(delayMin, late ? stragglerDelayMax : delayMax);
    const arrival = this.clock.now + delay;
    if (arrival < (this.lastArrival.get(link) ?? 0)) this.counters.messagesReordered++;
    else this.lastArrival.set(link, arrival);
    this.clock.after(delay, () => {
      // A link that is cut loses what is under way on it, as a broken connection does.
      if (this.cut.has(link)) {
        this.counters.messagesLost++;
        return;
      }
      this.trace.fold(link);
      this.trace.foldBytes(frame);
      this.decoder.push(frame);
      this.decoder.next();
      const { kind, bytes, start, end } = this.decoder;
      this.counters.messagesDelivered++;
      this.deliver(from, to, decodeMessage(kind, bytes, start, end));
    });
  }

  private frameOf(message: Message): Buffer {
    if (this.encoded?.message === message) return this.encoded.frame;
    this.writer.clear();
    const tail = encodeMessage(this.writer, message);
    const frame = Buffer.allocUnsafeSlow(this.writer.length + tail.length);
    frame.set(this.writer.bytes.subarray(0, this.writer.length));
    frame.set(tail, this.writer.length);
    this.encoded = { message, frame };
    return frame;
  }
}

function linkOf(from: ReplicaId, to: ReplicaId): number {
  return from * 256 + to;
}
