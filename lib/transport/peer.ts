/**
 * One peer of a replica: the link in use to it, and the dialling of it.
 *
 * 1. Of each pair the replica with the lower id dials and the other one waits, so there is one connection a
 *    pair and no tie to break. One that has waited for long dials too: the other may not know of it yet, or
 *    no more. Where both come through at once both connections may end, and the lower id dials again.
 * 2. A new connection of the same peer replaces the one in use: the peer knows better that the old one is
 *    gone.
 * 3. A lost or refused connection is dialled again, after a growing and random wait, until `close`.
 */
import type { IndelibleError } from '../errors.js';
import type { Message } from '../paxos/messages.js';
import type { Runtime, Timer } from '../runtime.js';
import type { ReplicaId } from '../types.js';
import { decodeMessage } from '../wire/codec.js';
import type { FrameDecoder } from '../wire/frame-decoder.js';
import { type Hello, type Refusal, RefusalCode } from '../wire/hello-codec.js';
import { PROTOCOL_VERSION } from '../wire/protocol.js';
import { parseAddress } from './address.js';
import { Backoff } from './backoff.js';
import type { BulkLane } from './bulk-lane.js';
import { publish } from './diagnostics.js';
import { placeCall } from './greeting.js';
import type { Self } from './hello.js';
import { refusalOfAnswer, replicaHello } from './hello.js';
import type { Link, LinkCounters, Talk } from './link.js';
import type { ClusterKeys } from './proof.js';
import type { Sockets } from './sockets.js';
import type { TcpBounds } from './tcp-bounds.js';
import type { PeerLink, TransportEvents } from './transport.js';

/** What all peers of one transport share. */
export interface PeerSurroundings {
  readonly self: Self;
  readonly keys: ClusterKeys | undefined;
  /** Looked up at every dial. */
  readonly addresses: ReadonlyMap<ReplicaId, string>;
  readonly bounds: TcpBounds;
  readonly counters: LinkCounters;
  readonly events: TransportEvents;
  readonly runtime: Runtime;
  readonly sockets: Sockets;
  /** A peer has said that this replica is a member no more. */
  readonly removed: (text: string) => void;
}

export class Peer {
  readonly id: ReplicaId;
  readonly #around: PeerSurroundings;
  readonly #backoff: Backoff;
  #link: Link | undefined;
  /** That of the link in use. */
  #lane: BulkLane | undefined;
  #dialled: Link | undefined;
  #redial: Timer | undefined;
  #closed = false;
  #connections = 0;
  #refusal: string | undefined;
  #configurationNumber = 0;

  constructor(id: ReplicaId, around: PeerSurroundings) {
    this.id = id;
    this.#around = around;
    const { bounds, runtime } = around;
    this.#backoff = new Backoff(() => runtime.random(), bounds.redialMsMin, bounds.redialMsMax);
  }

