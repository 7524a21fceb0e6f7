/**
 * The answers of one session that may be asked for again: those of its last commands, one behind the other,
 * each as a 4-byte little-endian length and that many bytes. A length of NO_ANSWER, with no bytes behind it,
 * is that of a command that was skipped.
 *
 * 1. They are those of consecutive commands, `firstSequence` … `firstSequence + count − 1`.
 * 2. Nothing is allocated for a command: room grows by doubling, and what is dropped leaves its room.
 */
import { readWord } from '../batch.js';

/** The length that a skipped command has in place of an answer. */
export const NO_ANSWER = 0xffff_ffff;
const LENGTH_BYTES = 4;
const ROOM_BYTES_MIN = 64;
const EMPTY = Buffer.alloc(0);

export class KeptAnswers {
  firstSequence: number;
  count = 0;
  private room: Buffer = EMPTY;
  private from = 0;
  private end = 0;

  /** @param firstSequence that of the answer that is kept next */
  constructor(firstSequence: number) {
    this.firstSequence = firstSequence;
  }

  get lengthBytes(): number {
    return this.end - this.from;
  }

  /** Where the bytes are: bytes[start, start + lengthBytes). Valid until the next change. */
  get bytes(): Buffer {
    return this.room;
  }
  get start(): number {
    return this.from;
  }

  /** Keeps `count` more answers: source[start, end). */
  append(source: Uint8Array, start: number, end: number, count: number): void {
    this.makeRoom(end - start);
    this.room.set(source.subarray(start, end), this.end);
    this.end += end - start;
    this.count += count;
  }

  /** The next command has no answer, for it was skipped. */
  appendNone(): void {
    this.makeRoom(LENGTH_BYTES);
    this.end = this.room.writeUInt32LE(NO_ANSWER, this.end);
    this.count++;
  }

  /** Drops those through `sequence`. */
  dropThrough(sequence: number): void {
    while (this.count > 0 && this.firstSequence <= sequence) this.dropOne();
  }

  /** Drops the oldest until no more than `bytesMax` are kept. */
  dropBeyond(bytesMax: number): void {
    while (this.lengthBytes > bytesMax) this.dropOne();
  }

  /** Where the answer to `sequence` begins, with its length; −1 if it is not kept. */
  find(sequence: number): number {
    if (sequence < this.firstSequence || sequence >= this.firstSequence + this.count) return -1;
    let at = this.from;
    for (let i = this.firstSequence; i < sequence; i++) at = endOfAnswer(this.room, at);
    return at;
  }

  private dropOne(): void {
    this.from = endOfAnswer(this.room, this.from);
    this.firstSequence++;
    this.count--;
    if (this.from < this.end) return;
    this.from = 0;
    this.end = 0;
  }

  private makeRoom(moreBytes: number): void {
    const { room, from, end } = this;
    if (end + moreBytes <= room.length) return;
    const needed = end - from + moreBytes;
    if (needed * 2 <= room.length) {
      room.copyWithin(0, from, end);
    } else {
      this.room = Buffer.allocUnsafeSlow(Math.max(ROOM_BYTES_MIN, needed * 2));
      room.copy(this.room, 0, from, end);
    }
    this.from = 0;
    this.end = end - from;
  }
}

/** Where the answer that begins at `at` ends. */
export function endOfAnswer(bytes: Uint8Array, at: number): number {
  const length = readWord(bytes, at);
  return at + LENGTH_BYTES + (length === NO_ANSWER ? 0 : length);
}
