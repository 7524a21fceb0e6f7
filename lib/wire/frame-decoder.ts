/**
 * Frames out of the chunks of a socket, one at a time, as windows over the chunk they arrived in.
 *
 * 1. A frame that lies whole in a chunk is not copied. One that spans chunks is gathered into a buffer of its
 *    own.
 * 2. That buffer never exceeds GATHER_GROWTH times the bytes that have really come, plus GATHER_BYTES_MIN: a
 *    header that announces 2 MiB makes nobody allocate them.
 * 3. A window stays valid and unchanged for as long as it is held, provided the chunks do.
 * 4. After it threw, the decoder knows no frame boundary any more: the connection must be closed.
 *
 * | state | what holds | left by |
 * |---|---|---|
 * | between | no chunk, nothing gathered | push |
 * | reading | a chunk with bytes not yet taken | next, until it says false |
 * | gathering | the beginning of a frame, gathered; no chunk | push |
 */
import { FRAME_BYTES_MAX } from '../limits.js';
import { crc32 } from './crc32.js';
import { FRAME_HEADER_BYTES, FRAME_KIND_AT, FRAME_LENGTH_AT, FRAME_VERSION_AT } from './frame.js';
import { isVersionless, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from './protocol.js';
import { frameError, readU32 } from './reader.js';

const GATHER_BYTES_MIN = 512;
const GATHER_GROWTH = 4;

const NOTHING = Buffer.alloc(0);

export class FrameDecoder {
  /** Longest frame accepted from here on, in bytes. */
  frameBytesMax: number;
  /** The newest version accepted from here on. */
  versionMax: number = PROTOCOL_VERSION;

  /** The frame that `next` found: its body is bytes[start, end). */
  version = 0;
  kind = 0;
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;

  #chunk: Buffer = NOTHING;
  #at = 0;
  #gathered: Buffer = NOTHING;
  #gatheredLength = 0;

  constructor(frameBytesMax: number = FRAME_BYTES_MAX) {
    this.frameBytesMax = frameBytesMax;
  }

  /** Bytes set aside for a frame that is not whole yet. */
  get gatherCapacityBytes(): number {
    return this.#gathered.length;
  }

  /** Takes the next chunk. What `next` has not yet taken of the one before goes in front of it. */
  push(chunk: Buffer): void {
    const left = this.#chunk.length - this.#at;
    this.#chunk = left === 0 ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /**
   * Moves to the next whole frame.
   * @returns false when more bytes are needed.
   * @throws ERR_INDELIBLE_FRAME for a length out of bounds, another version, or a wrong CRC.
   */
  next(): boolean {
    if (this.#gatheredLength > 0) return this.#gather();
    const at = this.#at;
    const available = this.#chunk.length - at;
    if (available < FRAME_HEADER_BYTES) return this.#gather();
    const length = this.#lengthAt(this.#chunk, at);
    if (available < length) return this.#gather();
    this.#at = at + length;
    this.#open(this.#chunk, at, at + length);
    if (this.#at === this.#chunk.length) this.#dropChunk();
    return true;
  }

  /** Copies what there is of an unfinished frame, so that its chunk can go. */
  #gather(): boolean {
    if (this.#gatheredLength < FRAME_HEADER_BYTES && !this.#take(FRAME_HEADER_BYTES)) return false;
    const length = this.#lengthAt(this.#gathered, 0);
    if (!this.#take(length)) return false;
    const frame = this.#gathered;
    this.#gathered = NOTHING;
    this.#gatheredLength = 0;
    this.#open(frame, 0, length);
    return true;
  }

  /** Copies from the chunk until `wanted` bytes are gathered. */
  #take(wanted: number): boolean {
    const count = Math.min(wanted - this.#gatheredLength, this.#chunk.length - this.#at);
    const total = this.#gatheredLength + count;
    if (total > this.#gathered.length) {
      const capacity = Math.max(GATHER_BYTES_MIN, GATHER_GROWTH * total);
      const roomier = Buffer.allocUnsafeSlow(
        wanted > FRAME_HEADER_BYTES ? Math.min(wanted, capacity) : capacity,
      );
      this.#gathered.copy(roomier, 0, 0, this.#gatheredLength);
      this.#gathered = roomier;
    }
    this.#chunk.copy(this.#gathered, this.#gatheredLength, this.#at, this.#at + count);
    this.#gatheredLength = total;
    this.#at += count;
    if (this.#at === this.#chunk.length) this.#dropChunk();
    return total === wanted;
  }

  #dropChunk(): void {
    this.#chunk = NOTHING;
    this.#at = 0;
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = readU32(bytes, at + FRAME_LENGTH_AT);
    if (length < FRAME_HEADER_BYTES || length > this.frameBytesMax) {
      throw frameError(
        `a frame announces ${length} bytes; ${FRAME_HEADER_BYTES} … ${this.frameBytesMax} are allowed`,
      );
    }
    return length;
  }

  #open(bytes: Buffer, start: number, end: number): void {
    this.version = bytes[start + FRAME_VERSION_AT]! | (bytes[start + FRAME_VERSION_AT + 1]! << 8);
    this.kind = bytes[start + FRAME_KIND_AT]! | (bytes[start + FRAME_KIND_AT + 1]! << 8);
    if (crc32(bytes, start + FRAME_LENGTH_AT, end) !== readU32(bytes, start)) {
      throw frameError(`the CRC of a frame of kind ${this.kind} is wrong`);
    }
    const isSpoken = this.version >= PROTOCOL_VERSION_MIN && this.version <= this.versionMax;
    if (!isSpoken && !isVersionless(this.kind)) {
      throw frameError(`a frame of kind ${this.kind} speaks protocol version ${this.version}`);
    }
    this.bytes = bytes;
    this.start = start + FRAME_HEADER_BYTES;
    this.end = end;
  }
}
