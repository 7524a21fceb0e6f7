/**
 * A history to go through offline: a state, and the batches chosen in the slots behind it. A back-up is one,
 * and so is the store of a replica that is stopped.
 */
import type { CheckpointMeta } from '../storage/checkpoint-format.js';
import type { Batch, Slot } from '../types.js';

export interface History {
  /** What it comes from, for a person. */
  readonly path: string;
  /** The state it begins with. */
  readonly meta: CheckpointMeta;
  /** The last slot it has; that of the state where nothing is behind it. */
  readonly throughSlot: Slot;
  /** The bytes of that state. @throws ERR_INDELIBLE_CHECKPOINT_INVALID, _BACKUP_INVALID, system errors */
  chunks(): Iterable<Uint8Array>;
  /**
   * The batch of a slot behind the state, through `throughSlot`.
   * @throws ERR_INDELIBLE_STORE_CORRUPT, _BACKUP_INVALID where it can no longer be read
   */
  batch(slot: Slot): Batch;
  close(): Promise<void>;
}
