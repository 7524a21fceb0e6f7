/**
 * Reading a checkpoint file back from the device, front to back, and checking every byte on the way.
 *
 * 1. What has been checked is whole parts: the header, then blocks, then the footer. `at` is where they end,
 *    and where a transfer that was interrupted goes on.
 * 2. It may follow a file that still grows: each call goes on where the last one ended.
 */
import { type CheckpointMeta, invalidCheckpoint } from './checkpoint-format.js';
import { BLOCK_HEAD_BYTES, CheckpointParts, HEAD_BYTES } from './checkpoint-parts.js';
import type { MediumFile } from './file/medium.js';

const WINDOW_BYTES: number = 1 << 20;

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
  readonly #parts: CheckpointParts;
  #at = 0;

  constructor(file: MediumFile) {
    this.#file = file;
    this.#forward = new Forward(file);
    this.#parts = new CheckpointParts(file.path);
  }

  /** What the header says; undefined before it has been read. */
  get meta(): CheckpointMeta | undefined {
    return this.#parts.meta;
  }
  /** The header's digest, which covers a random salt: files that have the same one are the same bytes. */
  get digest(): number {
    return this.#parts.digest;
  }
  get headerBytes(): number {
    return this.#parts.headerBytes;
  }
  get stateBytes(): number {
    return this.#parts.stateBytes;
  }
  /** Every byte below it is checked. */
  get at(): number {
    return this.#at;
  }
  /** The footer closes what was read. */
  get complete(): boolean {
    return this.#parts.complete;
  }

  /**
   * Checks the parts that lie whole below `end`.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID at the first that is not as it was written, _STORE_VERSION
   */
  async advance(end: number): Promise<void> {
    this.#forward.forget();
    while (!this.#parts.complete && (await this.#next(end)));
  }

  async #next(end: number): Promise<boolean> {
    const { headBytes } = this.#parts;
    if (this.#at + headBytes > end) return false;
    const head = await this.#forward.take(this.#at, headBytes, end);
    if (head.length < headBytes) return false;
    const whole = this.#parts.lengthOf(head);
    if (this.#at + whole > end) return false;
    const bytes = await this.#forward.take(this.#at, whole, end);
    if (bytes.length < whole) return false;
    this.#parts.take(bytes);
    this.#at += whole;
    return true;
  }

  /** @throws ERR_INDELIBLE_CHECKPOINT_INVALID unless exactly the `lengthBytes` of the file were checked. */
  mustBeWhole(lengthBytes: number): CheckpointMeta {
    const { path } = this.#file;
    const { meta, complete, blocks } = this.#parts;
    if (meta === undefined) {
      const what =
        lengthBytes < HEAD_BYTES ? 'this is not a checkpoint' : 'the header does not have its digest';
      throw invalidCheckpoint(path, what);
    }
    if (!complete) {
      const isWithin = lengthBytes - this.#at >= BLOCK_HEAD_BYTES;
      throw invalidCheckpoint(
        path,
        isWithin ? `it ends within block ${blocks}` : `it ends where block ${blocks} should be`,
      );
    }
    if (this.#at !== lengthBytes) throw invalidCheckpoint(path, 'something stands behind the footer');
    return meta;
  }
}
