/**
 * One whole, verified checkpoint file, open for reading.
 *
 * 1. A {@link CheckpointFile} exists only after every byte of its file was read back and checked.
 * 2. Blocks are checked again whenever they are read for a restore; raw reads for a peer are not, because the
 *    peer checks the whole before it installs it.
 */

import { NO_BALLOT } from '../paxos/ballot.js';
import type { Governing } from '../paxos/configurations.js';
import type { Slot } from '../types.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_FRAME_BYTES,
  blockHead,
  type CheckpointMeta,
  checkBlock,
  decodeHeader,
  headerLength,
  invalidCheckpoint,
} from './checkpoint-format.js';
import { CheckpointScan, Forward } from './checkpoint-scan.js';
import type { FileMedium, MediumFile } from './file/medium.js';

/** Bytes that are checked between two words of progress. */
const STEP_BYTES: number = 8 << 20;
/** A header's own first bytes, and the most that all of it takes. */
const HEADER_WINDOW_BYTES: number = 64 << 10;

/** Which file of which checkpoint: what a peer asks for. */
export interface FileName {
  readonly checkpointId: number;
  readonly throughSlot: Slot;
  /** As {@link CheckpointFile.digest}. */
  readonly digest: number;
}

export class CheckpointFile {
  readonly meta: CheckpointMeta;
  /** Files with the same digest are the same bytes: it covers a salt that each writing draws anew. */
  readonly digest: number;
  /** Bytes of the whole file, which is what travels to a peer. */
  readonly lengthBytes: number;
  /** Bytes of the state within it. */
  readonly stateBytes: number;
  /** Where the file is now: it is verified before it gets its name. */
  path: string;
  readonly #file: MediumFile;
  readonly #headerBytes: number;
  #closed = false;

  private constructor(file: MediumFile, meta: CheckpointMeta, scan: CheckpointScan) {
    this.#file = file;
    this.path = file.path;
    this.meta = meta;
    this.digest = scan.digest;
    this.lengthBytes = scan.at;
    this.stateBytes = scan.stateBytes;
    this.#headerBytes = scan.headerBytes;
  }

  /** What governs the slot behind the state. */
  get governing(): Governing {
    const { configuration, configurationAbove: above = NO_BALLOT, throughSlot } = this.meta;
    return { configuration, from: throughSlot + 1, above };
  }

  /**
   * Opens and verifies.
   * @param moved called now and then while it reads
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID, ERR_INDELIBLE_STORE_VERSION, system errors
   */
  static async open(medium: FileMedium, path: string, moved: () => void = () => {}): Promise<CheckpointFile> {
    const file = await medium.open(path, 'read');
    try {
      return await CheckpointFile.verified(file, new CheckpointScan(file), moved);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The rest of what `scan` has begun to check; `file` is this checkpoint's from now on. @throws as open */
  static async verified(
    file: MediumFile,
    scan: CheckpointScan,
    moved: () => void = () => {},
  ): Promise<CheckpointFile> {
    const lengthBytes = await file.length();
    for (let end = scan.at + STEP_BYTES; !scan.complete && end < lengthBytes; end += STEP_BYTES) {
      await scan.advance(end);
      moved();
    }
    await scan.advance(lengthBytes);
    return new CheckpointFile(file, scan.mustBeWhole(lengthBytes), scan);
  }

  /** What a file's header says, which alone is read and checked. @throws as {@link open} does */
  static async readMeta(medium: FileMedium, path: string): Promise<CheckpointMeta> {
    const file = await medium.open(path, 'read');
    try {
      const forward = new Forward(file, HEADER_WINDOW_BYTES);
      const head = headerLength(await forward.take(0, 16, HEADER_WINDOW_BYTES), path);
      return decodeHeader(await forward.take(0, head, HEADER_WINDOW_BYTES), path).meta;
    } finally {
      await file.close();
    }
  }

  /**
   * The state, block by block, each a copy. @throws ERR_INDELIBLE_CHECKPOINT_INVALID where the file has
   * rotted
   */
  *chunks(): Generator<Uint8Array, void, void> {
    const head = new Uint8Array(8);
    let at = this.#headerBytes;
    for (let number = 0; ; number++) {
      const got = this.#file.readSync(head, at);
      const next = blockHead(head.subarray(0, got), number, this.path);
      if (next.footer) return;
      const bytes = new Uint8Array(next.lengthBytes + BLOCK_FRAME_BYTES);
      if (this.#file.readSync(bytes, at) < bytes.length) {
        throw invalidCheckpoint(this.path, `it ends within block ${number}`);
      }
      checkBlock(bytes, number, this.path);
      yield bytes.subarray(8, 8 + next.lengthBytes);
      at += bytes.length;
    }
  }

  /**
   * The file's own bytes at `offset`, at most `length` and at most BLOCK_BYTES_MAX · 16 of them.
   * Undefined once this checkpoint has been replaced and closed.
   */
  read(offset: number, length: number): Uint8Array | undefined {
    if (this.#closed) return undefined;
    const wanted = Math.min(length, this.lengthBytes - offset, BLOCK_BYTES_MAX * 16);
    if (wanted <= 0) return new Uint8Array(0);
    const bytes = Buffer.allocUnsafeSlow(wanted);
    return bytes.subarray(0, this.#file.readSync(bytes, offset));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}
