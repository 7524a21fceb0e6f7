/**
 * The network between simulated replicas. Every message travels as the frame it would be on a socket, and may
 * be lost, doubled, delayed and overtaken; links can be cut, each direction for itself.
 *
 * 1. What arrives is what was sent: loss, duplication, delay and reordering are all that happens to a
 *    message.
 * 2. A message that has left outlives its sender, and is lost at a receiver that is down.
 */
import type { Message } from '../paxos/messages.js';
import type { ReplicaId } from '../types.js';
import { decodeMessage, encodeMessage } from '../wire/codec.js';
import { FrameDecoder } from '../wire/frame-decoder.js';
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
  private readonly lastArrival = new Map<number, number>();
  private encoded: { readonly message: Message; readonly frame: Buffer } | undefined;

  constructor(clock: Clock, random: Random, trace: Trace, counters: Counters, deliver: Deliver) {
    this.clock = clock;
    this.random = random;
    this.trace = trace;
    this.counters = counters;
    this.deliver = deliver;
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
    this.travel(link, from, to, frame);
    if (this.random.chance(duplication)) {
      this.counters.messagesDoubled++;
      this.travel(link, from, to, frame);
    }
  }

  private travel(link: number, from: ReplicaId, to: ReplicaId, frame: Buffer): void {
    const { delayMin, delayMax, stragglers, stragglerDelayMax } = this.weather;
    const late = this.random.chance(stragglers);
    const delay = this.random.between(delayMin, late ? stragglerDelayMax : delayMax);
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
