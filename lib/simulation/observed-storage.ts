/**
 * A store between the simulated host and the real one that tells the checkers what has become durable, before
 * the core hears of it.
 */
import type { Recovered, ScrubProgress, Storage, StorageCounters } from '../storage/storage.js';
import {
  type Ballot,
  BatchKind,
  type Digest,
  type DurabilityClass,
  type Identity,
  type Opening,
  type Slot,
  type StorageMode,
} from '../types.js';
import type { DurableItem } from './observer.js';

export class ObservedStorage implements Storage {
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
  private readonly tell: (item: DurableItem) => void;
  /** A vote has been taken. */
  onStaged: () => void = () => {};
  /** Staged and not known durable; the first one is item `told` + 1. */
  private staged: { readonly item: DurableItem; readonly bytes: number }[] = [];
  private told = 0;
  private bytes = 0;

  /** `fail` takes what a listener throws, where the store below calls it from nobody's turn. */
  constructor(inner: Storage, tell: (item: DurableItem) => void, fail?: (error: Error) => void) {
    this.inner = inner;
    this.tell = tell;
    this.mode = inner.mode;
    this.durability = inner.durability;
    this.identity = inner.identity;
    this.opening = inner.opening;
    this.recovered = inner.recovered;
    this.batchBytesMax = inner.batchBytesMax;
    this.capacityBytes = inner.capacityBytes;
    inner.onDurable = (through) => {
      try {
        for (const { item, bytes } of this.staged.splice(0, through - this.told)) {
          this.bytes -= bytes;
          this.tell(item);
        }
        this.told = through;
        this.onDurable(through);
      } catch (error) {
        if (fail === undefined) throw error;
        fail(error as Error);
      }
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
  /** Bytes of votes that are staged or committed and not known to be durable. */
  get pendingBytes(): number {
    return this.bytes;
  }
  /** Items staged or committed that are not known to be durable. */
  get pendingItems(): number {
    return this.staged.length;
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
    if (!this.inner.stageVote(slot, ballot, kind, digest, bytes, start, end, mayUseReserve)) return false;
    this.staged.push({ item: { slot, ballot, kind, digest }, bytes: end - start });
    this.bytes += end - start;
    this.onStaged();
    return true;
  }

  stagePromise(ballot: Ballot): boolean {
    if (!this.inner.stagePromise(ballot)) return false;
    this.staged.push({ item: { slot: 0, ballot, kind: BatchKind.noop, digest: 0 as Digest }, bytes: 0 });
    return true;
  }

  commit(learnedThrough: Slot): void {
    this.inner.commit(learnedThrough);
  }

  drain(): void {
    this.inner.drain();
  }

  readVote(slot: Slot, digest?: Digest): Uint8Array | undefined {
    return this.inner.readVote(slot, digest);
  }

  scrub(budgetBytes: number, done: (progress: ScrubProgress) => void): void {
    this.inner.scrub(budgetBytes, done);
  }

  trim(through: Slot, checkpointId: number): void {
    this.inner.trim(through, checkpointId);
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
