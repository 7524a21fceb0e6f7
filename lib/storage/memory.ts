/**
 * The store of tests and simulations: the storage contract with a JavaScript object for a medium.
 *
 * 1. A {@link MemoryDisk} is the medium: it holds exactly what was committed, and outlives the stores opened
 *    on it. `crash` abandons a store; what it had staged and not committed is gone.
 * 2. Space is accounted for as a log would: a vote takes its bytes and a descriptor, and gives them back once
 *    it and everything before it is trimmed or superseded, or when those that still count are copied forward
 *    because there is no room otherwise. A promise takes none.
 * 3. Nothing here survives the process: durability is 'none'.
 */
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import type { Ballot, BatchKind, Digest, DurabilityClass, Identity, Opening, Slot } from '../types.js';
import { digestOf } from './crc64.js';
import { checkNumber, checkVote } from './numbers.js';
import { checkShape, type StoreShape } from './shape.js';
import type { Recovered, ScrubProgress, Storage, StorageCounters } from './storage.js';

/** What a vote's identity takes in the accounts, in bytes. */
const DESCRIPTOR_BYTES = 64;

/** Largest records' worth of room that ordinary votes leave. */
const RESERVED_RECORDS = 2;

interface MemoryVote {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** What a process would lose with its memory. Make one with `new`, give it to {@link formatMemory}. */
export class MemoryDisk {
  shape: StoreShape | undefined;
  open = false;
  incarnation = 0;
  generation = 0;
  clean = false;
  promised: Ballot = 0 as Ballot;
  trimThrough: Slot = 0;
  checkpointId = 0;
  learnedThrough: Slot = 0;
  readonly votes: Map<Slot, MemoryVote> = new Map();
  /** Every vote that still takes space, oldest first. */
  readonly queue: MemoryVote[] = [];
}

/**
 * Writes a store's identity and sizes to an empty disk.
 * @throws ERR_INDELIBLE_STORE_EXISTS; a RangeError for a bad shape.
 */
export function formatMemory(disk: MemoryDisk, shape: StoreShape): void {
  checkShape(shape);
  if (disk.shape) throw new IndelibleError(ErrorCode.storeExists, 'this memory disk holds a store already');
  disk.shape = shape;
  disk.incarnation = Math.floor(Math.random() * 2 ** 53);
  disk.clean = true;
}

/** @throws ERR_INDELIBLE_STORE_MISSING, ERR_INDELIBLE_STORE_LOCKED */
export function openMemory(disk: MemoryDisk): MemoryStorage {
  if (!disk.shape) throw new IndelibleError(ErrorCode.storeMissing, 'this memory disk was never formatted');
  if (disk.open)
    throw new IndelibleError(ErrorCode.storeLocked, 'this memory disk already has an open store');
  return new MemoryStorage(disk, disk.shape);
}

function recoveredFrom(disk: MemoryDisk): Recovered {
  const slots = [...disk.votes.keys()].sort((a, b) => a - b);
  return {
    outcome: 'intact',
    reason: '',
    promised: disk.promised,
    trimThrough: disk.trimThrough,
    checkpointId: disk.checkpointId,
    learnedThrough: disk.learnedThrough,
    highestVoted: slots.at(-1) ?? 0,
    votes: slots.map((slot) => {
      const { ballot, kind, digest, bytes } = disk.votes.get(slot)!;
      return { slot, ballot, kind, digest, lengthBytes: bytes.length, available: true };
    }),
    uncertain: [],
    clean: disk.clean,
  };
}

function costOf(vote: MemoryVote): number {
  return DESCRIPTOR_BYTES + Math.ceil(vote.bytes.length / 8) * 8;
}

export class MemoryStorage implements Storage {
  readonly mode = 'memory';
  readonly durability: DurabilityClass = 'none';
  readonly identity: Identity;
  readonly opening: Omit<Opening, 'nonce'>;
  readonly recovered: Recovered;
  readonly batchBytesMax: number;
  readonly capacityBytes: number;
  onDurable: (throughItem: number) => void = () => {};
  onFailure: (error: Error) => void = () => {};

  readonly #disk: MemoryDisk;
  readonly #reserveBytes: number;
  #state: 'open' | 'poisoned' | 'closed' = 'open';
  /** Votes and, as their ballots, promises since the last commit. */
  #staged: (MemoryVote | Ballot)[] = [];
  #durableThrough = 0;
  #usedBytes = 0;
  #groups = 0;
  #bytesWritten = 0;
  #trims = 0;
  #failNext = false;
  #scrubs = 0;

  constructor(disk: MemoryDisk, shape: StoreShape) {
    this.#disk = disk;
    this.identity = shape.identity;
    this.opening = { incarnation: disk.incarnation, generation: ++disk.generation };
    this.batchBytesMax = shape.recordBytesMax - 4 * DESCRIPTOR_BYTES;
    this.#reserveBytes = RESERVED_RECORDS * shape.recordBytesMax;
    this.capacityBytes = shape.logBytes - this.#reserveBytes;
    this.recovered = recoveredFrom(disk);
    for (const vote of disk.queue) this.#usedBytes += costOf(vote);
    disk.open = true;
    disk.clean = false;
  }

