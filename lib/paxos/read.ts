/**
 * Linearizable reads without the log: a read waits until a quorum has answered a heartbeat sent after the
 * read was asked, which shows that no other ballot can have chosen anything the leader does not know.
 * (The read index of *Consensus: Bridging Theory and Practice*, section 6.4.) One round serves every read
 * that waits for it, those that followers ask for included (followed-reads.ts).
 *
 * 1. Of what one follower asks for, one question waits in each round: the last, which is for all before it.
 */
import type { ReplicaId, Slot } from '../types.js';
import type { Configurations } from './configurations.js';
import type { Effects } from './effects.js';
import type { Index } from './messages.js';
import type { MemberSet, Quorum } from './quorum.js';

/** Who asks for a read elsewhere, and by which question. */
interface Asker {
  readonly from: ReplicaId;
  readonly life: number;
}

interface PendingRead {
  readonly id: number;
  readonly slot: Slot;
  /** The first heartbeat round sent after the read was asked. */
  readonly round: number;
  /** Undefined: it is answered here. */
  readonly asker: Asker | undefined;
}

export class ReadIndex {
  private readonly configurations: Configurations;
  private readonly effects: Effects;
  private readonly selfId: ReplicaId;
  /** Of the ballot that is led, or was last. */
  private quorum: Quorum;
  private readonly acknowledged = new Map<ReplicaId, number>();
  private pending: PendingRead[] = [];
  private sent = 0;
  private confirmed = 0;

  constructor(configurations: Configurations, self: ReplicaId, effects: Effects) {
    this.configurations = configurations;
    this.quorum = configurations.quorum;
    this.selfId = self;
    this.effects = effects;
  }

  get self(): MemberSet {
    return this.quorum.bitOf(this.selfId);
  }

  /** True when a read waits for a round that has not been sent yet. */
  get wantsRound(): boolean {
    const last = this.pending[this.pending.length - 1];
    return last !== undefined && last.round > this.sent;
  }

  ask(id: number, slot: Slot): void {
    this.pending.push({ id, slot, round: this.sent + 1, asker: undefined });
  }

  /** The same for a follower, which is told. */
  askFor(from: ReplicaId, { life, readId }: Index, slot: Slot): void {
    const round = this.sent + 1;
    const before = this.pending.findIndex((read) => read.round === round && read.asker?.from === from);
    if (before >= 0) this.pending.splice(before, 1);
    this.pending.push({ id: readId, slot, round, asker: { from, life } });
  }

  /** Numbers a new heartbeat round. */
  nextRound(): number {
    this.sent++;
    this.confirm();
    return this.sent;
  }

  /** A member has answered `round`, and so every round before it. */
  answered(from: ReplicaId, round: number): void {
    if (round > this.sent || round <= (this.acknowledged.get(from) ?? 0)) return;
    this.acknowledged.set(from, round);
    this.confirm();
  }

  /** The members that have answered a round after `round`. */
  answeredSince(round: number): MemberSet {
    let members = this.self;
    for (const [id, last] of this.acknowledged) if (last > round) members |= this.quorum.bitOf(id);
    return members;
  }

  /** A new ballot is led: rounds go on, answers to earlier ones do not count. */
  reset(): void {
    this.quorum = this.configurations.quorum;
    this.acknowledged.clear();
    this.confirmed = this.sent;
  }

  /** The lead is lost: nobody's read can be confirmed here. */
  abandon(): void {
    const last = this.pending.findLast(({ asker }) => asker === undefined);
    this.pending = [];
    this.acknowledged.clear();
    if (last !== undefined) this.effects.readsLost(last.id);
  }

  private confirm(): void {
    while (this.confirmed < this.sent && this.quorum.isReached(this.answeredSince(this.confirmed))) {
      this.confirmed++;
    }
    let ready = 0;
    for (const read of this.pending) {
      if (read.round > this.confirmed) break;
      ready++;
    }
    for (const read of this.pending.splice(0, ready)) this.isReady(read);
  }

  private isReady({ id, slot, asker }: PendingRead): void {
    if (asker === undefined) return this.effects.readReady(id, slot);
    const { from, life } = asker;
    this.effects.send(from, { type: 'indexed', life, readId: id, slot }, 0);
  }
}
