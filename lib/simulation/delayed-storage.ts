/**
 * A store whose groups become durable later, as a file's do: the storage contract with time in between.
 *
 * 1. Groups and trims become durable in the order they were asked for, some units of time later.
 * 2. A crash keeps a prefix of what is under way: of the group it cuts, the first few items and not its hint.
 * 3. What was staged and never committed is gone.
 */
import type { MemoryStorage } from '../storage/memory.js';
import type { Recovered, ScrubProgress, Storage, StorageCounters } from '../storage/storage.js';
import type { Ballot, BatchKind, Digest, DurabilityClass, Identity, Opening, Slot } from '../types.js';
import type { Later } from './disk.js';
import type { Random } from './random.js';

interface PendingVote {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

type Item = PendingVote | Ballot;

interface Group {
  readonly items: readonly Item[];
  readonly learnedThrough: Slot;
  readonly trim: { readonly through: Slot; readonly checkpointId: number } | undefined;
}

/** Units of time a commit takes. */
const DELAY_MIN = 2;
const DELAY_MAX = 60;
/** What a pending vote is taken to occupy beside its bytes. */
const VOTE_OVERHEAD_BYTES = 72;

export class DelayedStorage implements Storage {
  readonly mode = 'file';
  readonly durability: DurabilityClass = 'power';
  readonly identity: Identity;
  readonly opening: Omit<Opening, 'nonce'>;
  readonly recovered: Recovered;
  readonly batchBytesMax: number;
  readonly capacityBytes: number;
  onDurable: (throughItem: number) => void = () => {};
  onFailure: (error: Error) => void = () => {};

  private readonly inner: MemoryStorage;
  private readonly later: Later;
  private readonly random: Random;
  private staged: Item[] = [];
  private queue: Group[] = [];
  private pendingBytes = 0;
  private alive = true;
  private busy = false;

  constructor(inner: MemoryStorage, later: Later, random: Random) {
    this.inner = inner;
    this.later = later;
    this.random = random;
    this.identity = inner.identity;
    this.opening = inner.opening;
    this.recovered = inner.recovered;
    this.batchBytesMax = inner.batchBytesMax;
    this.capacityBytes = inner.capacityBytes;
  }

  get durableThrough(): number {
    return this.inner.durableThrough;
  }
  get usedBytes(): number {
    return this.inner.usedBytes + this.pendingBytes;
  }
  get counters(): StorageCounters {
    return this.inner.counters;
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
    const cost = VOTE_OVERHEAD_BYTES + end - start;
    if (!this.inner.makeRoom(this.pendingBytes + cost, mayUseReserve)) return false;
    this.pendingBytes += cost;
    this.staged.push({ slot, ballot, kind, digest, bytes: bytes.slice(start, end) });
    return true;
  }

  stagePromise(ballot: Ballot): boolean {
    this.staged.push(ballot);
    return true;
  }

  commit(learnedThrough: Slot): void {
    if (this.staged.length === 0) return;
    this.queue.push({ items: this.staged, learnedThrough, trim: undefined });
    this.staged = [];
    this.write();
  }

  drain(): void {}

  readVote(slot: Slot, digest?: Digest): Uint8Array | undefined {
    const pending = [...this.queue.flatMap((group) => group.items), ...this.staged];
    const vote = pending.findLast((item) => typeof item === 'object' && item.slot === slot);
    if (typeof vote !== 'object') return this.inner.readVote(slot, digest);
    return digest === undefined || vote.digest === digest ? vote.bytes.slice() : undefined;
  }

  scrub(budgetBytes: number, done: (progress: ScrubProgress) => void): void {
    this.inner.scrub(budgetBytes, done);
  }

  trim(through: Slot, checkpointId: number): void {
    this.queue.push({ items: [], learnedThrough: 0, trim: { through, checkpointId } });
    this.write();
  }

  async close(): Promise<void> {
    this.commit(0);
    while (this.queue.length > 0) this.finish(this.queue.shift()!);
    this.alive = false;
    await this.inner.close();
  }

  /** @returns true if something committed did not become durable. */
  crash(random: Random): boolean {
    this.alive = false;
    const torn = this.queue.length > 0;
    while (this.queue.length > 0 && random.chance(0.5)) {
      const group = this.queue.shift()!;
      if (random.chance(0.5)) this.finish(group);
      else {
        this.put(group.items.slice(0, random.below(group.items.length)), 0);
        break;
      }
    }
    this.inner.crash();
    return torn;
  }

  private write(): void {
    if (this.busy) return;
    this.busy = true;
    this.later(this.random.between(DELAY_MIN, DELAY_MAX), () => {
      if (!this.alive) return;
      this.busy = false;
      for (let left = this.random.between(1, 3); left > 0 && this.queue.length > 0; left--) {
        this.finish(this.queue.shift()!);
      }
      if (this.queue.length > 0) this.write();
      this.onDurable(this.durableThrough);
    });
  }

  private finish(group: Group): void {
    if (group.trim !== undefined) this.inner.trim(group.trim.through, group.trim.checkpointId);
    this.put(group.items, group.learnedThrough);
  }

  private put(items: readonly Item[], learnedThrough: Slot): void {
    for (const item of items) {
      if (typeof item === 'number') {
        this.inner.stagePromise(item);
        continue;
      }
      const { slot, ballot, kind, digest, bytes } = item;
      this.pendingBytes -= VOTE_OVERHEAD_BYTES + bytes.length;
      // It has room: there was some when it was staged.
      this.inner.stageVote(slot, ballot, kind, digest, bytes, 0, bytes.length, true);
    }
    this.inner.commit(learnedThrough);
  }
}
