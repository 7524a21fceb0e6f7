/**
 * The bytes of a checkpoint file as they come, in pieces of any size: checked part by part, and the state
 * within them given on.
 *
 * 1. No byte of state is given before the part that holds it was checked.
 * 2. What waits for the rest of its part is bounded by the largest part there is.
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

const HEAD_BYTES = 16;
const BLOCK_HEAD_BYTES = 8;
const NOTHING = new Uint8Array(0);

export class CheckpointStream {
  readonly #path: string;
  readonly #chain = new PartChain();
  #meta: CheckpointMeta | undefined;
  #waiting: Uint8Array = NOTHING;
  #blocks = 0;
  #stateBytes = 0;
  #isComplete = false;

  /** @param path of what the bytes come from, for messages */
  constructor(path: string) {
    this.#path = path;
  }

  /** What the header says; undefined before it has come. */
  get meta(): CheckpointMeta | undefined {
    return this.#meta;
  }

  /**
   * Takes the next bytes, which are not kept.
   * @returns the state of the blocks that are whole now, in order, each a copy
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID at the first part that is not as it was written, _STORE_VERSION
   */
  take(bytes: Uint8Array): readonly Uint8Array[] {
    const all = new Uint8Array(this.#waiting.length + bytes.length);
    all.set(this.#waiting);
    all.set(bytes, this.#waiting.length);
    const state: Uint8Array[] = [];
    let at = 0;
    for (let length = this.#next(all); length > 0 && at + length <= all.length; ) {
      const part = all.subarray(at, at + length);
      const block = this.#part(part);
      if (block !== undefined) state.push(block);
      at += length;
      length = this.#next(all.subarray(at));
    }
    if (this.#isComplete && at < all.length) throw this.#invalid('something stands behind the footer');
    this.#waiting = all.slice(at);
    return state;
  }

  /** All has come. @throws ERR_INDELIBLE_CHECKPOINT_INVALID unless that is a whole checkpoint */
  end(): CheckpointMeta {
    if (this.#meta !== undefined && this.#isComplete) return this.#meta;
    throw this.#invalid(`it ends before block ${this.#blocks} is whole`);
  }

  /**
   * Length of the part that begins with these bytes; 0 while that cannot be told, or nothing is to follow.
   */
  #next(bytes: Uint8Array): number {
    if (this.#isComplete) return 0;
    if (this.#meta === undefined) return bytes.length < HEAD_BYTES ? 0 : headerLength(bytes, this.#path);
    if (bytes.length < BLOCK_HEAD_BYTES) return 0;
    const head = blockHead(bytes, this.#blocks, this.#path);
    return head.footer ? FOOTER_BYTES : head.lengthBytes + BLOCK_FRAME_BYTES;
  }

  #part(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#meta === undefined) {
      const { meta, digest } = decodeHeader(bytes, this.#path);
      this.#meta = meta;
      this.#chain.add(digest);
      return undefined;
    }
    if (blockHead(bytes, this.#blocks, this.#path).footer) {
      checkFooter(bytes, this.#stateBytes, this.#chain.value, this.#path);
      this.#isComplete = true;
      return undefined;
    }
    this.#chain.add(checkBlock(bytes, this.#blocks, this.#path));
    this.#blocks++;
    const state = bytes.slice(BLOCK_HEAD_BYTES, bytes.length - BLOCK_HEAD_BYTES);
    this.#stateBytes += state.length;
    return state;
  }

  #invalid(what: string): Error {
    return invalidCheckpoint(this.#path, what);
  }
}
