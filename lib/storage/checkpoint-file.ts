/**
 * One whole, verified checkpoint file, open for reading.
 *
 * 1. A {@link CheckpointFile} exists only after every byte of its file was read back and checked.
 * 2. Blocks are checked again whenever they are read for a restore; raw reads for a peer are not, because the
 *    peer checks the whole before it installs it.
 */
import {
  BLOCK_BYTES_MAX,
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
import type { FileMedium, MediumFile } from './file/medium.js';

/** Reads a file front to back through one buffer, so that small parts do not cost a read each. */
class Forward {
  readonly #file: MediumFile;
  readonly #window = new Uint8Array(1 << 18);
  #windowAt = 0;
  #windowBytes = 0;

  constructor(file: MediumFile) {
    this.#file = file;
  }

  /** A view of the bytes at [at, at + length), shorter at the end of the file; valid until the next call. */
  async take(at: number, length: number): Promise<Uint8Array> {
    if (at < this.#windowAt || at + length > this.#windowAt + this.#windowBytes) {
      this.#windowAt = at;
      this.#windowBytes = await this.#file.read(this.#window, at);
    }
    const from = at - this.#windowAt;
    return this.#window.subarray(from, Math.min(from + length, this.#windowBytes));
  }
}

interface Verified {
  readonly meta: CheckpointMeta;
  readonly headerBytes: number;
  readonly lengthBytes: number;
  readonly stateBytes: number;
}

async function verify(file: MediumFile): Promise<Verified> {
  const path = file.path;
  const lengthBytes = await file.length();
  const forward = new Forward(file);
  const head = headerLength(await forward.take(0, 16), path);
  const { meta, headerBytes, digest } = decodeHeader(await forward.take(0, head), path);
  const chain = new PartChain();
  chain.add(digest);
  let at = headerBytes;
  let stateBytes = 0;
  for (let number = 0; ; number++) {
    const next = blockHead(await forward.take(at, 8), number, path);
    if (next.footer) break;
    const whole = next.lengthBytes + BLOCK_FRAME_BYTES;
    const bytes = await forward.take(at, whole);
    if (bytes.length < whole) throw invalidCheckpoint(path, `it ends within block ${number}`);
    chain.add(checkBlock(bytes, number, path));
    stateBytes += next.lengthBytes;
    at += whole;
  }
  checkFooter(await forward.take(at, FOOTER_BYTES), stateBytes, chain.value, path);
  if (at + FOOTER_BYTES !== lengthBytes) throw invalidCheckpoint(path, 'something stands behind the footer');
  return { meta, headerBytes, lengthBytes, stateBytes };
}

export class CheckpointFile {
  readonly meta: CheckpointMeta;
  /** Bytes of the whole file, which is what travels to a peer. */
  readonly lengthBytes: number;
  /** Bytes of the state within it. */
  readonly stateBytes: number;
  /** Where the file is now: it is verified before it gets its name. */
  path: string;
  readonly #file: MediumFile;
  readonly #headerBytes: number;
  #closed = false;

  private constructor(file: MediumFile, verified: Verified) {
    this.#file = file;
    this.path = file.path;
    this.meta = verified.meta;
    this.lengthBytes = verified.lengthBytes;
    this.stateBytes = verified.stateBytes;
    this.#headerBytes = verified.headerBytes;
  }

  /**
   * Opens and verifies. @throws ERR_INDELIBLE_CHECKPOINT_INVALID, ERR_INDELIBLE_STORE_VERSION, system errors
   */
  static async open(medium: FileMedium, path: string): Promise<CheckpointFile> {
    const file = await medium.open(path, 'read');
    try {
      return new CheckpointFile(file, await verify(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** What a file's header says, which alone is read and checked. @throws as {@link open} does */
  static async readMeta(medium: FileMedium, path: string): Promise<CheckpointMeta> {
    const file = await medium.open(path, 'read');
    try {
      const forward = new Forward(file);
      const head = headerLength(await forward.take(0, 16), path);
      return decodeHeader(await forward.take(0, head), path).meta;
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
    const bytes = new Uint8Array(wanted);
    return bytes.subarray(0, this.#file.readSync(bytes, offset));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }
}
