/**
 * Real cores with the tests as their host: messages wait until a test lets them through, items become durable
 * when it says so, and a restart keeps exactly what was durable.
 */
import { ballotAbove } from '../../lib/paxos/ballot.js';
import type { Governing } from '../../lib/paxos/configurations.js';
import type { Effects, Role } from '../../lib/paxos/effects.js';
import type { CheckpointOffer, Message, MessageType } from '../../lib/paxos/messages.js';
import type { CoreOptions, Timing } from '../../lib/paxos/options.js';
import { ReplicaCore } from '../../lib/paxos/replica.js';
import { digestOf } from '../../lib/storage/crc64.js';
import {
  type Ballot,
  type Batch,
  BatchKind,
  type Configuration,
  type Digest,
  type ReplicaId,
  type Slot,
  type SlotRange,
} from '../../lib/types.js';

export function batchOf(text: string): Batch {
  const bytes = new TextEncoder().encode(text);
  return { kind: BatchKind.commands, digest: digestOf(bytes, 0, bytes.length), bytes };
}

export function textOf(batch: { readonly bytes: Uint8Array | undefined } | undefined): string | undefined {
  return batch?.bytes && new TextDecoder().decode(batch.bytes);
}

export function configurationOf(members: number): Configuration {
  return {
    number: 1,
    members: Array.from({ length: members }, (_, at) => ({
      id: at + 1,
      storeUuid: String(at + 1).padStart(32, '0'),
    })),
  };
}

export const TIMING: Timing = { heartbeatTicks: 2, electionTicks: 6, fetchTicks: 3 };

interface StoredVote {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

type Item = StoredVote | Ballot;

/** A log of the tests: a list of items, of which the first few are durable. */
export class TestLog {
  items: Item[] = [];
  durable = 0;
  hint: Slot = 0;
  durableHint: Slot = 0;
  trimThrough: Slot = 0;
  /** Slots whose bytes the medium has lost, and those at which a vote can no longer be read. */
  readonly lostBytes: Set<Slot> = new Set();
  uncertain: readonly SlotRange[] = [];
  /** The medium has lost votes and perhaps a promise: whoever opens this log must not vote. */
  lost = false;
  /** Votes that may still be staged; promises always may. */
  room: number = Number.POSITIVE_INFINITY;
  /** Votes that may be staged beyond that for the first slot not learned. */
  reserve = 0;

  votes(): Map<Slot, StoredVote> {
    const votes = new Map<Slot, StoredVote>();
    for (const item of this.items) {
      if (typeof item === 'object' && item.slot > this.trimThrough) votes.set(item.slot, item);
    }
    return votes;
  }
  /** The batch last voted for in `slot`, as text. */
  textOf(slot: Slot): string | undefined {
    return textOf(this.votes().get(slot));
  }
  promised(): Ballot {
    return Math.max(
      0,
      ...this.items.map((item) => (typeof item === 'object' ? item.ballot : item)),
    ) as Ballot;
  }
  /** A vote for `slot` is written: it can be read from here on. */
  stage(slot: Slot): void {
    this.lostBytes.delete(slot);
    this.uncertain = this.uncertain.flatMap(({ from, through }) => {
      if (slot < from || slot > through) return [{ from, through }];
      const rest = [
        { from, through: slot - 1 },
        { from: slot + 1, through },
      ];
      return rest.filter((range) => range.from <= range.through);
    });
  }
  /** The medium loses every vote and promise. */
  lose(): void {
    this.lost = true;
    this.items = [];
    this.durable = 0;
    this.durableHint = 0;
  }
  /** The death of the process: what is not durable is gone. */
  crash(): void {
    this.items = this.items.slice(0, this.durable);
    this.hint = this.durableHint;
  }
}

export interface Sent {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly message: Message;
  readonly after: number;
}

export class TestNode implements Effects {
  readonly id: ReplicaId;
  readonly log: TestLog;
  readonly core: ReplicaCore;
  /** Items of earlier lives: the core counts from 1 again. */
  private readonly itemsBefore: number;
  outbox: Sent[] = [];
  chosenSlots: Slot[] = [];
  reads: Map<number, Slot> = new Map();
  lostReadsThrough = 0;
  roles: { role: Role; ballot: Ballot; leader: ReplicaId }[] = [];
  needs: { from: ReplicaId; checkpointId: number; throughSlot: Slot }[] = [];
  offers: ReplicaId[] = [];
  /** Those that came into force since the start. */
  readonly configurations: Configuration[] = [];
  readonly implausibles: ReplicaId[] = [];

