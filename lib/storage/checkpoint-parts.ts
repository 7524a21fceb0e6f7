/**
 * The parts of a checkpoint file, one behind the other: the header, then blocks, then the footer. Each is
 * checked as it is taken; where its bytes come from is not known here.
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
  PartChain,
} from './checkpoint-format.js';

/** From so many bytes the length of the header can be told, and from so many that of any other part. */
export const HEAD_BYTES = 16;
export const BLOCK_HEAD_BYTES = 8;

export class CheckpointParts {
  readonly #path: string;
  readonly #chain = new PartChain();
  #meta: CheckpointMeta | undefined;
  #digest = 0;
  #headerBytes = 0;
  #blocks = 0;
  #stateBytes = 0;
  #complete = false;

  /** @param path of what the bytes come from, for messages */
  constructor(path: string) {
    this.#path = path;
  }

  /** What the header says; undefined before it has been taken. */
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
  /** Blocks taken, and bytes of state in them. */
  get blocks(): number {
    return this.#blocks;
  }
  get stateBytes(): number {
    return this.#stateBytes;
  }
  /** The footer closes what was taken. */
  get complete(): boolean {
    return this.#complete;
  }
  /** Bytes from which the length of the next part can be told. */
  get headBytes(): number {
    return this.#meta === undefined ? HEAD_BYTES : BLOCK_HEAD_BYTES;
  }

  /**
   * Length of the next part, of which these are the first `headBytes` or more.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID, _STORE_VERSION
   */
  lengthOf(bytes: Uint8Array): number {
    if (this.#meta === undefined) return headerLength(bytes, this.#path);
    const head = blockHead(bytes, this.#blocks, this.#path);
    return head.footer ? FOOTER_BYTES : head.lengthBytes + BLOCK_FRAME_BYTES;
  }

  /**
   * Takes the next part.
   * @returns a view of the state in it; undefined of a header or a footer
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID if it is not as it was written, _STORE_VERSION
   */
  take(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#meta === undefined) {
      const { meta, headerBytes, digest } = decodeHeader(bytes, this.#path);
      this.#meta = meta;
      this.#headerBytes = headerBytes;
      this.#digest = digest;
      this.#chain.add(digest);
      return undefined;
    }
    const head = blockHead(bytes, this.#blocks, this.#path);
    if (head.footer) {
      checkFooter(bytes, this.#stateBytes, this.#chain.value, this.#path);
      this.#complete = true;
      return undefined;
    }
    this.#chain.add(checkBlock(bytes, this.#blocks, this.#path));
    this.#blocks++;
    this.#stateBytes += head.lengthBytes;
    return bytes.subarray(BLOCK_HEAD_BYTES, BLOCK_HEAD_BYTES + head.lengthBytes);
  }
}
