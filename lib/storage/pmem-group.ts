/**
 * The group being staged, as the addon reads it: rows and runs in the table it shares, and where payloads
 * lie.
 *
 * 1. A run is a promise, or votes for consecutive slots at one ballot and of one kind. What a run says once
 *    is not written again for each of its votes: most groups of a leader, and of its followers, are one run.
 * 2. Bytes stay where they are while all payloads of a group lie in one ArrayBuffer; else they are gathered
 *    into an arena.
 * 3. What continues where the last group ended, slot after slot and from the same view, is not asked anything
 *    again: neither whose run it is nor where its bytes lie. (A view's buffer, offset and length cost more to
 *    ask for than all else about a small vote.) So the last view is kept; no payload is read before the addon
 *    reads it, and bytes that somebody has taken away by then the addon misses.
 */
import {
  HEAD_NUMBERS,
  type NativeLog,
  PLACE_START_UNIT,
  PROMISE_TYPE,
  ROW_NUMBERS,
  RUN_NUMBERS,
} from '../native/log.js';
import type { Ballot, BatchKind, Digest, Slot } from '../types.js';

// Not exported: every use of an exported binding looks it up.
const OVERHEAD = 192;
const DESCRIPTOR = 40;

/** Bytes of a record before its first descriptor, and of one descriptor. */
export const RECORD_OVERHEAD_BYTES: number = OVERHEAD;
export const DESCRIPTOR_BYTES: number = DESCRIPTOR;

/** What a row's start is multiplied by to make room for its length, and how far a start may go, in bytes. */
const START_UNIT: number = PLACE_START_UNIT;
const START_END = 2 ** 31;

/** More makes the shares of the room smaller, fewer are counted anew more often. */
const ROWS_SURE_MAX = 128;

/** In the place of the slot of the first row: no slot continues it. */
const NO_SLOT = -(2 ** 30);

const NO_NUMBERS = new Float64Array(0);

/** Bytes that a payload takes in a record; every payload begins at a multiple of 8. */
function padded(lengthBytes: number): number {
  return (lengthBytes + 7) & ~7;
}

export class StagedGroup {
  // Each field begins as what it will always be: one that began as undefined is checked at every use.
  /** Rows the table has. */
  readonly #rowsMax: number = 0;
  readonly #batchBytesMax: number = 0;
  readonly #recordBytesMax: number = 0;
  readonly #head: Float64Array = NO_NUMBERS;
  /** Two numbers a row: its digest, and where its payload lies. */
  readonly #numbers: Float64Array = NO_NUMBERS;
  readonly #runs: Float64Array = NO_NUMBERS;

  #rows = 0;
  #runCount = 0;
  /** Bytes of the record that the first so many rows make. */
  #countedBytes = OVERHEAD;
  #countedRows = 0;
  /** How many bytes the record may have as long as no more room is made. */
  #bytesMax = 0;
  /** Up to this row every payload of at most so many bytes finds room; negative: none does. */
  #rowsSure = 0;
  #lengthMax = -1;
  /** Rows there were when these two were found. */
  #limitedAt = 0;
  /** What continues the last run: the slot its votes would give the group's first row. */
  #firstSlot: number = NO_SLOT;
  #ballot = 0;
  #kind = 0;
  /** Where the payloads lie, and the last view of it; those of the group before while there are none. */
  #source: ArrayBuffer | undefined;
  #view: Uint8Array | undefined;
  #viewOffset = 0;
  #viewLength = 0;
  #arena: Uint8Array<ArrayBuffer> | undefined;
  #arenaUsed = 0;

  constructor(native: NativeLog, batchBytesMax: number) {
    const { table } = native;
    this.#batchBytesMax = batchBytesMax;
    this.#rowsMax = native.recordItemsMax;
    this.#recordBytesMax = native.recordBytesMax;
    this.#head = table.subarray(0, HEAD_NUMBERS);
    const runsAt = HEAD_NUMBERS + ROW_NUMBERS * this.#rowsMax;
    this.#numbers = table.subarray(HEAD_NUMBERS, runsAt);
    this.#runs = table.subarray(runsAt);
  }

  /** Items in the group. */
  get items(): number {
    return this.#rows;
  }