  get durableThrough(): number {
    return this.#durableThrough;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get counters(): StorageCounters {
    return {
      items: this.#durableThrough,
      groups: this.#groups,
      bytesWritten: this.#bytesWritten,
      barriers: this.#groups,
      trims: this.#trims,
      laps: Math.floor(this.#bytesWritten / this.capacityBytes),
    };
  }

  stageVote(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
    mayUseReserve = false,
  ): boolean {
    this.#checkUsable();
    checkVote(slot, ballot);
    if (end - start > this.batchBytesMax) {
      throw argumentError(`a batch of ${end - start} bytes is above this store's ${this.batchBytesMax}`);
    }
    if (digestOf(bytes, start, end) !== digest) {
      throw new IndelibleError(
        ErrorCode.digestMismatch,
        `the batch for slot ${slot} does not have its digest`,
      );
    }
    // Not bytes.slice: of a Buffer that would be a view.
    const kept = Uint8Array.prototype.slice.call(bytes, start, end);
    const vote: MemoryVote = { slot, ballot, kind, digest, bytes: kept };
    const cost = costOf(vote);
    if (!this.makeRoom(cost, mayUseReserve)) return false;
    this.#usedBytes += cost;
    this.#bytesWritten += cost;
    this.#staged.push(vote);
    return true;
  }

  stagePromise(ballot: Ballot): boolean {
    this.#checkUsable();
    checkNumber('a promised ballot', ballot);
    this.#staged.push(ballot);
    return true;
  }

  commit(learnedThrough: Slot): void {
    this.#checkUsable();
    checkNumber('learnedThrough', learnedThrough);
    if (this.#staged.length === 0) return;
    if (this.#failNext) {
      this.#state = 'poisoned';
      this.onFailure(new IndelibleError(ErrorCode.storeIo, 'a test told this memory disk to fail'));
      return;
    }
    const disk = this.#disk;
    for (const item of this.#staged) {
      const ballot = typeof item === 'number' ? item : item.ballot;
      if (ballot > disk.promised) disk.promised = ballot;
      if (typeof item === 'number') continue;
      disk.queue.push(item);
      if (item.slot > disk.trimThrough) disk.votes.set(item.slot, item);
    }
    disk.learnedThrough = Math.max(disk.learnedThrough, learnedThrough);
    this.#durableThrough += this.#staged.length;
    this.#groups++;
    this.#staged = [];
    this.onDurable(this.#durableThrough);
  }

  drain(): void {
    this.#checkUsable();
  }

  readVote(slot: Slot, digest?: Digest): Uint8Array | undefined {
    this.#checkUsable();
    const staged = this.#staged.findLast((item) => typeof item !== 'number' && item.slot === slot);
    const vote = typeof staged === 'object' ? staged : this.#disk.votes.get(slot);
    return digest === undefined || vote?.digest === digest ? vote?.bytes.slice() : undefined;
  }

  /** An object's bytes do not rot: every call is a whole pass that finds nothing. */
  scrub(_budgetBytes: number, done: (progress: ScrubProgress) => void): void {
    this.#checkUsable();
    done({ bytes: this.#usedBytes, passes: ++this.#scrubs, damage: undefined });
  }

  trim(through: Slot, checkpointId: number): void {
    this.#checkUsable();
    checkNumber('a trim point', through);
    checkNumber('a checkpoint id', checkpointId);
    const disk = this.#disk;
    if (through <= disk.trimThrough) return;
    disk.trimThrough = through;
    disk.checkpointId = checkpointId;
    this.#trims++;
    for (const slot of disk.votes.keys()) if (slot <= through) disk.votes.delete(slot);
    let free = 0;
    while (free < disk.queue.length && disk.votes.get(disk.queue[free]!.slot) !== disk.queue[free]) {
      this.#usedBytes -= costOf(disk.queue[free]!);
      free++;
    }
    disk.queue.splice(0, free);
  }

  #dropSuperseded(): void {
    const { queue, votes } = this.#disk;
    const live = queue.filter((vote) => votes.get(vote.slot) === vote);
    for (const vote of queue) if (votes.get(vote.slot) !== vote) this.#usedBytes -= costOf(vote);
    queue.splice(0, queue.length, ...live);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') {
      this.commit(0);
      this.#disk.clean = true;
    }
    this.#state = 'closed';
    this.#disk.open = false;
  }

  /** Abandons the store as the death of its process would, except that the disk remains. */
  crash(): void {
    this.#state = 'closed';
    this.#disk.open = false;
  }

  /** True if there is room for `cost` bytes more, after copying forward if need be. */
  makeRoom(cost: number, mayUseReserve: boolean): boolean {
    const limit = this.capacityBytes + (mayUseReserve ? this.#reserveBytes : 0);
    if (this.#usedBytes + cost > limit) this.#dropSuperseded();
    return this.#usedBytes + cost <= limit;
  }

  /** The next commit fails as a device would. */
  failNext(): void {
    this.#failNext = true;
  }

  #checkUsable(): void {
    if (this.#state === 'closed') throw new IndelibleError(ErrorCode.storeClosed, 'the store is closed');
    if (this.#state === 'poisoned') {
      throw new IndelibleError(
        ErrorCode.storePoisoned,
        'the store failed earlier and accepts nothing more: open it again when the cause is repaired',
      );
    }
  }
}
