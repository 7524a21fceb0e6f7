/**
 * The disk of a simulated replica: what its process leaves behind when it dies.
 *
 * | backend | store | what a crash leaves |
 * |---|---|---|
 * | memory  | MemoryStorage | every group committed, nothing staged |
 * | pmem    | the production log over the recording medium | a crash image, or what kill -9 leaves |
 * | file    | the production file backend over its recording medium | a power cut, or what kill -9 leaves |
 * | delayed | MemoryStorage behind a queue: items become durable some turns after their commit | a prefix of the queue |
 */
import type { Governing } from '../paxos/configurations.js';
import type { Wanted } from '../replica/incoming.js';
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import type { Random } from './random.js';

/** A checkpoint as the simulated host writes it: whole or not at all. */
export interface SavedCheckpoint {
  readonly id: number;
  readonly through: Slot;
  readonly chain: number;
  /** That of the slot behind it, and above which ballot its ballots are. */
  readonly governing: Governing;
  /** Of its file: the same one is the same bytes. */
  readonly digest: number;
  readonly bytes: Uint8Array;
}

/** What has arrived of a peer's checkpoint. */
export interface PartialCheckpoint {
  readonly wanted: Wanted;
  readonly bytes: Uint8Array;
  received: number;
}

/** The checkpoints on one disk. */
export interface CheckpointShelf {
  saved: SavedCheckpoint;
  older: SavedCheckpoint | undefined;
  partial: PartialCheckpoint | undefined;
}

/**
 * What may rot on a disk: the bytes of a vote, of which the identity stays known; a record, with what it
 * says of its votes, before others that stay readable; all of the store that recovery needs.
 */
export type DiskFault = 'bytes' | 'record' | 'store';

export interface SimulatedDisk {
  /** False for a disk on which nothing rots. */
  readonly canRot: boolean;
  /** True if it may rot under an open store; false if only between two lives. */
  readonly rotsAlive: boolean;
  /** Slots of which the disk has lost something, as far as is known; every slot once its store is lost. */
  readonly damagedSlots: readonly Slot[];
  readonly isLost: boolean;
  /** Slots whose newest vote on the disk has lost its bytes, where that can be told at any time. */
  readonly damagedBytes: readonly Slot[];

  /** Formats the store, where that takes more than the constructor. */
  prepare?(): Promise<void>;
  /** Opens the store as a new process would, by its own recovery. */
  open(): Storage | Promise<Storage>;
  /** Ends the process that has the store open. @returns true if something it had written was cut short. */
  crash(random: Random): boolean;
  /**
   * Damages something durable, if `admits` agrees to the slots it would hit. A store is lost only between
   * lives.
   * @returns those slots; undefined if nothing was damaged.
   */
  rot(
    fault: DiskFault,
    random: Random,
    admits: (slots: readonly Slot[]) => boolean,
  ): readonly Slot[] | undefined;
}

/** A disk of which there may be two with the same on them. */
export interface CopiableDisk extends SimulatedDisk {
  /** Another disk with what is on this one, on which nothing has rotted. Between two lives only. */
  copy(): CopiableDisk;
}

/** Runs something some units of time from now. */
export type Later = (delay: number, run: () => void) => void;
