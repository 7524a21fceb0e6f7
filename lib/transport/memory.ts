/**
 * A network inside one process, for tests: nothing moves until it is told to, so a run is as deterministic as
 * its caller. Messages go through their bytes, as on a socket.
 *
 * 1. Messages between two replicas stay in order, and wait until `deliver`.
 * 2. A pair that is cut loses what was under way, in both directions, and everything sent until it is joined.
 */
import { argumentError } from '../errors.js';
import type { Message } from '../paxos/messages.js';
import type { ReplicaId } from '../types.js';
import { decodeMessage, encodeMessage } from '../wire/codec.js';
import { FrameDecoder } from '../wire/frame-decoder.js';
import { Writer } from '../wire/writer.js';
import type { LinkCounters } from './link.js';
import { newLinkCounters } from './link.js';
import type { Transport, TransportCounters, TransportEvents } from './transport.js';

/** Most bytes that wait from one replica to another; beyond, messages are dropped. */
const QUEUE_BYTES_MAX = 32 << 20;

/** Above this there is no room for more bulk. */
const ROOM_BYTES = 1 << 20;

export class MemoryNetwork {
  readonly #transports = new Map<ReplicaId, MemoryTransport>();
  readonly #cut = new Set<string>();

  /** A transport for replica `id`; a later one for the same id takes the place of the earlier. */
  transport(id: ReplicaId): MemoryTransport {
    return new MemoryTransport(id, this);
  }

  /** Delivers the oldest message that `from` has flushed to `to`, and settles. False: there is none. */
  deliver(from: ReplicaId, to: ReplicaId): boolean {
    const frame = this.#transports.get(from)?.take(to);
    if (frame === undefined) return false;
    this.#transports.get(to)?.receive(from, frame);
    this.#transports.get(from)?.tellRoom(to);
    return true;
  }

