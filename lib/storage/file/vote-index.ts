/**
 * Where the last vote for each slot stands: in a group not yet written, or in a segment.
 *
 * 1. One entry per slot above the trim point; a later vote replaces the earlier one's entry.
 * 2. `segment.live` counts the votes in it that are durable and not superseded by a durable vote. A vote that
 *    is still being written supersedes nothing: a power cut would leave the slot with neither.
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
  /** The group that holds it until that is durable; `at` is then its payload's place in the group. */
  builder: GroupBuilder | undefined;
  segment: Segment | undefined;
  /** Otherwise `at` is the payload's place in the segment. */
  at: number;
  /** False where the bytes are known to be lost. */
  available: boolean;
  /** The vote it replaces once it is durable. */
  before: VoteEntry | undefined;
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
    entry.before = this.#entries.get(entry.slot);
    this.#entries.set(entry.slot, entry);
    if (entry.segment) this.#count(entry, entry.segment);
  }

  /** The group that holds `entry` is durable: its payload stands at `at` in `segment` from now on. */
  settle(entry: VoteEntry, segment: Segment, at: number): void {
    entry.builder = undefined;
    entry.at = at;
    entry.segment = segment;
    if (entry.slot > this.#trimThrough) this.#count(entry, segment);
  }

  trim(through: Slot): void {
    this.#trimThrough = through;
    for (const [slot, entry] of this.#entries) {
      if (slot > through) continue;
      let durable: VoteEntry | undefined = entry;
      while (durable && !durable.segment) durable = durable.before;
      if (durable?.segment) durable.segment.live--;
      this.#entries.delete(slot);
    }
  }

  #count(entry: VoteEntry, segment: Segment): void {
    if (entry.before?.segment) entry.before.segment.live--;
    entry.before = undefined;
    segment.live++;
  }

  /** All entries, by rising slot. */
  sorted(): VoteEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.slot - b.slot);
  }
}