  /** Bytes of the record these items make, in front of its alignment. */
  get bytes(): number {
    const numbers = this.#numbers;
    for (; this.#countedRows < this.#rows; this.#countedRows++) {
      const length = numbers[(this.#countedRows << 1) | 1]! % START_UNIT;
      this.#countedBytes += DESCRIPTOR + padded(length);
    }
    return this.#countedBytes;
  }

  get isFull(): boolean {
    return this.#rows === this.#rowsMax;
  }

  /** What `append` is given: the ArrayBuffer of the payloads. */
  get source(): ArrayBuffer | undefined {
    return this.#source;
  }

  /** Lets the record grow to so many bytes without a question. */
  allow(bytes: number): void {
    const bytesMax = Math.min(bytes, this.#recordBytesMax);
    // After a group that took the quick path alone everything is as it was when that group began.
    if (bytesMax === this.#bytesMax && this.#rows === 0 && this.#limitedAt === 0) return;
    this.#bytesMax = bytesMax;
    this.#limit();
  }

  /**
   * The common case of {@link add}, in one condition: the next slot of the run, from the same view as the
   * vote before, within what is allowed. False: nothing was staged; the reason is the caller's to find.
   */
  continueRun(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    // Not `#rows`, which it has to equal: what was just stored would be waited for, vote after vote.
    const row = slot - this.#firstSlot;
    const length = end - start;
    if (
      row !== this.#rows ||
      ballot !== this.#ballot ||
      kind !== this.#kind ||
      bytes !== this.#view ||
      row === this.#rowsSure ||
      // Neither is negative, and none is NaN.
      !(start >= 0 && length >= 0 && length <= this.#lengthMax && end <= this.#viewLength)
    ) {
      return false;
    }
    this.#rows = (row + 1) | 0;
    const numbers = this.#numbers;
    numbers[row << 1] = digest;
    numbers[(row << 1) | 1] = (this.#viewOffset + start) * START_UNIT + length;
    return true;
  }

  /** Stages a vote that fits. */
  add(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const length = end - start;
    const at = length === 0 ? 0 : this.#place(bytes, start, end);
    if (slot - this.#rows !== this.#firstSlot || ballot !== this.#ballot || kind !== this.#kind) {
      this.#putRun(slot, ballot, kind);
      this.#firstSlot = slot - this.#rows;
      this.#ballot = ballot;
      this.#kind = kind;
    }
    this.#row(digest, at, length);
  }

  /** Stages a promise that fits. */
  addPromise(ballot: Ballot): void {
    this.#putRun(0, ballot, PROMISE_TYPE);
    this.#firstSlot = NO_SLOT;
    this.#row(0, 0, 0);
  }

  /** Completes the table: `append` may be called. */
  seal(learnedThrough: Slot): void {
    const head = this.#head;
    head[0] = this.#rows;
    head[1] = learnedThrough;
    head[2] = this.#runCount;
  }

  /** Begins another group, with the run that the last one ended in. */
  clear(): void {
    if (this.#firstSlot !== NO_SLOT) this.#firstSlot += this.#rows;
    this.#rows = 0;
    this.#countedRows = 0;
    this.#countedBytes = OVERHEAD;
    this.#putRun(this.#firstSlot, this.#ballot, this.#kind);
    if (this.#arenaUsed === 0) return;
    this.#arenaUsed = 0;
    this.#source = undefined;
  }

  /** The next row begins a run; one that no row has begun is forgotten. */
  #putRun(slot: number, ballot: number, type: number): void {
    const index = this.#rows === 0 ? 0 : this.#runCount;
    const runs = this.#runs;
    const at = index * RUN_NUMBERS;
    runs[at] = slot;
    runs[at + 1] = ballot;
    runs[at + 2] = type;
    runs[at + 3] = this.#rows;
    this.#runCount = index + 1;
  }

  #row(digest: number, start: number, length: number): void {
    const row = this.#rows;
    this.#numbers[row << 1] = digest;
    this.#numbers[(row << 1) | 1] = start * START_UNIT + length;
    this.#rows = row + 1;
    this.#limit();
  }

  /** Shares the room out among the next rows: the quick path need not add up bytes while none takes more. */
  #limit(): void {
    this.#limitedAt = this.#rows;
    this.#rowsSure = Math.min(this.#rowsMax, this.#rows + ROWS_SURE_MAX);
    const share = Math.floor((this.#bytesMax - this.bytes) / (this.#rowsSure - this.#rows));
    const payload = share - DESCRIPTOR;
    this.#lengthMax = Math.min(this.#batchBytesMax, payload - (payload & 7)) | 0;
  }

  /** Where the addon will find the payload: an offset into `#source`. */
  #place(bytes: Uint8Array, start: number, end: number): number {
    if (bytes !== this.#view) {
      const buffer = bytes.buffer;
      const isFirst = this.bytes === OVERHEAD + DESCRIPTOR * this.#rows;
      if (isFirst && buffer instanceof ArrayBuffer && buffer.byteLength < START_END) this.#source = buffer;
      if (buffer !== this.#source) return this.#gather(bytes, start, end);
      this.#view = bytes;
      this.#viewOffset = bytes.byteOffset;
      this.#viewLength = bytes.length;
    }
    return this.#viewOffset + start;
  }

  #gather(bytes: Uint8Array, start: number, end: number): number {
    this.#arena ??= new Uint8Array(this.#recordBytesMax);
    const arena = this.#arena;
    if (this.#source !== arena.buffer) {
      this.#moveToArena(arena);
      this.#source = arena.buffer;
      this.#view = undefined;
    }
    const at = this.#arenaUsed;
    arena.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    this.#arenaUsed += end - start;
    return at;
  }

  /** Copies the payloads staged so far to where the rest will be. */
  #moveToArena(arena: Uint8Array): void {
    const staged = this.#source;
    if (staged === undefined) return;
    const numbers = this.#numbers;
    for (let row = 0; row < this.#rows; row++) {
      const place = numbers[(row << 1) | 1]!;
      const length = place % START_UNIT;
      if (length === 0) continue;
      arena.set(new Uint8Array(staged, (place - length) / START_UNIT, length), this.#arenaUsed);
      numbers[(row << 1) | 1] = this.#arenaUsed * START_UNIT + length;
      this.#arenaUsed += length;
    }
  }
}
