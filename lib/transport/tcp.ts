/**
 * The transport over sockets: TCP, or Unix sockets between processes of one machine. One port serves peers
 * and clients; the first words of a connection tell which it is (hello.ts).
 *
 * 1. Everything transport.ts promises, by one connection a pair (peer.ts).
 * 2. A message sent to several peers one after the other is encoded once.
 * 3. Memory is bounded: per peer, per client, and in the number of connections.
 * 4. Bytes that come in can close their connection, and do nothing else; the diagnostics channel says which.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { MEMBERS_MAX } from '../limits.js';
import type { Message } from '../paxos/messages.js';
import { nodeRuntime, type Runtime, type Timer } from '../runtime.js';
import type { Configuration, Identity, Opening, ReplicaId } from '../types.js';
import { encodeMessage } from '../wire/codec.js';
import { NO_BYTES } from '../wire/frame.js';
import type { Hello, Refusal } from '../wire/hello-codec.js';
import { HelloRole, NO_OPENING, RefusalCode } from '../wire/hello-codec.js';
import { FrameKind, isBulk } from '../wire/protocol.js';
import { Writer } from '../wire/writer.js';
import { type Address, isOfThisMachine, parseAddress } from './address.js';
import type { ClientConnection } from './client-connection.js';
import type { ClientEndOwner } from './client-end.js';
import { ClientEnd } from './client-end.js';
import { publish } from './diagnostics.js';
import { type ListenerParty, receiveCall } from './greeting.js';
import type { KnownStores, Self } from './hello.js';
import { refusalOfCaller, replicaHello } from './hello.js';
import type { Link, LinkCounters } from './link.js';
import { newLinkCounters } from './link.js';
import type { Listener } from './listener.js';
import { Peer, type PeerSurroundings } from './peer.js';
import type { ClusterKeys } from './proof.js';
import { type Socket, type Sockets, systemSockets } from './sockets.js';
import type { TcpBounds } from './tcp-bounds.js';
import { tcpBounds } from './tcp-bounds.js';
import type { PeerLink, Transport, TransportCounters, TransportEvents } from './transport.js';

/** Of one peer there may be some that it gave up and this end has not yet, and new ones beside them. */
const CONNECTIONS_PER_PEER = 4;
/** Clients beyond the most are told so, which takes a connection for a moment. */
const REFUSED_AT_ONCE = 2;

export interface TcpTransportOptions {
  readonly identity: Identity;
  /** In force at the start; `configured` tells of others. */
  readonly configuration: Configuration;
  /** This replica's opening of its store; without it peers cannot tell older copies of it. */
  readonly opening?: Opening;
  /** What is remembered of the peers' stores; by default nothing is. */
  readonly known?: KnownStores;
  /** What peers, front ends and clients must have; undefined lets in whoever says the right words. */
  readonly keys: ClusterKeys | undefined;
  /** Where to listen: `host:port`, `[ipv6]:port` or `unix:/path`. Port 0 lets the system choose. */
  readonly listen: string;
  /** Where the other members listen; looked up at every dial, and may change. */
  readonly addresses: ReadonlyMap<ReplicaId, string>;
  /** Takes each client; without it clients are refused. It sets the callbacks before it returns. */
  readonly onClient?: (connection: ClientConnection) => void;
  readonly bounds?: Partial<TcpBounds>;
  /** By default those of this process. */
  readonly runtime?: Runtime;
  readonly sockets?: Sockets;
}

/** Whether only this machine reaches a port, or the network does, and then what seals what is said there. */
export type Channel = 'local' | 'tls' | 'plain';

const FORGETFUL: KnownStores = { of: () => undefined, remember: () => {} };

export class TcpTransport implements Transport {
  readonly #options: TcpTransportOptions;
  readonly #self: Self;
  #configuration: Configuration;
  #removal: string | undefined;
  #around: PeerSurroundings | undefined;
  readonly #bounds: TcpBounds;
  readonly #runtime: Runtime;
  readonly #sockets: Sockets;
  readonly #counters: LinkCounters = newLinkCounters();
  readonly #peers = new Map<ReplicaId, Peer>();
  readonly #greeting = new Set<Link>();
  readonly #clients = new Set<ClientEnd>();
  readonly #dirty = new Set<ClientEnd>();
  readonly #scratch = new Writer();
  readonly #clientOwner: ClientEndOwner;
  readonly #party: ListenerParty;
  #encoded: Message | undefined;
  #encodedVersion = 0;
  #tail: Uint8Array = NO_BYTES;
  /** Whether anything was queued for a peer since the last flush. */
  #unsent = false;
  #listener: Listener | undefined;
  #address = '';
  #clientNumber = 0;
  #heart: Timer | undefined;
  #closing: Promise<void> | undefined;

