/**
 * Which segments the log stands in, which are free, and where the next group goes.
 *
 * 1. `used` is in log order; its last one is being filled, up to `offset`. `free` is in the order of use.
 * 2. For what `contentBytesMax` allowed, `place` finds room, because only `place` takes room.
 * 3. A segment is given up from the front only, when no live vote and no unfinished group is in it and it is
 *    not held (hold), and is free again only when a root without it is durable and it was pre-filled anew
 *    (contract 24).
 */
import { requires } from '../../contract.js';
import type { Slot } from '../../types.js';
import type { Geometry } from './geometry.js';
import { contentBytesIn } from './group-layout.js';
import { PAGE_BYTES } from './medium.js';
import type { Segment } from './segment.js';

export class Space {
  readonly #geometry: Geometry;
  readonly #used: Segment[];
  readonly #free: Segment[];
  readonly #contentBytesMax: number;
  #offset: number;
  #taken = 0;
  #heldFrom: number | undefined;
  #heldThrough: Slot = 0;

  constructor(geometry: Geometry, used: Segment[], free: Segment[], offset: number) {
    this.#geometry = geometry;
    this.#used = used;
    this.#free = free;
    this.#offset = offset;
    this.#contentBytesMax = contentBytesIn(geometry.groupBytesMax);
  }

  get capacityBytes(): number {
    const { segments, reservedSegments, segmentBytes } = this.#geometry;
    return (segments - reservedSegments) * (segmentBytes - PAGE_BYTES);
  }

  /** Everything that no group can be placed in now: written, being given up, or missing. */
  get usedBytes(): number {
    const inSegment = this.#geometry.segmentBytes - PAGE_BYTES;
    const { segments, segmentBytes } = this.#geometry;
    return (segments - this.#free.length) * inSegment - (segmentBytes - this.#offset);
  }

  get freeSegments(): number {
    return this.#free.length;
  }

  /** Times around the area since open. */
  get laps(): number {
    return Math.floor(this.#taken / this.#geometry.segments);
  }

  get segments(): readonly Segment[] {
    return [...this.#used, ...this.#free];
  }

  /** The segment the log begins in. */
  get oldest(): Segment | undefined {
    return this.#used[0];
  }

  isUsed(segment: Segment): boolean {
    return this.#used.includes(segment);
  }

  /** The used segment after one that is used. */
  behind(segment: Segment): Segment | undefined {
    const place = this.#used.indexOf(segment);
    return place < 0 ? undefined : this.#used[place + 1];
  }

  /** The first segment of the log that does not count as given up. */
  headAfter(released: readonly Segment[]): Segment {
    return this.#used[released.length]!;
  }

  /** What {@link contentBytesMax} is for votes that leave the reserve: none where it has been begun. */
  get ordinaryBytesMax(): number {
    const beyond = this.#free.length - this.#geometry.reservedSegments;
    if (beyond > 0) return this.#contentBytesMax;
    return beyond < 0 ? -1 : Math.min(this.#contentBytesMax, this.#tailBytesMax);
  }

  /**
   * Bytes of descriptors and payloads that the next group may have; negative when there is no room for one.
   */
  get contentBytesMax(): number {
    if (this.#free.length > 0) return this.#contentBytesMax;
    return Math.min(this.#contentBytesMax, this.#tailBytesMax);
  }

  get #tailBytesMax(): number {
    return contentBytesIn(this.#geometry.segmentBytes - this.#offset);
  }

  /** Takes room for a group of `extent` bytes. */
  place(extent: number): { segment: Segment; offset: number } {
    if (this.#offset + extent > this.#geometry.segmentBytes) {
      const next = this.#free.shift();
      requires(next !== undefined, 24, 'a group is placed only where there is room');
      this.#used.push(next);
      this.#offset = PAGE_BYTES;
      this.#taken++;
    }
    const segment = this.#used.at(-1)!;
    const offset = this.#offset;
    this.#offset += extent;
    segment.pending++;
    return { segment, offset };
  }

  /**
   * While the trim point is below `slot`, keeps `segment` and all behind it: votes that can no longer be read
   * may have been there, and as long as it is found damaged that is known.
   */
  hold(segment: Segment, slot: Slot): void {
    if (this.#heldFrom === undefined || segment.sequence < this.#heldFrom) this.#heldFrom = segment.sequence;
    this.#heldThrough = Math.max(this.#heldThrough, slot);
  }

  /**
   * The segments at the front that nothing needs any more, with all slots through `trimThrough` forgotten.
   */
  releasable(trimThrough: Slot): Segment[] {
    if (trimThrough >= this.#heldThrough) this.#heldFrom = undefined;
    const heldFrom = this.#heldFrom ?? Number.POSITIVE_INFINITY;
    const keep = this.#used.findIndex(
      ({ live, pending, sequence }) => live > 0 || pending > 0 || sequence >= heldFrom,
    );
    const end = keep < 0 ? this.#used.length - 1 : Math.min(keep, this.#used.length - 1);
    return this.#used.slice(0, end);
  }

  /** `released` came from `releasable`, and a durable root starts behind it. */
  release(released: readonly Segment[]): void {
    this.#used.splice(0, released.length);
  }

  add(segment: Segment): void {
    this.#free.push(segment);
  }
}
