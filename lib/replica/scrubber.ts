/**
 * The scrubber: has the store read its log back in the background, at a bounded rate, so that bytes that rot
 * are found while peers still have them, and not when they are needed.
 *
 * 1. It reads at most `scrubBytesPerSecond`, in calls of a bounded size: no call holds up a turn for long.
 * 2. One call at a time; a store that answers later is not asked again before it has.
 * 3. What it finds goes to the core at once: it is treated like damage found at open (paxos/damage.ts).
 */
import type { FoundDamage, Storage } from '../storage/storage.js';

/** Bytes of one call, at least and at most. Reading the latter takes some 100 µs. */
const CALL_BYTES_MIN = 64 << 10;
const CALL_BYTES_MAX = 256 << 10;

export class Scrubber {
  private readonly storage: Storage;
  private readonly bytesPerSecond: number;
  private readonly found: (damage: FoundDamage) => void;
  private lastMs: number | undefined;
  private allowedBytes = 0;
  private isUnderWay = false;
  private verifiedBytes = 0;
  private passCount = 0;
  private findingCount = 0;

  /** A rate of 0 turns it off. */
  constructor(storage: Storage, bytesPerSecond: number, found: (damage: FoundDamage) => void) {
    this.storage = storage;
    this.bytesPerSecond = storage.recovered.outcome === 'lost' ? 0 : bytesPerSecond;
    this.found = found;
  }

  /** Bytes read back and verified since open. */
  get bytes(): number {
    return this.verifiedBytes;
  }
  /** Times the whole log has been gone through since open. */
  get passes(): number {
    return this.passCount;
  }
  /** Calls that found damage, since open. */
  get findings(): number {
    return this.findingCount;
  }

  /** @throws what the store throws: an error of the medium stops the replica. */
  tick(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - (this.lastMs ?? nowMs));
    this.lastMs = nowMs;
    if (this.bytesPerSecond === 0) return;
    const earned = (elapsedMs * this.bytesPerSecond) / 1000;
    this.allowedBytes = Math.min(this.allowedBytes + earned, CALL_BYTES_MAX);
    if (this.isUnderWay || this.allowedBytes < CALL_BYTES_MIN) return;
    this.isUnderWay = true;
    const budgetBytes = Math.floor(this.allowedBytes);
    this.storage.scrub(budgetBytes, ({ bytes, passes, damage }) => {
      this.isUnderWay = false;
      // A log with little in it is gone through in less than was allowed: that is no reason to go through it
      // twice.
      this.allowedBytes -= Math.max(bytes, budgetBytes);
      this.verifiedBytes += bytes;
      this.passCount = passes;
      if (damage === undefined) return;
      this.findingCount++;
      this.found(damage);
    });
  }
}
