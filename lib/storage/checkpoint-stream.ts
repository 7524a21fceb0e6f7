/**
 * The bytes of a checkpoint file as they come, in pieces of any size: checked part by part, and the state
 * within them given on.
 *
 * 1. No byte of state is given before the part that holds it was checked.
 * 2. What waits for the rest of its part is bounded by the largest part there is.
 */
import { type CheckpointMeta, invalidCheckpoint } from './checkpoint-format.js';
import { CheckpointParts } from './checkpoint-parts.js';

const NOTHING = new Uint8Array(0);

export class CheckpointStream {
  readonly #path: string;
  readonly #parts: CheckpointParts;
  #waiting: Uint8Array = NOTHING;

  /** @param path of what the bytes come from, for messages */
  constructor(path: string) {
    this.#path = path;
    this.#parts = new CheckpointParts(path);
  }

  /** What the header says; undefined before it has come. */
  get meta(): CheckpointMeta | undefined {
    return this.#parts.meta;
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
      const block = this.#parts.take(all.subarray(at, at + length));
      if (block !== undefined) state.push(block.slice());
      at += length;
      length = this.#next(all.subarray(at));
    }
    if (this.#parts.complete && at < all.length) throw this.#invalid('something stands behind the footer');
    this.#waiting = all.slice(at);
    return state;
  }

  /** All has come. @throws ERR_INDELIBLE_CHECKPOINT_INVALID unless that is a whole checkpoint */
  end(): CheckpointMeta {
    const { meta, complete, blocks } = this.#parts;
    if (meta !== undefined && complete) return meta;
    throw this.#invalid(`it ends before block ${blocks} is whole`);
  }

  /**
   * Length of the part that begins with these bytes; 0 while that cannot be told, or nothing is to follow.
   */
  #next(bytes: Uint8Array): number {
    const parts = this.#parts;
    return parts.complete || bytes.length < parts.headBytes ? 0 : parts.lengthOf(bytes);
  }

  #invalid(what: string): Error {
    return invalidCheckpoint(this.#path, what);
  }
}
