/**
 * Where the last vote for each slot stands: in a group not yet written, or in a segment.
 *
 * 1. One entry per slot above the trim point; a later vote replaces the earlier one's entry.
 * 2. `segment.live` counts the entries that stand in it, so a segment with none can be given up.
 */
import type { Ballot, BatchKind, Digest, Slot } from '../../types.js';
import type { GroupBuilder } from './group-builder.js';
import type { Segment } from './segment.js';

export interface VoteEntry {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly lengthBytes: number;
  /** The group that holds it until that is durable; `at` is then within the group's payloads. */
  builder: GroupBuilder | undefined;
  segment: Segment | undefined;
  /** Otherwise `at` is the payload's place in the segment. */
  at: number;
  /** False where the bytes are known to be lost. */
  available: boolean;
}

export class VoteIndex {
  readonly #entries: Map<Slot, VoteEntry> = new Map();
  #trimThrough: Slot = 0;

  get trimThrough(): Slot {
    return this.#trimThrough;
  }

  get(slot: Slot): VoteEntry | undefined {
    return this.#entries.get(slot);
  }

  /** The vote `entry` is now the last one for its slot. One at or below the trim point is not kept. */
  put(entry: VoteEntry): void {
    if (entry.slot <= this.#trimThrough) return;
    const before = this.#entries.get(entry.slot);
    if (before?.segment) before.segment.live--;
    this.#entries.set(entry.slot, entry);
    if (entry.segment) entry.segment.live++;
  }

  /** The group that holds `entry` is durable: its payload stands at `at` in `segment` from now on. */
  settle(entry: VoteEntry, segment: Segment, at: number): void {
    entry.builder = undefined;
    entry.at = at;
    entry.segment = segment;
    if (this.#entries.get(entry.slot) === entry) segment.live++;
  }

  trim(through: Slot): void {
    this.#trimThrough = through;
    for (const [slot, entry] of this.#entries) {
      if (slot > through) continue;
      if (entry.segment) entry.segment.live--;
      this.#entries.delete(slot);
    }
  }

  /** All entries, by rising slot. */
  sorted(): VoteEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.slot - b.slot);
  }
}
