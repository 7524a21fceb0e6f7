/**
 * The two disks of a simulation that are plain JavaScript: one that is durable at once, one that takes its
 * time.
 */
import type { MemoryStorage } from '../storage/memory.js';
import { formatMemory, MemoryDisk, openMemory } from '../storage/memory.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import { DelayedStorage } from './delayed-storage.js';
import type { Later, SimulatedDisk } from './disk.js';
import type { Random } from './random.js';

export class InstantMemoryDisk implements SimulatedDisk {
  private readonly disk = new MemoryDisk();
  private store: MemoryStorage | undefined;

  constructor(shape: StoreShape) {
    formatMemory(this.disk, shape);
  }

  open(): Storage {
    this.store = openMemory(this.disk);
    return this.store;
  }

  crash(): boolean {
    this.store?.crash();
    return false;
  }
}

export class DelayedMemoryDisk implements SimulatedDisk {
  private readonly disk = new MemoryDisk();
  private readonly later: Later;
  private readonly random: Random;
  private store: DelayedStorage | undefined;

  constructor(shape: StoreShape, later: Later, random: Random) {
    formatMemory(this.disk, shape);
    this.later = later;
    this.random = random;
  }

  open(): Storage {
    this.store = new DelayedStorage(openMemory(this.disk), this.later, this.random);
    return this.store;
  }

  crash(random: Random): boolean {
    return this.store?.crash(random) ?? false;
  }
}