  get #dials(): boolean {
    return this.#around.self.identity.replicaId < this.id;
  }

  start(): void {
    if (this.#dials) this.#dial();
    else this.#dialLater();
  }

  /** Queues a frame whose `tail` nobody will ever change; drops it when the peer is absent or too slow. */
  send(bytes: Uint8Array, length: number, tail: Uint8Array, isBulk: boolean): void {
    if (this.#link === undefined) this.#around.counters.dropped++;
    else if (isBulk) this.#link.addBulk(bytes, length, tail);
    else this.#link.add(bytes, length, tail, true);
  }

  /** The protocol version of its link; any while there is none. */
  get version(): number {
    return this.#link?.version ?? PROTOCOL_VERSION;
  }

  hasRoom(): boolean {
    return this.#lane?.hasRoom() ?? false;
  }

  isArriving(): boolean {
    return this.#lane?.isArriving() ?? false;
  }

  get untakenBytes(): number {
    return this.#lane?.untakenBytes ?? 0;
  }

  /** How the way to it is. */
  get link(): PeerLink {
    const link = this.#link;
    const untakenBytes = this.untakenBytes + (link?.queuedBytes ?? 0);
    return { id: this.id, connected: link !== undefined, connections: this.#connections, untakenBytes };
  }

  flush(): void {
    this.#link?.flush();
  }

  /** Why this peer's store is refused here, or ours there; undefined once they have met. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  refuses(text: string): void {
    this.#refusal = text;
  }

  /** The number of the configuration that it knew when its link in use was greeted. */
  get configurationNumber(): number {
    return this.#configurationNumber;
  }

  /** Takes a greeted link into use, of the opening of the peer's store that its hello tells of. */
  adopt(link: Link, { opening, configurationNumber }: Hello): void {
    this.#configurationNumber = configurationNumber;
    if (opening.generation > 0) this.#around.self.known.remember(this.id, opening);
    this.#refusal = undefined;
    this.#redial?.cancel();
    this.#lose(this.#link, false);
    this.#link = link;
    this.#connections++;
    const { bounds, events } = this.#around;
    const { peerQueueBytesMax } = bounds;
    link.become(new PeerTalk(this, link, events), {
      queueBytesMax: peerQueueBytesMax,
      needDrainBytes: peerQueueBytesMax,
    });
    this.#lane = link.openBulk();
    publish({ event: 'peer-up', peer: this.id, remote: link.remote });
    events.peerUp(this.id);
    events.roomAgain(this.id);
  }

  /** One beat of the keep-alive clock: a peer that has been silent for too many is given up. */
  beat(): void {
    const link = this.#link;
    if (link !== undefined && link.beat() > this.#around.bounds.silentBeatsMax) {
      this.closed(link, undefined, false);
    }
  }

  closed(link: Link, error: IndelibleError | undefined, isEnded: boolean): void {
    if (error !== undefined) publish({ event: eventOf(error), peer: this.id, remote: link.remote, error });
    if (link !== this.#link) return;
    this.#lose(link, isEnded);
    this.#dialLater();
  }

  /** Sends what is queued, then ends for good. */
  close(): void {
    this.#closed = true;
    this.#redial?.cancel();
    this.#dialled?.destroy();
    this.#link?.end();
  }

  /** Ends at once, for `error` if there is one. */
  destroy(error?: IndelibleError): void {
    this.#link?.destroy(error);
  }

  #lose(link: Link | undefined, isEnded: boolean): void {
    if (link === undefined) return;
    this.#link = undefined;
    this.#lane = undefined;
    link.destroy();
    publish({ event: 'peer-down', peer: this.id, remote: link.remote });
    this.#around.events.peerDown(this.id, isEnded);
  }

  #dialLater(): void {
    if (this.#closed) return;
    this.#redial?.cancel();
    const { bounds, runtime } = this.#around;
    const patienceMs = this.#dials ? 0 : bounds.patienceMs;
    this.#redial = runtime.after(patienceMs + this.#backoff.next(), () => this.#dial());
  }

  #dial(): void {
    const { addresses, bounds, counters, keys, self, runtime, sockets } = this.#around;
    const address = addresses.get(this.id);
    if (address === undefined) {
      this.#dialLater();
      return;
    }
    const socket = sockets.connect(parseAddress(address), this.id);
    const place = { remote: address, counters, helloMsMax: bounds.helloMsMax, runtime };
    this.#dialled = placeCall(socket, place, {
      key: keys?.replicas,
      hello: replicaHello(self, this.id),
      refusalOf: (listener) => refusalOfAnswer(listener, self, this.id),
      greeted: (link, listener) => {
        this.#dialled = undefined;
        this.#backoff.reset();
        this.adopt(link, listener);
      },
      failed: (link, error, refusal) => this.#failed(link, error, refusal),
    });
  }

  #failed({ remote }: Link, error: IndelibleError, refusal: Refusal | undefined): void {
    if (refusal?.code === RefusalCode.staleStore) this.refuses(refusal.text);
    if (refusal?.code === RefusalCode.removed) this.#around.removed(refusal.text);
    this.#dialled = undefined;
    publish({ event: 'dial-failed', peer: this.id, remote, error });
    this.#dialLater();
  }
}

/** What is said on the link to a peer. */
class PeerTalk implements Talk<Message> {
  readonly #peer: Peer;
  readonly #link: Link;
  readonly #events: TransportEvents;

  constructor(peer: Peer, link: Link, events: TransportEvents) {
    this.#peer = peer;
    this.#link = link;
    this.#events = events;
  }

  decode(frame: FrameDecoder): Message {
    return decodeMessage(frame.kind, frame.bytes, frame.start, frame.end);
  }

  receive(message: Message): void {
    this.#events.message(this.#peer.id, message);
  }

  settled(): void {
    this.#events.settled();
  }

  drained(): void {}

  roomAgain(): void {
    this.#events.roomAgain(this.#peer.id);
  }

  closed(error: IndelibleError | undefined, isEnded: boolean): void {
    this.#peer.closed(this.#link, error, isEnded);
  }
}

function eventOf(error: IndelibleError): 'malformed' | 'peer-down' {
  return error.code === 'ERR_INDELIBLE_FRAME' ? 'malformed' : 'peer-down';
}
