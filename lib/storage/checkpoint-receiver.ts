/**
 * The receiving end of a state transfer: a peer's checkpoint file, collected chunk by chunk.
 *
 * 1. Chunks are appended in order; `offset` is where the next one belongs, and where a transfer resumes after
 *    a lost message or connection. A chunk from elsewhere is ignored.
 * 2. Nothing counts before `finish`: it syncs the file, verifies all of it and installs it (contract 26).
 */
import { argumentError } from '../errors.js';
import type { Slot } from '../types.js';
import type { CheckpointFile } from './checkpoint-file.js';
import { invalidCheckpoint } from './checkpoint-format.js';
import type { MediumFile } from './file/medium.js';

export class CheckpointReceiver {
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  readonly lengthBytes: number;
  readonly #file: MediumFile;
  readonly #install: () => Promise<CheckpointFile>;
  #offset = 0;
  #ended = false;

  /** Use `CheckpointStore.receive`. */
  constructor(
    file: MediumFile,
    checkpointId: number,
    throughSlot: Slot,
    lengthBytes: number,
    install: () => Promise<CheckpointFile>,
  ) {
    if (!(Number.isSafeInteger(lengthBytes) && lengthBytes > 0)) {
      throw argumentError(`a checkpoint cannot be ${lengthBytes} bytes long`);
    }
    this.#file = file;
    this.checkpointId = checkpointId;
    this.throughSlot = throughSlot;
    this.lengthBytes = lengthBytes;
    this.#install = install;
  }

  /** Bytes that have arrived, without a gap. */
  get offset(): number {
    return this.#offset;
  }

  get complete(): boolean {
    return this.#offset === this.lengthBytes;
  }

  /**
   * Takes the chunk at `offset`; resolves to whether it was the one expected. Await it before the next.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID for a chunk that reaches beyond the announced length
   */
  async append(offset: number, bytes: Uint8Array): Promise<boolean> {
    if (this.#ended || offset !== this.#offset || bytes.length === 0) return false;
    if (offset + bytes.length > this.lengthBytes) {
      throw invalidCheckpoint(this.#file.path, 'more bytes arrived than were announced');
    }
    this.#offset += bytes.length;
    await this.#file.write(bytes, offset, 'checkpoint');
    return true;
  }

  /**
   * Makes the received checkpoint the store's newest.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID when it does not verify, is not newer or not of this cluster;
   *   what was received is then gone, and a transfer starts anew
   */
  async finish(): Promise<CheckpointFile> {
    if (!this.complete) throw invalidCheckpoint(this.#file.path, 'it has not arrived whole');
    if (this.#ended) throw invalidCheckpoint(this.#file.path, 'the transfer has ended');
    this.#ended = true;
    try {
      await this.#file.sync('checkpoint');
    } finally {
      await this.#file.close();
    }
    return this.#install();
  }

  /** Gives up; what has arrived is not used. */
  async abandon(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#file.close();
  }
}
