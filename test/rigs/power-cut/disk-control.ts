/**
 * The header of the sector-losing disk's cache file: counters of the disk, and what the rig asks of it. The
 * offsets are those of native/rigs/sector_cache_layout.h.
 */
import fs from 'node:fs';

const MAGIC = 'IDLCACH1';
const HEADER_BYTES = 4096;
const CACHED_SECTOR_BYTES = 520;
/** Sectors the cache holds before the disk writes it back by itself. */
const CAPACITY_SECTORS = 1 << 18;

const OFFSETS = {
  sectors: 8,
  fault: 16,
  faultRequests: 24,
  stepsToCut: 32,
  seed: 40,
  keepPercent: 48,
  flushMicrosecondsMax: 56,
  writes: 64,
  flushes: 72,
  settled: 80,
  kept: 88,
} as const;
export type Field = keyof typeof OFFSETS;

/** What the next requests meet. */
export const Fault = { none: 0, writeError: 1, flushError: 2, noSpace: 3, stall: 4, lie: 5 } as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

export class DiskControl {
  readonly #fd: number;
  readonly #word: Buffer = Buffer.alloc(8);

  constructor(path: string) {
    this.#fd = fs.openSync(path, 'r+');
  }

  /** Makes an empty cache file. */
  static create(path: string): DiskControl {
    fs.writeFileSync(path, MAGIC);
    fs.truncateSync(path, HEADER_BYTES + CAPACITY_SECTORS * CACHED_SECTOR_BYTES);
    return new DiskControl(path);
  }

  read(field: Field): number {
    fs.readSync(this.#fd, this.#word, 0, 8, OFFSETS[field]);
    return Number(this.#word.readBigUInt64LE());
  }

  write(field: Field, value: number): void {
    this.#word.writeBigUInt64LE(BigInt(value));
    fs.writeSync(this.#fd, this.#word, 0, 8, OFFSETS[field]);
  }

  /** The next `requests` requests of its kind meet the fault. A stall lasts until `Fault.none`. */
  ask(fault: Fault, requests = 1): void {
    this.write('faultRequests', requests);
    this.write('fault', fault);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}