  /** @throws ERR_INDELIBLE_NETWORK for an address that is none, RangeError for a bound out of range. */
  constructor(options: TcpTransportOptions) {
    for (const address of [options.listen, ...options.addresses.values()]) parseAddress(address);
    this.#options = options;
    const { identity, configuration, opening = NO_OPENING, known = FORGETFUL } = options;
    this.#configuration = configuration;
    const inForce = (): Configuration => this.#configuration;
    this.#self = {
      identity,
      opening,
      known,
      get configuration() {
        return inForce();
      },
    };
    this.#bounds = tcpBounds(options.bounds ?? {});
    this.#runtime = options.runtime ?? nodeRuntime;
    this.#sockets = options.sockets ?? systemSockets;
    this.#clientOwner = {
      scratch: new Writer(),
      queueBytesMax: this.#bounds.clientQueueBytesMax,
      dirty: (end) => this.#dirty.add(end),
      gone: (end, error) => this.#clientGone(end, error),
    };
    this.#party = {
      keys: options.keys,
      hello: () => replicaHello(this.#self, 0),
      refusalOf: (caller) => this.#refusalOf(caller),
      greeted: (link, caller) => this.#greeted(link, caller),
      failed: ({ remote }, error) => {
        const event = error.code === ErrorCode.frame ? 'malformed' : 'refused';
        this.#counters[event]++;
        publish({ event, remote, error });
      },
    };
  }

  get counters(): TransportCounters {
    return this.#counters;
  }

  /** Members whose stores are refused here, or refuse ours, and why; the last word of each. */
  get refusals(): ReadonlyMap<ReplicaId, string> {
    const texts = new Map<ReplicaId, string>();
    for (const { id, refusal } of this.#peers.values()) if (refusal !== undefined) texts.set(id, refusal);
    return texts;
  }

  /** Why peers say that this replica is a member no more; undefined while none does. */
  get removal(): string | undefined {
    return this.#removal;
  }

  /** Where this transport listens, with the port that was really bound; empty before `start`. */
  get address(): string {
    return this.#address;
  }

  /** What keeps strangers from the port: the key, and the channel if there is one. */
  get security(): { readonly key: boolean; readonly channel: Channel } {
    const { keys, listen } = this.#options;
    return { key: keys !== undefined, channel: channelOf(parseAddress(listen), this.#sockets) };
  }

  /** How the ways to all peers are. */
  get links(): readonly PeerLink[] {
    return [...this.#peers.values()].map(({ link }) => link);
  }

  /** Clients connected now. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Listens, and begins to dial. @throws ERR_INDELIBLE_NETWORK when the address cannot be bound. */
  async start(events: TransportEvents): Promise<void> {
    const { addresses, listen: where } = this.#options;
    this.#around = {
      self: this.#self,
      keys: this.#options.keys,
      addresses,
      bounds: this.#bounds,
      counters: this.#counters,
      events,
      runtime: this.#runtime,
      sockets: this.#sockets,
      removed: (text) => {
        this.#removal = text;
      },
    };
    this.#meetMembers(this.#around);
    const { helloMsMax } = this.#bounds;
    const listener = await this.#sockets.listen(where, (socket) => this.#accept(socket), helloMsMax);
    if (this.#closing !== undefined) {
      void listener.close();
      return;
    }
    const { address } = listener;
    // A connection that could not be accepted, for want of descriptors say, is its caller's loss alone.
    listener.onError = (error) => publish({ event: 'accept-failed', remote: address, error });
    const { handshakes } = listener;
    if (handshakes !== undefined) {
      handshakes.onBegin = () => this.#makeRoom();
      handshakes.onFailed = (remote, error) => {
        this.#counters.refused++;
        publish({ event: 'refused', remote, error });
      };
    }
    this.#listener = listener;
    this.#address = address;
    this.#boundConnections();
    this.#heart = this.#runtime.every(this.#bounds.keepAliveMs, () => this.#beat()).unref();
    for (const peer of this.#peers.values()) peer.start();
  }

  configured(configuration: Configuration): void {
    this.#configuration = configuration;
    const around = this.#around;
    if (around === undefined || this.#closing !== undefined) return;
    // Whoever is a member no more is told so on the link that it has, and may ask what it lacks.
    this.#runtime.after(this.#bounds.farewellMs, () => this.#partFromOthers()).unref();
    for (const peer of this.#meetMembers(around)) peer.start();
    this.#boundConnections();
  }

  /** Queues `message`; drops it when that peer is absent or too slow. @throws RangeError for no message. */
  send(to: ReplicaId, message: Message): void {
    const peer = this.#peers.get(to);
    if (peer === undefined) {
      this.#counters.dropped++;
      return;
    }
    const { version } = peer;
    if (message !== this.#encoded || version !== this.#encodedVersion) {
      this.#encoded = undefined;
      this.#scratch.clear();
      this.#tail = encodeMessage(this.#scratch, message, version);
      this.#encoded = message;
      this.#encodedVersion = version;
    }
    this.#unsent = true;
    const bulk = isBulk(FrameKind[message.type]);
    peer.send(this.#scratch.bytes, this.#scratch.length, this.#tail, bulk);
  }

  hasRoom(to: ReplicaId): boolean {
    return this.#peers.get(to)?.hasRoom() ?? false;
  }

  isArriving(from: ReplicaId): boolean {
    return this.#peers.get(from)?.isArriving() ?? false;
  }

  untakenBytes(to: ReplicaId): number {
    return this.#peers.get(to)?.untakenBytes ?? 0;
  }

  hangUp(to: ReplicaId, error: IndelibleError): void {
    this.#peers.get(to)?.destroy(error);
  }

  /** One write for each peer and each client that has something queued. */
  flush(): void {
    if (this.#unsent) {
      this.#unsent = false;
      this.#encoded = undefined;
      this.#tail = NO_BYTES;
      for (const peer of this.#peers.values()) peer.flush();
    }
    if (this.#dirty.size === 0) return;
    for (const client of this.#dirty) client.flush();
    this.#dirty.clear();
  }

  /** Sends what is queued, for a bounded time, then closes every connection. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#heart?.cancel();
    for (const link of this.#greeting) link.destroy();
    for (const client of this.#clients) client.close();
    for (const peer of this.#peers.values()) peer.close();
    const listener = this.#listener;
    if (listener === undefined) return;
    const force = this.#runtime.after(this.#bounds.closeMsMax, () => {
      for (const client of this.#clients) client.destroy();
      for (const peer of this.#peers.values()) peer.destroy();
    });
    await listener.close();
    force.cancel();
  }

  #beat(): void {
    for (const peer of this.#peers.values()) peer.beat();
    for (const client of this.#clients) client.beat();
  }

  #accept(socket: Socket): void {
    const remote = socket.remoteAddress ? `${socket.remoteAddress}:${socket.remotePort}` : this.#address;
    // A client on another machine that vanishes without a word is noticed by TCP itself.
    socket.setKeepAlive(true, 10_000);
    const { helloMsMax } = this.#bounds;
    const place = { remote, counters: this.#counters, helloMsMax, runtime: this.#runtime };
    const { greeted, failed } = this.#party;
    const link = receiveCall(socket, place, {
      ...this.#party,
      greeted: (_, caller) => {
        this.#greeting.delete(link);
        greeted(link, caller);
      },
      failed: (_, error, refusal) => {
        this.#greeting.delete(link);
        failed(link, error, refusal);
      },
    });
    if (this.#closing !== undefined) return link.destroy();
    this.#greeting.add(link);
    this.#makeRoom();
  }

  /** Who has proven nothing keeps nobody out: whoever came first of them goes when no other place is left. */
  #makeRoom(): void {
    const handshakes = this.#listener?.handshakes;
    const unproven = this.#greeting.size + (handshakes?.count ?? 0);
    const taken = unproven + this.#clients.size + this.#peers.size;
    if (taken < (this.#listener?.connectionsMax ?? Infinity)) return;
    const [first] = this.#greeting;
    if (first === undefined) return handshakes?.dropOldest();
    this.#greeting.delete(first);
    const { remote } = first;
    const text = `${remote}: others needed the place before its hello was over`;
    first.destroy(new IndelibleError(ErrorCode.network, text, { path: remote }));
  }

  #greeted(link: Link, caller: Hello): void {
    if (caller.role === HelloRole.replica) this.#peerOf(caller.replicaId).adopt(link, caller);
    else this.#takeClient(link, caller);
  }

  /** Those that are none yet. @returns the new peers */
  #meetMembers(around: PeerSurroundings): readonly Peer[] {
    const own = this.#self.identity.replicaId;
    const met: Peer[] = [];
    for (const { id } of this.#configuration.members) {
      if (id === own || this.#peers.has(id)) continue;
      const peer = new Peer(id, around);
      this.#peers.set(id, peer);
      met.push(peer);
    }
    return met;
  }

  /** Lets go of those who are no members here, unless they know a later configuration. */
  #partFromOthers(): void {
    if (this.#closing !== undefined) return;
    for (const [id, peer] of this.#peers) {
      if (this.#isMember(id) || peer.configurationNumber > this.#configuration.number) continue;
      this.#peers.delete(id);
      peer.close();
      this.#runtime.after(this.#bounds.closeMsMax, () => peer.destroy()).unref();
    }
    this.#boundConnections();
  }

  /** One that is no member here yet knows a later configuration than this replica. */
  #peerOf(id: ReplicaId): Peer {
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = new Peer(id, this.#around!);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  #isMember(id: ReplicaId): boolean {
    return this.#configuration.members.some((member) => member.id === id);
  }

  #boundConnections(): void {
    if (this.#listener === undefined) return;
    const peersMax =
      CONNECTIONS_PER_PEER * Math.max(this.#peers.size, this.#configuration.members.length - 1);
    this.#listener.connectionsMax = this.#bounds.clientsMax + peersMax + REFUSED_AT_ONCE;
  }

  /** Of those who know a later configuration no more are let in than it can have members. */
  #refusalOfMany({ role, replicaId }: Hello): Refusal | undefined {
    if (role !== HelloRole.replica || this.#isMember(replicaId) || this.#peers.has(replicaId))
      return undefined;
    if (this.#peers.size < this.#configuration.members.length + MEMBERS_MAX) return undefined;
    const text = 'as many replicas of a later configuration are let in as it can have members';
    return { type: 'refusal', code: RefusalCode.busy, text };
  }

  #refusalOf(caller: Hello): Refusal | undefined {
    const refusal =
      refusalOfCaller(caller, this.#self) ?? this.#refusalOfMany(caller) ?? this.#refusalOfClient(caller);
    if (refusal?.code === RefusalCode.staleStore) this.#peers.get(caller.replicaId)?.refuses(refusal.text);
    return refusal;
  }

  #refusalOfClient(hello: Hello): Refusal | undefined {
    if (hello.role === HelloRole.replica) return undefined;
    const max = this.#options.onClient === undefined ? 0 : this.#bounds.clientsMax;
    if (this.#clients.size < max) return undefined;
    return { type: 'refusal', code: RefusalCode.busy, text: `this replica takes ${max} clients at a time` };
  }

  #takeClient(link: Link, { opening, role }: Hello): void {
    const caller = { number: opening.nonce, connection: opening.generation };
    const client = new ClientEnd(
      ++this.#clientNumber,
      caller,
      role === HelloRole.frontEnd,
      link,
      this.#clientOwner,
    );
    this.#clients.add(client);
    link.become(client, {
      queueBytesMax: this.#bounds.clientQueueBytesMax,
      needDrainBytes: this.#bounds.clientDrainBytes,
    });
    this.#options.onClient?.(client);
    client.flush();
  }

  #clientGone(end: ClientEnd, error: IndelibleError | undefined): void {
    this.#clients.delete(end);
    this.#dirty.delete(end);
    if (error === undefined) return;
    const event = error.code === ErrorCode.frame ? 'malformed' : 'client-lost';
    if (event === 'malformed') this.#counters.malformed++;
    publish({ event, remote: end.remote, error });
  }
}

function channelOf(listen: Address, { isSealed = false }: Sockets): Channel {
  if ('path' in listen) return 'local';
  if (isSealed) return 'tls';
  return isOfThisMachine(listen) ? 'local' : 'plain';
}
