/**
 * The receiving end of a state transfer: a peer's checkpoint file, collected chunk by chunk.
 *
 * 1. Chunks are appended in order; `offset` is where the next one belongs. A chunk from elsewhere is ignored.
 * 2. What arrives is synced and read back from the device as it comes, in large steps, so that little is left
 *    to do at the end, and a checkpoint that this replica may not take is refused by its first bytes.
 * 3. What an earlier life of this replica received counts as far as it is checked from the first byte on: a
 *    crash may have left anything behind that.
 * 4. Nothing comes of it before `finish` has checked all of it (contract 26).
 */
import { argumentError } from '../errors.js';
import type { Slot } from '../types.js';
import { CheckpointFile, type FileName } from './checkpoint-file.js';
import { type CheckpointMeta, invalidCheckpoint } from './checkpoint-format.js';
import { CheckpointScan } from './checkpoint-scan.js';
import type { MediumFile } from './file/medium.js';

/** Bytes that arrive between two syncs; the first comes when a header must be there. */
const STEP_BYTES: number = 16 << 20;
const FIRST_STEP_BYTES: number = 64 << 10;

export class CheckpointReceiver implements FileName {
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  readonly digest: number;
  readonly #file: MediumFile;
  readonly #scan: CheckpointScan;
  readonly #suits: (meta: CheckpointMeta) => void;
  #lengthBytes: number;
  #offset = 0;
  #stepAt = FIRST_STEP_BYTES;
  #stepping: Promise<void> = Promise.resolve();
  #ended = false;

  /**
   * Use `CheckpointStore.receive`.
   * @param suits throws for a checkpoint that this store may not take
   */
  constructor(
    file: MediumFile,
    { checkpointId, throughSlot, digest }: FileName,
    lengthBytes: number,
    suits: (meta: CheckpointMeta) => void,
    scan: CheckpointScan = new CheckpointScan(file),
  ) {
    if (!(Number.isSafeInteger(lengthBytes) && lengthBytes >= 0)) {
      throw argumentError(`a checkpoint cannot be ${lengthBytes} bytes long`);
    }
    this.#file = file;
    this.checkpointId = checkpointId;
    this.throughSlot = throughSlot;
    this.digest = digest;
    this.#lengthBytes = lengthBytes;
    this.#suits = suits;
    this.#scan = scan;
    this.#offset = scan.at;
    this.#stepAt = scan.at === 0 ? FIRST_STEP_BYTES : scan.at + STEP_BYTES;
  }

  /** Use `CheckpointStore.partial`. @throws where no header is there, or it is of none that suits */
  static async resume(file: MediumFile, suits: (meta: CheckpointMeta) => void): Promise<CheckpointReceiver> {
    const scan = new CheckpointScan(file);
    try {
      // What does not verify is where the good part ends.
      await scan.advance(await file.length()).catch(() => {});
      const meta = scan.meta;
      if (meta === undefined) throw invalidCheckpoint(file.path, 'its header has not arrived');
      suits(meta);
      const { checkpointId, throughSlot } = meta;
      const name = { checkpointId, throughSlot, digest: scan.digest };
      return new CheckpointReceiver(file, name, scan.complete ? scan.at : 0, suits, scan);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Of the whole file; 0 where nobody has said it in this life. */
  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Bytes that have arrived, without a gap. */
  get offset(): number {
    return this.#offset;
  }

  get complete(): boolean {
    return this.#lengthBytes > 0 && this.#offset === this.#lengthBytes;
  }

  /** Whether it is that file of that checkpoint. */
  isOf({ checkpointId, throughSlot, digest }: FileName): boolean {
    return this.checkpointId === checkpointId && this.throughSlot === throughSlot && this.digest === digest;
  }

  /** A source says how long the file is. @throws ERR_INDELIBLE_CHECKPOINT_INVALID if it was said otherwise */
  announced(lengthBytes: number): void {
    if (this.#lengthBytes === 0 && lengthBytes >= this.#offset) this.#lengthBytes = lengthBytes;
    if (this.#lengthBytes === lengthBytes) return;
    throw invalidCheckpoint(this.#file.path, 'its length is not the one that was announced');
  }

  /**
   * Takes the chunk at `offset`; resolves to whether it was the one expected. Await it before the next.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID for a chunk that reaches beyond the announced length, or where
   * what has arrived is not as it was written, or not to be taken by this replica; system errors
   */
  async append(offset: number, bytes: Uint8Array): Promise<boolean> {
    if (this.#ended || offset !== this.#offset || bytes.length === 0) return false;
    if (offset + bytes.length > this.#lengthBytes) {
      throw invalidCheckpoint(this.#file.path, 'more bytes arrived than were announced');
    }
    this.#offset += bytes.length;
    await this.#file.write(bytes, offset, 'checkpoint');
    if (this.#offset < this.#stepAt) return true;
    this.#stepAt = this.#offset + STEP_BYTES;
    // The first one tells whether it may be taken at all. Later ones go on beside what arrives meanwhile.
    const isFirst = this.#scan.meta === undefined;
    await this.#stepping;
    if (this.#ended) return true;
    const step = this.#step(this.#offset, isFirst);
    this.#stepping = step;
    // It is awaited by the next step, or at the end.
    step.catch(() => {});
    if (isFirst) await step;
    return true;
  }

  async #step(end: number, isFirst: boolean): Promise<void> {
    await this.#file.sync('checkpoint');
    await this.#scan.advance(end);
    if (isFirst) this.#check();
  }

  #check(): void {
    const { meta, digest } = this.#scan;
    const { path } = this.#file;
    if (meta === undefined) throw invalidCheckpoint(path, 'its header cannot be read back');
    const { checkpointId, throughSlot } = meta;
    if (!this.isOf({ checkpointId, throughSlot, digest })) {
      throw invalidCheckpoint(path, 'it is another checkpoint than the one announced');
    }
    this.#suits(meta);
  }

  /**
   * The checkpoint that was received: durable and checked to its last byte, not yet this replica's.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID when it does not verify or may not be taken
   */
  async finish(): Promise<CheckpointFile> {
    if (!this.complete) throw invalidCheckpoint(this.#file.path, 'it has not arrived whole');
    if (this.#ended) throw invalidCheckpoint(this.#file.path, 'the transfer has ended');
    this.#ended = true;
    try {
      await this.#stepping;
      await this.#file.sync('checkpoint');
      const whole = await CheckpointFile.verified(this.#file, this.#scan);
      this.#check();
      return whole;
    } catch (error) {
      await this.#file.close();
      throw error;
    }
  }

  /** Ends here; what has arrived stays, for a later life or transfer to go on with. */
  async leave(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#stepping.catch(() => {});
    await this.#file.close();
  }
}
