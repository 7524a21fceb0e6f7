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
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import type { Random } from './random.js';

/** A checkpoint as the simulated host writes it: whole or not at all. */
export interface SavedCheckpoint {
  readonly id: number;
  readonly through: Slot;
  readonly chain: number;
  readonly bytes: Uint8Array;
}

export interface SimulatedDisk {
  /** Formats the store, where that takes more than the constructor. */
  prepare?(): Promise<void>;
  /** Opens the store as a new process would, by its own recovery. */
  open(): Storage | Promise<Storage>;
  /** Ends the process that has the store open. @returns true if something it had written was cut short. */
  crash(random: Random): boolean;
}

/** Runs something some units of time from now. */
export type Later = (delay: number, run: () => void) => void;