  constructor(id: ReplicaId, log: TestLog, options: Partial<CoreOptions> & { configuration: Configuration }) {
    this.id = id;
    this.log = log;
    this.itemsBefore = log.items.length;
    this.core = new ReplicaCore(
      {
        self: id,
        timing: TIMING,
        windowSlots: 64,
        windowBytes: 1 << 20,
        checkpointThrough: log.trimThrough,
        checkpointChain: 0 as Digest,
        // Time-outs are one and a half times electionTicks: there is room between silence and a time-out.
        random: () => 0.5,
        ...options,
      },
      {
        promised: log.promised(),
        trimThrough: log.trimThrough,
        votes: [...log.votes().values()].map(({ bytes: _, ...vote }) => ({
          ...vote,
          available: !log.lostBytes.has(vote.slot),
        })),
        uncertain: log.uncertain,
        voting: !log.lost,
        learnedThrough: log.hint,
      },
      this,
    );
    this.core.start();
  }

  persistVote(slot: Slot, ballot: Ballot, batch: Batch, mayUseReserve: boolean): boolean {
    if (this.log.room + (mayUseReserve ? this.log.reserve : 0) <= 0) return false;
    this.log.room--;
    this.log.stage(slot);
    const { kind, digest, bytes } = batch;
    this.log.items.push({ slot, ballot, kind, digest, bytes });
    return true;
  }
  persistPromise(ballot: Ballot): boolean {
    this.log.items.push(ballot);
    return true;
  }
  readVote(slot: Slot): Uint8Array | undefined {
    return this.log.lostBytes.has(slot) ? undefined : this.log.votes().get(slot)?.bytes;
  }
  send(to: ReplicaId, message: Message, after: number): void {
    this.outbox.push({ from: this.id, to, message, after });
  }
  /** Peers whose link takes nothing now. */
  readonly choked: Set<ReplicaId> = new Set();
  hasRoom(to: ReplicaId): boolean {
    return !this.choked.has(to);
  }
  isArriving(): boolean {
    return false;
  }
  chosen(from: Slot, through: Slot): void {
    for (let slot = from; slot <= through; slot++) this.chosenSlots.push(slot);
  }
  readReady(readId: number, slot: Slot): void {
    this.reads.set(readId, slot);
  }
  readsLost(throughReadId: number): void {
    this.lostReadsThrough = throughReadId;
  }
  role(role: Role, ballot: Ballot, leader: ReplicaId): void {
    this.roles.push({ role, ballot, leader });
  }
  needCheckpoint(from: ReplicaId, { checkpointId, throughSlot }: CheckpointOffer): void {
    this.needs.push({ from, checkpointId, throughSlot });
  }
  configured({ configuration }: Governing): void {
    this.configurations.push(configuration);
  }
  implausible(from: ReplicaId): void {
    this.implausibles.push(from);
  }

  offerCheckpoint(to: ReplicaId): void {
    this.offers.push(to);
  }

  /** Everything staged becomes durable, with the hint that a commit now would carry. */
  sync(): void {
    this.log.durable = this.log.items.length;
    this.log.durableHint = this.core.learner.loggedThrough;
    this.log.hint = this.log.durableHint;
    this.core.durable(this.log.durable - this.itemsBefore);
  }

  /** Takes what may leave by now out of the outbox. */
  leaving(): Sent[] {
    const durable = this.core.acceptor.durableThrough;
    const leaving = this.outbox.filter((sent) => sent.after <= durable);
    this.outbox = this.outbox.filter((sent) => sent.after > durable);
    return leaving;
  }

  /** Everything learned is applied. */
  apply(): void {
    if (this.core.learner.learnedThrough > this.core.learner.appliedThrough) {
      this.core.applied(this.core.learner.learnedThrough);
    }
  }

