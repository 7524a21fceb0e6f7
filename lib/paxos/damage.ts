/**
 * What this replica's log has lost, slot by slot, while its promise is known.
 * (*Protocol-Aware Recovery*, FAST 2018: who knows what is missing may go on; who takes it for never written
 * may not.)
 *
 * | a slot is     | what is known of its vote                            | in `promised`        | healed by                      |
 * |---------------|------------------------------------------------------|----------------------|--------------------------------|
 * | unavailable   | its ballot and digest; the bytes are lost            | as unavailable       | a vote staged again, a trim    |
 * | uncertain     | nothing for certain: there may have been a newer one | as uncertain         | a vote at a newer ballot or of |
 * |               |                                                      |                      | the chosen batch, a trim       |
 * | endangered    | everything; the next open would be uncertain         | as any other vote    | a vote staged again, a trim    |
 *
 * Invariant: only what is staged, or covered by a checkpoint, leaves one of the three (contract 6).
 */
import type { Slot, SlotRange } from '../types.js';

export class Damage {
  /** Votes whose identity is known and whose bytes are lost. */
  readonly unavailable: Set<Slot> = new Set();
  /** Votes that are known, and would be uncertain to whoever opens the log next. */
  readonly endangered: Set<Slot> = new Set();
  private ranges: readonly SlotRange[];
  private healedCount = 0;

  constructor(uncertain: readonly SlotRange[]) {
    this.ranges = uncertain;
  }

  /** Slots at which there may have been a vote that can no longer be read. */
  get uncertain(): readonly SlotRange[] {
    return this.ranges;
  }

  /** Slots whose damage was mended by writing their vote again, since open. */
  get healed(): number {
    return this.healedCount;
  }

  get isNone(): boolean {
    return this.ranges.length === 0 && this.unavailable.size === 0 && this.endangered.size === 0;
  }

  isUncertain(slot: Slot): boolean {
    return this.ranges.some((range) => range.from <= slot && slot <= range.through);
  }

  touches(slot: Slot): boolean {
    return this.unavailable.has(slot) || this.endangered.has(slot) || this.isUncertain(slot);
  }

  /** What of the uncertain ranges is at or above `slot`, by rising slot. */
  uncertainFrom(slot: Slot): SlotRange[] {
    return this.ranges
      .filter((range) => range.through >= slot)
      .map((range) => ({ from: Math.max(range.from, slot), through: range.through }))
      .sort((a, b) => a.from - b.from);
  }

  /** The damaged slots at or below `through`, by rising slot, at most `max`. */
  through(through: Slot, max: number): Slot[] {
    if (this.isNone) return [];
    const slots = new Set<Slot>();
    for (const slot of this.unavailable) if (slot <= through) slots.add(slot);
    for (const slot of this.endangered) if (slot <= through) slots.add(slot);
    for (const range of this.ranges) {
      const end = Math.min(range.through, through, range.from + max - 1);
      for (let slot = range.from; slot <= end; slot++) slots.add(slot);
    }
    return [...slots].sort((a, b) => a - b).slice(0, max);
  }

  /** A vote for `slot` was staged: what may have been there before no longer matters. */
  heal(slot: Slot): void {
    if (this.isNone || !this.touches(slot)) return;
    this.healedCount++;
    this.unavailable.delete(slot);
    this.endangered.delete(slot);
    if (this.ranges.length > 0) this.ranges = without(this.ranges, slot);
  }

  /** A checkpoint covers every slot through `through`. */
  trim(through: Slot): void {
    if (this.isNone) return;
    for (const slot of this.unavailable) if (slot <= through) this.unavailable.delete(slot);
    for (const slot of this.endangered) if (slot <= through) this.endangered.delete(slot);
    this.ranges = this.ranges
      .filter((range) => range.through > through)
      .map((range) => ({ from: Math.max(range.from, through + 1), through: range.through }));
  }
}

function without(ranges: readonly SlotRange[], slot: Slot): SlotRange[] {
  return ranges.flatMap((range) => {
    if (slot < range.from || slot > range.through) return [range];
    const rest: SlotRange[] = [];
    if (range.from < slot) rest.push({ from: range.from, through: slot - 1 });
    if (slot < range.through) rest.push({ from: slot + 1, through: range.through });
    return rest;
  });
}

/** Rising slots as ranges, for people. */
export function rangesOf(slots: Iterable<Slot>): SlotRange[] {
  const ranges: { from: Slot; through: Slot }[] = [];
  for (const slot of slots) {
    const last = ranges[ranges.length - 1];
    if (last !== undefined && slot === last.through + 1) last.through = slot;
    else ranges.push({ from: slot, through: slot });
  }
  return ranges;
}
