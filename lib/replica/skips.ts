/**
 * The commands that are skipped, as far as their records are learned (skip-record.ts).
 *
 * 1. Every learned slot is looked at here before the first of them is applied: a skip lies behind what it is
 *    about, and must be known in front of it.
 * 2. A command is skipped on every replica or on none (contract 32): one whose state already holds the slot,
 *    executed, when it learns of the skip has another state than the others, and stops.
 */
import { invariant } from '../contract.js';
import type { Batch, Slot } from '../types.js';
import { isSkipRecord, readSkipRecord, type Skip } from './skip-record.js';

/** A command that is skipped, and the slot whose record says so. */
interface Skipped {
  readonly ordinal: number;
  readonly saidAt: Slot;
}

const DIVERGED =
  'a command is skipped whose slot this replica has executed: its state machine is not deterministic';

/** Skips that are remembered for the status. */
const RECENT_MAX = 16;

export class Skips {
  /** Those whose records were learned since open, the newest last. */
  recent: readonly Skip[] = [];
  private seen: Slot;
  private readonly bySlot = new Map<Slot, Skipped[]>();

  /** The state is that through `through`. */
  constructor(through: Slot) {
    this.seen = through;
  }

  /** Every learned slot through this one has been looked at. */
  get seenThrough(): Slot {
    return this.seen;
  }

  /** Looks at the next learned slot; the state is that through `appliedThrough`. */
  see(slot: Slot, batch: Batch, appliedThrough: Slot): void {
    invariant(slot === this.seen + 1, 32, 'learned slots are looked at in order');
    this.seen = slot;
    if (!isSkipRecord(batch)) return;
    const { slot: about, ordinal, reason } = readSkipRecord(batch.bytes);
    // No replica proposes one about what is not decided yet: it means nothing anywhere.
    if (about >= slot) return;
    invariant(about > appliedThrough, 32, DIVERGED);
    this.bySlot.set(about, [...(this.bySlot.get(about) ?? []), { ordinal, saidAt: slot }]);
    this.recent = [...this.recent, { slot: about, ordinal, reason }].slice(-RECENT_MAX);
  }

  /** What is skipped of a slot; undefined if nothing is. */
  of(slot: Slot): readonly Skipped[] | undefined {
    return this.bySlot.size === 0 ? undefined : this.bySlot.get(slot);
  }

  has(slot: Slot, ordinal: number): boolean {
    return this.of(slot)?.some((skipped) => skipped.ordinal === ordinal) === true;
  }

  /** Slots through `through` are applied, and not to be executed again unless all is looked at again. */
  forget(through: Slot): void {
    for (const slot of this.bySlot.keys()) if (slot <= through) this.bySlot.delete(slot);
  }

  /** The state is now that of a peer's checkpoint through `through`. */
  jump(through: Slot): void {
    this.seen = Math.max(this.seen, through);
    for (const [slot, all] of this.bySlot) {
      // Whoever took the checkpoint did not know of a skip behind it, and had executed that slot.
      invariant(slot > through || all.every(({ saidAt }) => saidAt <= through), 32, DIVERGED);
    }
    this.forget(through);
  }

  /** The state is that through `through` again: what is behind it is looked at anew. */
  rewind(through: Slot): void {
    this.seen = through;
    this.bySlot.clear();
    this.recent = [];
  }
}