  /** What was learned in `slot`, as text; '' for noop. Only slots not yet applied. */
  learnedText(slot: Slot): string | undefined {
    return textOf(this.core.learner.batchAt(slot));
  }
}

export class TestCluster {
  readonly configuration: Configuration;
  readonly nodes: Map<ReplicaId, TestNode> = new Map();
  /** What a test has kept from being delivered. */
  held: Sent[] = [];
  private readonly options: Partial<CoreOptions>;

  /** `spares` are formatted with the same configuration, in which they are no members. */
  constructor(members: number, options: Partial<CoreOptions> = {}, spares: readonly ReplicaId[] = []) {
    this.configuration = configurationOf(members);
    this.options = options;
    for (const { id } of this.configuration.members) this.start(id, new TestLog());
    for (const id of spares) this.start(id, new TestLog());
  }

  node(id: ReplicaId): TestNode {
    return this.nodes.get(id)!;
  }

  private start(id: ReplicaId, log: TestLog): TestNode {
    const node = new TestNode(id, log, { ...this.options, configuration: this.configuration });
    this.nodes.set(id, node);
    return node;
  }

  /** Kills `id` and starts it again on what was durable. */
  restart(id: ReplicaId, options: Partial<CoreOptions> = {}): TestNode {
    const { log } = this.node(id);
    log.crash();
    const node = new TestNode(id, log, { ...this.options, ...options, configuration: this.configuration });
    this.nodes.set(id, node);
    return node;
  }

  /** Ends a turn on every node among `ids`: settle, sync, apply. */
  turn(ids: readonly ReplicaId[]): void {
    for (const id of ids) {
      const node = this.node(id);
      node.core.settle();
      node.sync();
      node.apply();
    }
  }

  /**
   * Delivers among `ids` until nothing moves. A message that `keep` wants, or whose receiver is not among
   * `ids`, goes to {@link held} instead.
   */
  run(ids: readonly ReplicaId[], keep: (sent: Sent) => boolean = () => false): void {
    for (let moves = 0; moves < 10_000; moves++) {
      this.turn(ids);
      const leaving = ids.flatMap((id) => this.node(id).leaving());
      if (leaving.length === 0) return;
      for (const sent of leaving) {
        if (!ids.includes(sent.to) || keep(sent)) this.held.push(sent);
        else this.node(sent.to).core.receive(sent.from, sent.message);
      }
    }
    throw new Error('the messages never end');
  }

  /** Makes `id` campaign at once among `ids`, which welcome it, and lead. */
  elect(id: ReplicaId, ids: readonly ReplicaId[], keep?: (sent: Sent) => boolean): TestNode {
    const node = this.node(id);
    for (const other of ids) {
      if (other === id) continue;
      const node = this.node(other);
      const outbox = [...node.outbox];
      while (node.core.role === 'leader') node.core.tick();
      for (let tick = 0; tick < TIMING.electionTicks; tick++) node.core.tick();
      // What an old leader says meanwhile is not heard.
      node.outbox = outbox;
    }
    for (let tick = 0; tick < 4 * TIMING.electionTicks && node.core.role !== 'leader'; tick++) {
      node.core.tick();
      this.run(ids, keep);
    }
    if (node.core.role !== 'leader') throw new Error(`replica ${id} does not lead`);
    return node;
  }

  /** Ticks `ids` and delivers in between. */
  ticks(count: number, ids: readonly ReplicaId[], keep?: (sent: Sent) => boolean): void {
    for (let tick = 0; tick < count; tick++) {
      for (const id of ids) this.node(id).core.tick();
      this.run(ids, keep);
    }
  }

  /** Delivers what was held and `wanted`; the rest stays held. */
  release(wanted: (sent: Sent) => boolean): void {
    const released = this.held.filter(wanted);
    this.held = this.held.filter((sent) => !wanted(sent));
    for (const sent of released) this.node(sent.to).core.receive(sent.from, sent.message);
  }

  drop(): void {
    this.held = [];
  }
}

/** Keeps messages of these types. */
export function ofType(...types: MessageType[]): (sent: Sent) => boolean {
  return (sent) => types.includes(sent.message.type);
}

/** The ballot that `id` would campaign at above `ballot`. */
export function next(ballot: Ballot, id: ReplicaId): Ballot {
  return ballotAbove(ballot, id);
}
