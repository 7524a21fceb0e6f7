/**
 * Reading a checkpoint file back from the device, front to back, and checking every byte on the way.
 *
 * 1. What has been checked is whole parts: the header, then blocks, then the footer. `at` is where they end,
 *    and where a transfer that was interrupted goes on.
 * 2. It may follow a file that still grows: each call goes on where the last one ended.
 */
import {
  BLOCK_FRAME_BYTES,
  blockHead,
  type CheckpointMeta,
  checkBlock,
  checkFooter,
  decodeHeader,
  FOOTER_BYTES,
  headerLength,
  invalidCheckpoint,
  PartChain,
} from './checkpoint-format.js';
import type { MediumFile } from './file/medium.js';

const WINDOW_BYTES: number = 1 << 20;
const HEAD_BYTES = 16;
const BLOCK_HEAD_BYTES = 8;

/** Reads a file front to back through one buffer, so that small parts do not cost a read each. */
export class Forward {
  readonly #file: MediumFile;
  readonly #window: Uint8Array;
  #windowAt = 0;
  #windowBytes = 0;

  constructor(file: MediumFile, windowBytes: number = WINDOW_BYTES) {
    this.#file = file;
    this.#window = new Uint8Array(windowBytes);
  }

  /** What was read before may have changed in the file. */
  forget(): void {
    this.#windowBytes = 0;
  }

  /** A view of the bytes at [at, at + length), fewer where the file ends or `end` is; until the next call. */
  async take(at: number, length: number, end: number): Promise<Uint8Array> {
    if (at < this.#windowAt || Math.min(at + length, end) > this.#windowAt + this.#windowBytes) {
      const wanted = Math.min(this.#window.length, Math.max(0, end - at));
      this.#windowAt = at;
      this.#windowBytes = await this.#file.read(this.#window.subarray(0, wanted), at);
    }
    const from = at - this.#windowAt;
    return this.#window.subarray(from, Math.min(from + length, this.#windowBytes));
  }
}

export class CheckpointScan {
  readonly #file: MediumFile;
  readonly #forward: Forward;
  readonly #chain = new PartChain();
  #meta: CheckpointMeta | undefined;
  #digest = 0;
  #headerBytes = 0;
  #at = 0;
  #blocks = 0;
  #stateBytes = 0;
  #complete = false;

  constructor(file: MediumFile) {
    this.#file = file;
    this.#forward = new Forward(file);
  }

  /** What the header says; undefined before it has been read. */
  get meta(): CheckpointMeta | undefined {
    return this.#meta;
  }
  /** The header's digest, which covers a random salt: files that have the same one are the same bytes. */
  get digest(): number {
    return this.#digest;
  }
  get headerBytes(): number {
    return this.#headerBytes;
  }
  get stateBytes(): number {
    return this.#stateBytes;
  }
  /** Every byte below it is checked. */
  get at(): number {
    return this.#at;
  }
  /** The footer closes what was read. */
  get complete(): boolean {
    return this.#complete;
  }

  /**
   * Checks the parts that lie whole below `end`.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID at the first that is not as it was written, _STORE_VERSION
   */
  async advance(end: number): Promise<void> {
    this.#forward.forget();
    while (!this.#complete && (await this.#next(end)));
  }

  async #next(end: number): Promise<boolean> {
    const path = this.#file.path;
    if (this.#meta === undefined) return this.#header(end);
    if (this.#at + BLOCK_HEAD_BYTES > end) return false;
    const head = await this.#forward.take(this.#at, BLOCK_HEAD_BYTES, end);
    if (head.length < BLOCK_HEAD_BYTES) return false;
    const next = blockHead(head, this.#blocks, path);
    const whole = next.footer ? FOOTER_BYTES : next.lengthBytes + BLOCK_FRAME_BYTES;
    if (this.#at + whole > end) return false;
    const bytes = await this.#forward.take(this.#at, whole, end);
    if (bytes.length < whole) return false;
    if (next.footer) {
      checkFooter(bytes, this.#stateBytes, this.#chain.value, path);
      this.#complete = true;
    } else {
      this.#chain.add(checkBlock(bytes, this.#blocks, path));
      this.#blocks++;
      this.#stateBytes += next.lengthBytes;
    }
    this.#at += whole;
    return true;
  }

  async #header(end: number): Promise<boolean> {
    const path = this.#file.path;
    if (end < HEAD_BYTES) return false;
    const length = headerLength(await this.#forward.take(0, HEAD_BYTES, end), path);
    if (length > end) return false;
    const { meta, headerBytes, digest } = decodeHeader(await this.#forward.take(0, length, end), path);
    this.#meta = meta;
    this.#digest = digest;
    this.#headerBytes = headerBytes;
    this.#chain.add(digest);
    this.#at = headerBytes;
    return true;
  }

  /** @throws ERR_INDELIBLE_CHECKPOINT_INVALID unless exactly the `lengthBytes` of the file were checked. */
  mustBeWhole(lengthBytes: number): CheckpointMeta {
    const path = this.#file.path;
    if (this.#meta === undefined) {
      const what =
        lengthBytes < HEAD_BYTES ? 'this is not a checkpoint' : 'the header does not have its digest';
      throw invalidCheckpoint(path, what);
    }
    if (!this.#complete) {
      const isWithin = lengthBytes - this.#at >= BLOCK_HEAD_BYTES;
      throw invalidCheckpoint(
        path,
        isWithin ? `it ends within block ${this.#blocks}` : `it ends where block ${this.#blocks} should be`,
      );
    }
    if (this.#at !== lengthBytes) throw invalidCheckpoint(path, 'something stands behind the footer');
    return this.#meta;
  }
}