  /** Delivers round after round, pairs by rising ids, until nothing is under way. @returns how many. */
  deliverAll(): number {
    const ids = [...this.#transports.keys()].sort((a, b) => a - b);
    let delivered = 0;
    for (let before = -1; before !== delivered; ) {
      before = delivered;
      for (const from of ids) for (const to of ids) if (this.deliver(from, to)) delivered++;
    }
    return delivered;
  }

  /** Cuts a pair: both are told that the other is down. */
  cut(a: ReplicaId, b: ReplicaId): void {
    if (!this.connected(a, b)) return;
    this.#disconnect(a, b);
    this.#cut.add(pair(a, b));
  }

  /** Joins a pair that was cut: both are told that the other is up, if they are there. */
  join(a: ReplicaId, b: ReplicaId): void {
    if (!this.#cut.delete(pair(a, b)) || !this.connected(a, b)) return;
    this.#connect(a, b);
  }

  connected(a: ReplicaId, b: ReplicaId): boolean {
    return a !== b && this.#transports.has(a) && this.#transports.has(b) && !this.#cut.has(pair(a, b));
  }

  /** A transport has started. */
  enter(transport: MemoryTransport): void {
    if (this.#transports.has(transport.id)) throw argumentError(`replica ${transport.id} is already there`);
    this.#transports.set(transport.id, transport);
    for (const other of this.#transports.values()) {
      if (!this.connected(transport.id, other.id)) continue;
      this.#connect(transport.id, other.id);
    }
  }

  /** A transport is closed. */
  leave(transport: MemoryTransport): void {
    if (this.#transports.get(transport.id) !== transport) return;
    for (const other of [...this.#transports.keys()]) {
      if (this.connected(transport.id, other)) this.#disconnect(transport.id, other);
    }
    this.#transports.delete(transport.id);
  }

  #connect(a: ReplicaId, b: ReplicaId): void {
    for (const [at, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const { events } = this.#transports.get(at)!;
      events?.peerUp(peer);
      events?.roomAgain(peer);
    }
  }

  #disconnect(a: ReplicaId, b: ReplicaId): void {
    const [one, other] = [this.#transports.get(a)!, this.#transports.get(b)!];
    one.forget(b);
    other.forget(a);
    one.events?.peerDown(b, true);
    other.events?.peerDown(a, true);
  }
}

/** What one replica has for another. */
interface Queue {
  readonly queued: Buffer[];
  readonly flushed: Buffer[];
  bytes: number;
  /** Somebody was told that there is no room. */
  isWanted: boolean;
}

export class MemoryTransport implements Transport {
  readonly id: ReplicaId;
  events: TransportEvents | undefined;
  readonly #network: MemoryNetwork;
  readonly #queues = new Map<ReplicaId, Queue>();
  readonly #counters: LinkCounters = newLinkCounters();

  /** Use {@link MemoryNetwork.transport}. */
  constructor(id: ReplicaId, network: MemoryNetwork) {
    this.id = id;
    this.#network = network;
  }

  get counters(): TransportCounters {
    return this.#counters;
  }

  start(events: TransportEvents): Promise<void> {
    this.events = events;
    this.#network.enter(this);
    return Promise.resolve();
  }

  send(to: ReplicaId, message: Message): void {
    const writer = new Writer(256);
    const tail = encodeMessage(writer, message);
    writer.append(tail);
    const queue = this.#queues.get(to) ?? { queued: [], flushed: [], bytes: 0, isWanted: false };
    if (!this.#network.connected(this.id, to) || queue.bytes + writer.length > QUEUE_BYTES_MAX) {
      this.#counters.dropped++;
      return;
    }
    this.#queues.set(to, queue);
    queue.queued.push(writer.bytes.subarray(0, writer.length));
    queue.bytes += writer.length;
    this.#counters.framesSent++;
    this.#counters.bytesSent += writer.length;
  }

  flush(): void {
    for (const queue of this.#queues.values()) {
      if (queue.queued.length === 0) continue;
      this.#counters.writes++;
      queue.flushed.push(...queue.queued.splice(0));
    }
  }

  hasRoom(to: ReplicaId): boolean {
    const queue = this.#queues.get(to);
    if (queue === undefined || queue.bytes < ROOM_BYTES) return this.#network.connected(this.id, to);
    queue.isWanted = true;
    return false;
  }

  untakenBytes(to: ReplicaId): number {
    return this.#queues.get(to)?.bytes ?? 0;
  }

  /** Messages arrive whole here. */
  isArriving(): boolean {
    return false;
  }

  /** Everybody reaches everybody here. */
  configured(): void {}

  /** There are no connections here, and whoever sends is of this process. */
  hangUp(): void {}

  close(): Promise<void> {
    this.#network.leave(this);
    this.events = undefined;
    return Promise.resolve();
  }

  /** The oldest message flushed to `to`, which is under way no more. */
  take(to: ReplicaId): Buffer | undefined {
    const queue = this.#queues.get(to);
    const frame = queue?.flushed.shift();
    if (frame !== undefined) queue!.bytes -= frame.length;
    return frame;
  }

  /** A message to `to` is under way no more. */
  tellRoom(to: ReplicaId): void {
    const queue = this.#queues.get(to);
    if (!queue?.isWanted || queue.bytes >= ROOM_BYTES) return;
    queue.isWanted = false;
    this.events?.roomAgain(to);
  }

  /** What was under way to `to` is lost. */
  forget(to: ReplicaId): void {
    this.#queues.delete(to);
  }

  /** Hands a message over, and settles. */
  receive(from: ReplicaId, frame: Buffer): void {
    const decoder = new FrameDecoder();
    decoder.push(frame);
    decoder.next();
    this.#counters.framesReceived++;
    this.#counters.bytesReceived += frame.length;
    this.events?.message(from, decodeMessage(decoder.kind, decoder.bytes, decoder.start, decoder.end));
    this.events?.settled();
  }
}

function pair(a: ReplicaId, b: ReplicaId): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
