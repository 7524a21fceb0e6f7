/**
 * The two disks of a simulation that are plain JavaScript: one that is durable at once, one that takes its
 * time. Both may rot, whether a store is open on them or not.
 */
import type { MemoryStorage } from '../storage/memory.js';
import { formatMemory, MemoryDisk, openMemory } from '../storage/memory.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import { DamagedStorage } from './damaged-storage.js';
import { DelayedStorage } from './delayed-storage.js';
import type { CopiableDisk, DiskFault, Later } from './disk.js';
import { MemoryDamage } from './memory-damage.js';
import type { Random } from './random.js';

/** A memory disk, what has rotted on it, and the store that is open on it. */
abstract class RottingDisk implements CopiableDisk {
  readonly canRot = true;
  readonly rotsAlive = true;
  protected readonly shape: StoreShape;
  protected readonly disk: MemoryDisk = new MemoryDisk();
  private readonly damage = new MemoryDamage(this.disk);
  private opened: DamagedStorage | undefined;

  constructor(shape: StoreShape) {
    this.shape = shape;
    formatMemory(this.disk, shape);
  }

  get damagedSlots(): readonly Slot[] {
    return this.damage.slots;
  }
  get damagedBytes(): readonly Slot[] {
    return this.damage.unavailable;
  }
  get isLost(): boolean {
    return this.damage.isLost;
  }

  open(): Storage {
    this.opened = new DamagedStorage(this.openWhole(), this.damage);
    return this.opened;
  }

  crash(random: Random): boolean {
    this.opened = undefined;
    return this.crashWhole(random);
  }

  rot(
    fault: DiskFault,
    random: Random,
    admits: (slots: readonly Slot[]) => boolean,
  ): readonly Slot[] | undefined {
    if (fault === 'store' && this.opened !== undefined) return undefined;
    const slots = this.damage.rot(fault, random, admits);
    if (slots !== undefined) this.opened?.rotted(fault, slots);
    return slots;
  }

  abstract copy(): RottingDisk;

  /** Puts on this disk, just formatted, what is on `from`. */
  protected filled(from: RottingDisk): this {
    const { votes, queue, ...numbers } = from.disk;
    Object.assign(this.disk, numbers);
    for (const [slot, vote] of votes) this.disk.votes.set(slot, vote);
    this.disk.queue.push(...queue);
    return this;
  }

  /** Opens the store as it would be without damage. */
  protected abstract openWhole(): Storage;
  protected abstract crashWhole(random: Random): boolean;
}

export class InstantMemoryDisk extends RottingDisk {
  private store: MemoryStorage | undefined;

  copy(): InstantMemoryDisk {
    return new InstantMemoryDisk(this.shape).filled(this);
  }

  protected openWhole(): Storage {
    this.store = openMemory(this.disk);
    return this.store;
  }

  protected crashWhole(): boolean {
    this.store?.crash();
    return false;
  }
}

export class DelayedMemoryDisk extends RottingDisk {
  private readonly later: Later;
  private readonly random: Random;
  private store: DelayedStorage | undefined;

  constructor(shape: StoreShape, later: Later, random: Random) {
    super(shape);
    this.later = later;
    this.random = random;
  }

  copy(): DelayedMemoryDisk {
    return new DelayedMemoryDisk(this.shape, this.later, this.random).filled(this);
  }

  protected openWhole(): Storage {
    this.store = new DelayedStorage(openMemory(this.disk), this.later, this.random);
    return this.store;
  }

  protected crashWhole(random: Random): boolean {
    return this.store?.crash(random) ?? false;
  }
}
