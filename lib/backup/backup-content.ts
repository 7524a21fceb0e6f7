/**
 * What the parts of a back-up must be, looked at as they are written and again as they are read.
 *
 * 1. The log comes first: every slot behind the state through the last one, none left out, each batch with
 *    its digest; the chain over them leads from that of the checkpoint to that of the description (contract
 *    15).
 * 2. Then the checkpoint, exactly as long as the description says, whole, and through the slot it says.
 */
import { extendChain } from '../paxos/chain.js';
import type { CheckpointMeta } from '../storage/checkpoint-format.js';
import { CheckpointStream } from '../storage/checkpoint-stream.js';
import { digestOf } from '../storage/crc64.js';
import type { Digest, Slot, Vote } from '../types.js';
import { Reader } from '../wire/reader.js';
import { readVotes } from '../wire/votes-codec.js';
import { type BackupDescription, invalidBackup, PartKind } from './backup-format.js';

/** A vote with its bytes. */
export type LoggedBatch = Vote & { readonly bytes: Uint8Array };

/** The batches of a part of the log, views of `bytes`. @throws ERR_INDELIBLE_BACKUP_INVALID */
export function decodeLogPart(bytes: Uint8Array, path: string): readonly LoggedBatch[] {
  let votes: readonly Vote[];
  try {
    const reader = new Reader(bytes, 0, bytes.length);
    votes = readVotes(reader);
    reader.finish();
  } catch (cause) {
    throw invalidBackup(path, `a part of its log cannot be read: ${(cause as Error).message}`);
  }
  return votes.map((vote) => {
    const { slot, digest, bytes: batch } = vote;
    if (batch === undefined || digestOf(batch, 0, batch.length) !== digest)
      throw invalidBackup(path, `the batch of slot ${slot} does not have its digest`);
    return { ...vote, bytes: batch };
  });
}

export class BackupContent {
  readonly #description: BackupDescription;
  readonly #path: string;
  readonly #checkpoint: CheckpointStream;
  #slot: Slot;
  #chain: Digest;
  #checkpointBytes = 0;

  constructor(description: BackupDescription, path: string) {
    this.#description = description;
    this.#path = path;
    this.#checkpoint = new CheckpointStream(path);
    this.#slot = description.checkpointThrough;
    this.#chain = description.checkpointChain as Digest;
  }

  /** The log is whole through this slot. */
  get slot(): Slot {
    return this.#slot;
  }

  /** Bytes of the checkpoint so far. */
  get checkpointBytes(): number {
    return this.#checkpointBytes;
  }

  /** Looks at the next part. @throws ERR_INDELIBLE_BACKUP_INVALID, _CHECKPOINT_INVALID, _STORE_VERSION */
  take(kind: PartKind, bytes: Uint8Array): void {
    const { throughSlot, checkpointBytes } = this.#description;
    if (kind === PartKind.log) return this.#takeLog(bytes);
    if (this.#slot !== throughSlot)
      throw this.#invalid(`its log ends at slot ${this.#slot}, not at ${throughSlot}`);
    this.#checkpointBytes += bytes.length;
    if (this.#checkpointBytes > checkpointBytes) throw this.#invalid('its checkpoint is longer than it says');
    this.#checkpoint.take(bytes);
  }

  /** All parts were looked at. @throws ERR_INDELIBLE_BACKUP_INVALID, _CHECKPOINT_INVALID */
  end(): CheckpointMeta {
    const { throughSlot, chain, checkpointThrough, checkpointChain, clusterId } = this.#description;
    const meta = this.#checkpoint.end();
    if (this.#slot !== throughSlot || this.#chain !== chain)
      throw this.#invalid(`the digests of its log do not lead to that of slot ${throughSlot}`);
    const isOf = meta.throughSlot === checkpointThrough && meta.chainDigest === checkpointChain;
    if (!isOf || meta.clusterId !== clusterId)
      throw this.#invalid(`its checkpoint is not the one through slot ${checkpointThrough}`);
    return meta;
  }

  #takeLog(bytes: Uint8Array): void {
    if (this.#checkpointBytes > 0) throw this.#invalid('its log goes on behind its checkpoint');
    for (const { slot, digest } of decodeLogPart(bytes, this.#path)) {
      if (slot !== this.#slot + 1 || slot > this.#description.throughSlot)
        throw this.#invalid(`slot ${slot} stands behind slot ${this.#slot}`);
      this.#slot = slot;
      this.#chain = extendChain(this.#chain, slot, digest);
    }
  }

  #invalid(what: string): Error {
    return invalidBackup(this.#path, what);
  }
}
