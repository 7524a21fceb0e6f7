/**
 * The digest chain at the last slots learned, so that replicas whose learning is not equally far can be held
 * against each other (contract 15).
 *
 * 1. A replica whose chain differs from its leader's at one slot has learned another batch there, or before:
 *    neither can know which of the two is right, so the one that notices stops, and says so.
 * 2. What is older than the last CHAINS_KEPT slots is not compared any more: who heard the leader when it was
 *    newer has compared it.
 */
import { invariant } from '../contract.js';
import type { Digest, Slot } from '../types.js';

export const CHAINS_KEPT = 1024;

export class ChainHistory {
  private readonly chains: Float64Array = new Float64Array(CHAINS_KEPT);
  private first: Slot;
  private last: Slot;
  /** What the leader has at a slot that is not learned here yet. */
  private awaitedSlot: Slot = 0;
  private awaited: Digest = 0 as Digest;

  /** @param chain at `slot`, through which a checkpoint stands for all batches */
  constructor(slot: Slot, chain: Digest) {
    this.first = slot;
    this.last = slot;
    this.chains[slot % CHAINS_KEPT] = chain;
  }

  /** The chain at the last slot learned. */
  get newest(): Digest {
    return this.chains[this.last % CHAINS_KEPT]! as Digest;
  }

  /** The next slot was learned. @throws ContractViolation 15 if the leader has another chain there */
  extend(chain: Digest): void {
    this.last++;
    this.chains[this.last % CHAINS_KEPT] = chain;
    if (this.last - this.first >= CHAINS_KEPT) this.first++;
    if (this.last === this.awaitedSlot) this.mustEqual(this.awaited);
  }

  /** A checkpoint has taken the place of everything through `slot`. */
  jump(slot: Slot, chain: Digest): void {
    this.first = slot;
    this.last = slot;
    this.chains[slot % CHAINS_KEPT] = chain;
    if (slot === this.awaitedSlot) this.mustEqual(this.awaited);
  }

  /** The leader has this chain at `slot`. @throws ContractViolation 15 if it is another here */
  compare(slot: Slot, chain: Digest): void {
    if (slot < this.first) return;
    if (slot > this.last) {
      this.awaitedSlot = slot;
      this.awaited = chain;
      return;
    }
    this.mustEqual(chain, slot);
  }

  private mustEqual(chain: Digest, slot: Slot = this.last): void {
    const own = this.chains[slot % CHAINS_KEPT];
    invariant(own === chain, 15, `the batches learned through slot ${slot} are not those of the leader`);
  }
}
