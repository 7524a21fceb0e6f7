/**
 * Which checkpoints are being sent to whom, and what is kept for it.
 *
 * 1. The file stays on the disk, and the log above it in the log, while its receiver comes on: it receives,
 *    restores, and learns from the log what came after. Without that it would chase a moving target.
 * 2. One a receiver, and each ends when the receiver has learned nearly everything, or has not come on for
 *    {@link PIN_TICKS}. Nobody holds anything for ever.
 * 3. Room in the log comes first: a full log is trimmed all the same, and that is told (`overtaken`).
 */
import type { ReplicaId, Slot } from '../types.js';

/** Ticks without progress after which nothing is kept for a receiver: restoring a large state takes long. */
export const PIN_TICKS = 3000;

interface Pin<File> {
  readonly file: File;
  readonly throughSlot: Slot;
  readonly release: () => void;
  sentThrough: number;
  /** What the receiver is known to have learned, of this checkpoint or behind it. */
  learnedThrough: Slot;
  idleTicks: number;
  isOvertaken: boolean;
}

export class Pins<File> {
  private readonly pins = new Map<ReplicaId, Pin<File>>();
  private begun = 0;

  /** Transfers that were begun. */
  get count(): number {
    return this.begun;
  }
  get receivers(): readonly ReplicaId[] {
    return [...this.pins.keys()];
  }

  /** What is being sent to `peer`. */
  of(peer: ReplicaId): File | undefined {
    return this.pins.get(peer)?.file;
  }

  /** Bytes of `file` through `sentThrough` go to `peer`; `hold` keeps the file until its result is called. */
  sends(peer: ReplicaId, file: File, throughSlot: Slot, sentThrough: number, hold: () => () => void): void {
    let pin = this.pins.get(peer);
    if (pin?.file !== file) {
      const before = pin;
      pin = {
        file,
        throughSlot,
        release: hold(),
        sentThrough: 0,
        learnedThrough: 0,
        idleTicks: 0,
        isOvertaken: false,
      };
      before?.release();
      this.pins.set(peer, pin);
      this.begun++;
    }
    if (sentThrough <= pin.sentThrough) return;
    pin.sentThrough = sentThrough;
    pin.idleTicks = 0;
  }

  /** The lowest slot above which the log is kept for a receiver; Infinity if for none. */
  get keepsAbove(): Slot {
    let least = Number.POSITIVE_INFINITY;
    for (const pin of this.pins.values()) {
      if (!pin.isOvertaken) least = Math.min(least, Math.max(pin.throughSlot, pin.learnedThrough));
    }
    return least;
  }

  /** The log has been trimmed through `through`. @returns who needs another checkpoint because of it */
  trimmed(through: Slot): readonly ReplicaId[] {
    const overtaken: ReplicaId[] = [];
    for (const [peer, pin] of this.pins) {
      if (pin.isOvertaken || through <= Math.max(pin.throughSlot, pin.learnedThrough)) continue;
      pin.isOvertaken = true;
      overtaken.push(peer);
    }
    return overtaken;
  }

  /**
   * A tick has passed.
   * @param near who has learned through here needs nothing kept for it
   * @param learnedOf what a peer is known to have learned, 0 if nothing is known
   */
  tick(near: Slot, learnedOf: (peer: ReplicaId) => Slot): void {
    for (const [peer, pin] of this.pins) {
      const learned = learnedOf(peer);
      if (learned >= pin.throughSlot && learned > pin.learnedThrough) {
        pin.learnedThrough = learned;
        pin.idleTicks = 0;
      } else pin.idleTicks++;
      const isDone = pin.learnedThrough > 0 && pin.learnedThrough >= near;
      if (isDone || pin.isOvertaken || pin.idleTicks >= PIN_TICKS) this.end(peer);
    }
  }

  end(peer: ReplicaId): void {
    this.pins.get(peer)?.release();
    this.pins.delete(peer);
  }
}
