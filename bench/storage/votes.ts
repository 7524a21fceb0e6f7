/**
 * Votes to stage: batches that differ from one to the next, with the digests that their proposer has
 * computed.
 */
import type { Storage } from '../../lib/storage/storage.js';
import type { Ballot, BatchKind, Digest, Slot } from '../../lib/types.js';

type DigestFunction = (bytes: Uint8Array, start: number, end: number) => Digest;

/** A power of two. */
const VARIANTS = 128;
const COMMANDS: BatchKind = 1;
/** Round 1, replica 1. */
const BALLOT = (2 ** 16 + 1) as Ballot;

export class Votes {
  /** All variants one behind the other: a leader's arena and a socket's chunk hold batches like that too. */
  readonly #bytes: Uint8Array;
  readonly #digests: readonly Digest[];
  readonly #length: number;
  #variant = 0;

  constructor(length: number, digestOf: DigestFunction) {
    this.#length = length;
    this.#bytes = Uint8Array.from({ length: VARIANTS * length }, (_, at) => (at * 31 + (at >> 8)) & 255);
    this.#digests = Array.from({ length: VARIANTS }, (_, variant) => {
      return digestOf(this.#bytes, variant * length, (variant + 1) * length);
    });
  }

  /** Stages votes for `count` slots from `first` on. @throws when the log has no room */
  stage(storage: Storage, first: Slot, count: number): void {
    const bytes = this.#bytes;
    const digests = this.#digests;
    const length = this.#length;
    const variant = this.#variant;
    // Counted from 0, so that V8 sees small integers: it is not this loop that is measured.
    for (let index = 0; index < count; index++) {
      const which = (variant + index) & (VARIANTS - 1);
      const start = Math.imul(which, length);
      const digest = digests[which]!;
      if (storage.stageVote(first + index, BALLOT, COMMANDS, digest, bytes, start, start + length)) continue;
      throw new Error('the log is full: trims do not keep up');
    }
    this.#variant = (variant + count) & (VARIANTS - 1);
  }
}
