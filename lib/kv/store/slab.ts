/**
 * Memory for entries outside the JavaScript heap: segments of 256 KiB, each cut into blocks of one size
 * class, so that neither storing nor freeing an entry makes garbage.
 *
 * 1. An address is segment · 2¹⁴ + unit of 16 bytes, fits into 32 bits (64 GiB) and is never 0.
 * 2. A block stays where it is until it is freed; it is 16-byte aligned and never crosses its segment.
 * 3. A block of more than 64 KiB has a segment of its own, which goes back to the system when freed.
 * 4. A segment without a used block is given to whichever class asks next; beyond a few spare ones it goes
 *    back to the system too.
 */

export const UNIT_BYTES = 16;
const SEGMENT_BYTES: number = 256 << 10;
const SEGMENT_UNITS: number = SEGMENT_BYTES / UNIT_BYTES;
export const SEGMENT_SHIFT = 14;
export const UNIT_MASK: number = SEGMENT_UNITS - 1;
const SMALL_UNITS_MAX: number = (64 << 10) / UNIT_BYTES;
const SPARE_SEGMENTS_MAX = 16;
const SEGMENTS_MAX: number = 2 ** 32 / SEGMENT_UNITS;
const LARGE = -1;

/** Block sizes in units: up to 8 one by one, then four to each doubling. */
const CLASS_UNITS: readonly number[] = classUnits();
const CLASS_OF_UNITS: Uint8Array = classOfUnits();

function classUnits(): number[] {
  const sizes = [4, 5, 6, 7];
  for (let base = 8; base < SMALL_UNITS_MAX; base *= 2) {
    for (let quarter = 0; quarter < 4; quarter++) sizes.push(base + (base / 4) * quarter);
  }
  sizes.push(SMALL_UNITS_MAX);
  return sizes;
}

function classOfUnits(): Uint8Array {
  const classes = new Uint8Array(SMALL_UNITS_MAX + 1);
  let index = 0;
  for (let units = 0; units <= SMALL_UNITS_MAX; units++) {
    if (units > CLASS_UNITS[index]!) index++;
    classes[units] = index;
  }
  return classes;
}

export class Segment {
  readonly u8: Buffer;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly index: number;
  sizeClass = 0;
  /** Units of each block; never 0, so that whoever steps from block to block comes to an end. */
  blockUnits = 1;
  used = 0;
  /** First freed block's unit + 1; the next one's is in its first word. 0: none. */
  freed = 0;
  /** Units carved so far. */
  carved = 0;
  /** Neighbours in its class's ring of segments with room; undefined while it is not in one. */
  previous: Segment | undefined = undefined;
  following: Segment | undefined = undefined;

  constructor(index: number, lengthBytes: number) {
    const memory = new ArrayBuffer(lengthBytes);
    this.u8 = Buffer.from(memory);
    this.u32 = new Uint32Array(memory);
    this.f64 = new Float64Array(memory);
    this.index = index;
  }
}

export class Slab {
  /** By index; index 0 is never used. A freed index holds the empty segment. */
  readonly segments: Segment[];
  /** Bytes of all segments. */
  heldBytes = 0;
  readonly #empty: Segment;
  readonly #freeIndexes: number[] = [];
  readonly #spare: Segment[] = [];
  /** For each class the first of its segments with room. */
  readonly #roomy: (Segment | undefined)[] = CLASS_UNITS.map(() => undefined);

  constructor() {
    this.#empty = new Segment(0, UNIT_BYTES);
    this.segments = [this.#empty];
  }

  /** A block of at least that many bytes. @throws RangeError when address space or memory is spent. */
  allocate(lengthBytes: number): number {
    const units = (lengthBytes + UNIT_BYTES - 1) >>> 4;
    if (units > SMALL_UNITS_MAX) return this.#allocateLarge(units);
    const sizeClass = CLASS_OF_UNITS[units]!;
    const segment = this.#roomy[sizeClass] ?? this.#open(sizeClass);
    let unit: number;
    if (segment.freed !== 0) {
      unit = segment.freed - 1;
      segment.freed = segment.u32[unit << 2]!;
    } else {
      unit = segment.carved;
      segment.carved += segment.blockUnits;
    }
    segment.used++;
    if (segment.freed === 0 && segment.carved + segment.blockUnits > SEGMENT_UNITS) this.#leave(segment);
    return segment.index * SEGMENT_UNITS + unit;
  }

  free(address: number): void {
    const segment = this.segments[address >>> SEGMENT_SHIFT]!;
    if (segment.sizeClass === LARGE) {
      this.#discard(segment);
      return;
    }
    const unit = address & UNIT_MASK;
    const wasFull = segment.freed === 0 && segment.carved + segment.blockUnits > SEGMENT_UNITS;
    segment.u32[unit << 2] = segment.freed;
    segment.freed = unit + 1;
    segment.used--;
    if (wasFull) this.#enter(segment);
    else if (segment.used === 0 && segment.following !== segment) this.#retire(segment);
  }

  /** Bytes of the block at `address`. */
  capacityBytes(address: number): number {
    return this.segments[address >>> SEGMENT_SHIFT]!.blockUnits * UNIT_BYTES;
  }

  #allocateLarge(units: number): number {
    const segment = this.#create(units * UNIT_BYTES);
    segment.sizeClass = LARGE;
    segment.blockUnits = units;
    segment.carved = units;
    return segment.index * SEGMENT_UNITS;
  }

  #create(lengthBytes: number): Segment {
    const index = this.#freeIndexes.pop() ?? this.segments.length;
    if (index >= SEGMENTS_MAX) throw new RangeError('the store holds 64 GiB, and no more');
    const segment = new Segment(index, lengthBytes);
    this.segments[index] = segment;
    this.heldBytes += lengthBytes;
    return segment;
  }

  #open(sizeClass: number): Segment {
    const segment = this.#spare.pop() ?? this.#create(SEGMENT_BYTES);
    segment.sizeClass = sizeClass;
    segment.blockUnits = CLASS_UNITS[sizeClass]!;
    segment.freed = 0;
    segment.carved = 0;
    this.#enter(segment);
    return segment;
  }

  #retire(segment: Segment): void {
    this.#leave(segment);
    if (this.#spare.length < SPARE_SEGMENTS_MAX) this.#spare.push(segment);
    else this.#discard(segment);
  }

  #discard(segment: Segment): void {
    this.segments[segment.index] = this.#empty;
    this.#freeIndexes.push(segment.index);
    this.heldBytes -= segment.u8.length;
  }

  #enter(segment: Segment): void {
    const first = this.#roomy[segment.sizeClass];
    if (first === undefined) {
      segment.previous = segment;
      segment.following = segment;
      this.#roomy[segment.sizeClass] = segment;
      return;
    }
    const last = first.previous!;
    segment.previous = last;
    segment.following = first;
    last.following = segment;
    first.previous = segment;
  }

  #leave(segment: Segment): void {
    const following = segment.following!;
    if (this.#roomy[segment.sizeClass] === segment) {
      this.#roomy[segment.sizeClass] = following === segment ? undefined : following;
    }
    segment.previous!.following = following;
    following.previous = segment.previous;
    segment.previous = undefined;
    segment.following = undefined;
  }
}
