/**
 * What a leader has still to send of its accepts, peer by peer: each gets them in order, as fast as its link
 * takes them. A slow peer holds up nobody: what it has not been sent is kept within bounds, also when it has
 * been chosen without that peer, and behind them the peer has to learn by asking.
 *
 * | a peer is | what holds                                             | left by                                |
 * |-----------|--------------------------------------------------------|----------------------------------------|
 * | fed       | it was sent everything of this ballot through `cursor` | more is kept than may be → behind      |
 * | behind    | it is sent nothing, and told what it may ask for       | `resume`, when it lacks only what is   |
 * |           |                                                        | kept, or is needed for a quorum → fed  |
 *
 * Nothing here is a rule of Paxos: an accept may always be lost.
 */
import type { ReplicaId, Slot } from '../types.js';
import type { Effects } from './effects.js';
import type { Accept, Heartbeat } from './messages.js';

/** Slots kept for slow peers beside what the window may hold. */
const KEPT_SLOTS_MAX = 1024;

export class Feed {
  private readonly effects: Effects;
  private readonly peers: readonly ReplicaId[];
  private readonly keptBytesMax: number;
  private readonly kept = new Map<Slot, Accept>();
  private readonly cursors = new Map<ReplicaId, Slot>();
  /** Through where each fed peer had been sent accepts in front of the last marked heartbeat. */
  private readonly marked = new Map<ReplicaId, Slot>();
  private keptBytes = 0;
  private first: Slot = 1;
  private last: Slot = 0;

  /** `windowBytes` may be open, and as much is kept beside it. */
  constructor(peers: readonly ReplicaId[], effects: Effects, windowBytes: number) {
    this.effects = effects;
    this.peers = peers;
    this.keptBytesMax = 2 * windowBytes;
  }

  /** A ballot is led from `firstSlot` on: every peer is fed. */
  begin(firstSlot: Slot): void {
    this.end();
    this.first = firstSlot;
    this.last = firstSlot - 1;
    for (const peer of this.peers) this.cursors.set(peer, this.last);
  }

  end(): void {
    this.kept.clear();
    this.cursors.clear();
    this.marked.clear();
    this.keptBytes = 0;
  }

  /** The next slot's accept: sent at once to every peer that is not waiting for an earlier one. */
  add(accept: Accept): void {
    this.last = accept.slot;
    this.kept.set(accept.slot, accept);
    this.keptBytes += accept.bytes.length;
    for (const peer of this.peers) this.pump(peer);
  }

  /** Sends what the link to `peer` takes now. */
  pump(peer: ReplicaId): void {
    let cursor = this.cursors.get(peer);
    if (cursor === undefined) return;
    while (cursor < this.last && this.effects.hasRoom(peer)) {
      this.effects.send(peer, this.kept.get(++cursor)!, 0);
    }
    this.cursors.set(peer, cursor);
  }

  /** Every slot through `chosen` is chosen: what everybody was sent is forgotten, and what is too much. */
  forget(chosen: Slot): void {
    let needed = chosen + 1;
    for (const cursor of this.cursors.values()) if (cursor < needed) needed = cursor + 1;
    while (this.first < needed) this.drop();
    while (this.first <= chosen && this.isTooMuch) {
      for (const [peer, cursor] of this.cursors) if (cursor < this.first) this.cursors.delete(peer);
      this.drop();
    }
  }

  /** `peer` has everything through `covered`; a peer that is behind is fed again if what it lacks is kept. */
  resume(peer: ReplicaId, covered: Slot): void {
    const cursor = this.cursors.get(peer);
    if (covered < this.first - 1 || (cursor !== undefined && cursor >= covered)) return;
    this.cursors.set(peer, Math.min(covered, this.last));
    this.pump(peer);
  }

  /** True if `peer` is sent nothing before it has caught up. */
  isBehind(peer: ReplicaId): boolean {
    return !this.cursors.has(peer);
  }

  /**
   * Sends a heartbeat to every peer. It overtakes accepts, and so tells each peer of no slot whose accept may
   * still be behind it: the peer would ask for what is on its way. Who is behind is told everything.
   */
  beat(heartbeat: Heartbeat, isMarked: boolean): void {
    const { learnedThrough, lastSlot } = heartbeat;
    for (const peer of this.peers) {
      const reach = this.reach(peer);
      const isWhole = reach === undefined || reach >= lastSlot;
      const told = { learnedThrough: Math.min(learnedThrough, reach!), lastSlot: Math.min(lastSlot, reach!) };
      this.effects.send(peer, isWhole ? heartbeat : { ...heartbeat, ...told }, 0);
      if (isMarked) this.marked.set(peer, reach ?? 0);
    }
  }

  /** What `peer` lacks through this slot, and has answered a marked heartbeat, it has lost. */
  markedThrough(peer: ReplicaId): Slot {
    return this.marked.get(peer) ?? 0;
  }

  /** The last slot whose accept is in front of what is sent to `peer` now; undefined for who is behind. */
  private reach(peer: ReplicaId): Slot | undefined {
    const cursor = this.cursors.get(peer);
    if (cursor === undefined) return undefined;
    // Before the first slot there is nothing that could still be on its way.
    return this.effects.hasRoom(peer) ? cursor : Math.max(0, cursor - 1);
  }

  private get isTooMuch(): boolean {
    return this.keptBytes > this.keptBytesMax || this.kept.size > KEPT_SLOTS_MAX;
  }

  private drop(): void {
    this.keptBytes -= this.kept.get(this.first)?.bytes.length ?? 0;
    this.kept.delete(this.first++);
  }
}
