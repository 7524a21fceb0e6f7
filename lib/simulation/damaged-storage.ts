/**
 * A memory store over a disk that rots: the storage contract as the logs keep it when their medium does not.
 *
 * 1. At open it tells what its recovery can still tell (memory-damage.ts). A lost store takes nothing.
 * 2. While it is open it knows what it knew: bytes that rot meanwhile are gone at once, certainty only at the
 *    next open. `scrub` tells of both, once.
 */
import { ErrorCode, IndelibleError } from '../errors.js';
import { rangesOf } from '../paxos/damage.js';
import type { Recovered, ScrubProgress, Storage, StorageCounters } from '../storage/storage.js';
import type {
  Ballot,
  BatchKind,
  Digest,
  DurabilityClass,
  Identity,
  Opening,
  Slot,
  StorageMode,
} from '../types.js';
import type { DiskFault } from './disk.js';
import type { MemoryDamage } from './memory-damage.js';

export class DamagedStorage implements Storage {
  readonly mode: StorageMode;
  readonly durability: DurabilityClass;
  readonly identity: Identity;
  readonly opening: Omit<Opening, 'nonce'>;
  readonly recovered: Recovered;
  readonly batchBytesMax: number;
  readonly capacityBytes: number;
  onDurable: (throughItem: number) => void = () => {};
  onFailure: (error: Error) => void = () => {};

  private readonly inner: Storage;
  private readonly damage: MemoryDamage;
  private readonly isLost: boolean;
  /** Slots that were uncertain at open and have not been voted for since. */
  private readonly uncertain: Set<Slot>;
  /** Staged and not yet durable, by slot: 0 for a promise. */
  private pending: Slot[] = [];
  private durableItems = 0;
  private passes = 0;
  /** What has rotted since open and no scrub has told of. */
  private untold: { readonly fault: DiskFault; readonly slots: readonly Slot[] }[] = [];

  constructor(inner: Storage, damage: MemoryDamage) {
    this.inner = inner;
    this.damage = damage;
    this.isLost = damage.isLost;
    this.mode = inner.mode;
    this.durability = inner.durability;
    this.identity = inner.identity;
    this.opening = inner.opening;
    this.recovered = damage.recovered(inner.recovered);
    this.batchBytesMax = inner.batchBytesMax;
    this.capacityBytes = inner.capacityBytes;
    this.uncertain = new Set(damage.uncertain);
    inner.onDurable = (through) => {
      this.pending.splice(0, through - this.durableItems);
      this.durableItems = through;
      this.onDurable(through);
    };
    inner.onFailure = (error) => this.onFailure(error);
  }

  get durableThrough(): number {
    return this.inner.durableThrough;
  }
  get usedBytes(): number {
    return this.inner.usedBytes;
  }
  get counters(): StorageCounters {
    return this.inner.counters;
  }

  /** These slots have just rotted on the disk below. */
  rotted(fault: DiskFault, slots: readonly Slot[]): void {
    this.untold.push({ fault, slots });
  }

  stageVote(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
    mayUseReserve: boolean,
  ): boolean {
    this.mustNotBeLost();
    if (!this.inner.stageVote(slot, ballot, kind, digest, bytes, start, end, mayUseReserve)) return false;
    this.pending.push(slot);
    this.uncertain.delete(slot);
    return true;
  }

  stagePromise(ballot: Ballot): boolean {
    this.mustNotBeLost();
    if (!this.inner.stagePromise(ballot)) return false;
    this.pending.push(0);
    return true;
  }

  commit(learnedThrough: Slot): void {
    this.mustNotBeLost();
    this.inner.commit(learnedThrough);
  }

  drain(): void {
    this.inner.drain();
  }

  readVote(slot: Slot, digest?: Digest): Uint8Array | undefined {
    if (this.isLost || this.uncertain.has(slot)) return this.damage.readVote(slot);
    const isOnDisk = !this.pending.includes(slot);
    return isOnDisk && this.damage.hasLostBytes(slot) ? undefined : this.inner.readVote(slot, digest);
  }

  scrub(_budgetBytes: number, done: (progress: ScrubProgress) => void): void {
    const untold = this.untold;
    this.untold = [];
    const lost = untold
      .flatMap(({ fault, slots }) => (fault === 'bytes' ? slots : []))
      .filter((slot) => this.damage.hasLostBytes(slot) && !this.pending.includes(slot));
    const certain = untold.flatMap(({ fault, slots }) => (fault === 'record' ? slots : []));
    const found = lost.length + certain.length > 0;
    const reason = 'simulated rot';
    const damage = { reason, votes: this.damage.describe(lost), uncertain: rangesOf(certain) };
    done({ bytes: this.usedBytes, passes: ++this.passes, damage: found ? damage : undefined });
  }

  trim(through: Slot, checkpointId: number): void {
    this.mustNotBeLost();
    this.inner.trim(through, checkpointId);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  private mustNotBeLost(): void {
    if (this.isLost) throw new IndelibleError(ErrorCode.storeCorrupt, 'this store is lost and takes nothing');
  }
}
