/**
 * What a leader knows of its followers from their answers to heartbeats: for resending, for handing over and
 * for `status`. Nothing here is ever counted as a vote.
 */
import type { ReplicaId, Slot } from '../types.js';
import type { Heartbeaten } from './messages.js';
import type { Quorum } from './quorum.js';

export interface PeerProgress {
  readonly coveredThrough: Slot;
  readonly learnedThrough: Slot;
  readonly appliedThrough: Slot;
  readonly trimThrough: Slot;
  readonly isShort: boolean;
  /** Ticks since this was heard. */
  silentTicks: number;
}

export class Progress {
  private markedRound = 0;
  private readonly answeredMark = new Set<ReplicaId>();
  private readonly peers = new Map<ReplicaId, PeerProgress>();

  take(from: ReplicaId, message: Heartbeaten): void {
    const { coveredThrough, learnedThrough, appliedThrough, trimThrough, isShort } = message;
    const through = { coveredThrough, learnedThrough, appliedThrough, trimThrough };
    this.peers.set(from, { ...through, isShort, silentTicks: 0 });
  }

  /**
   * Marks a heartbeat round: whoever answers it, or a later one, has lost what it lacks of what it was sent
   * in front of it (feed.ts knows). Not every round is marked: reads make many, and an answer may always be
   * behind the newest.
   */
  mark(round: number): void {
    this.markedRound = round;
    this.answeredMark.clear();
  }

  isMarked(round: number): boolean {
    return round === this.markedRound;
  }

  /** True once for each peer and mark: its answer to `round` tells what it lacks. */
  tellsLoss(from: ReplicaId, round: number): boolean {
    if (round < this.markedRound || this.answeredMark.has(from)) return false;
    this.answeredMark.add(from);
    return true;
  }

  tick(): void {
    for (const peer of this.peers.values()) peer.silentTicks++;
  }

  reset(): void {
    this.peers.clear();
    this.mark(0);
  }

  of(peer: ReplicaId): PeerProgress | undefined {
    return this.peers.get(peer);
  }

  /**
   * The voter of `quorum` that lacks least, of those that have answered within `silentTicksMax` and have
   * applied `appliedMin`; 0 if none has. One whose disk is short only where no other has.
   */
  mostCovered(quorum: Quorum, silentTicksMax: number, appliedMin: Slot = 0): ReplicaId {
    let best: ReplicaId = 0;
    let through: Slot = -1;
    let isShort = true;
    for (const [id, peer] of this.peers) {
      if (!quorum.has(id) || peer.silentTicks >= silentTicksMax || peer.appliedThrough < appliedMin) continue;
      if (peer.isShort === isShort ? peer.coveredThrough > through : isShort) {
        best = id;
        through = peer.coveredThrough;
        isShort = peer.isShort;
      }
    }
    return best;
  }
}
