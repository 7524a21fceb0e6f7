/**
 * A Storage over the addon's log: persistent memory, an emulation of it, or the recording medium.
 *
 * 1. Staging writes numbers into the table the addon reads; bytes stay where they are while all votes of a
 *    group lie in one ArrayBuffer, and are gathered into an arena otherwise. One native call a group.
 * 2. Room is known here from the addon's gauges, so that `stageVote` makes a native call only when it is
 *    short.
 * 3. A group larger than one record is written in several; its items become durable in order.
 * 4. A store whose recovery says `lost` writes nothing and refuses every vote and promise.
 *
 * | state    | staging and commit         | reading | leaves it                          |
 * |----------|----------------------------|---------|------------------------------------|
 * | open     | accepted                   | yes     | a failed write → poisoned; close   |
 * | lost     | ERR_INDELIBLE_STORE_CORRUPT  | yes   | close                              |
 * | poisoned | ERR_INDELIBLE_STORE_POISONED | no    | close                              |
 * | closed   | ERR_INDELIBLE_STORE_CLOSED   | no    | never                              |
 */
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import { BATCH_BYTES_MAX } from '../limits.js';
import { Gauge, HEAD_NUMBERS, type NativeLog, PROMISE_TYPE, ROW_NUMBERS, translated } from '../native/log.js';
import type { Ballot, BatchKind, Digest, DurabilityClass, Identity, Slot, StorageMode } from '../types.js';
import { damageFrom, recoveredFrom } from './pmem-recovered.js';
import type { Recovered, ScrubProgress, Storage, StorageCounters } from './storage.js';

/** Bytes of a record before its first descriptor, and of one descriptor. */
const RECORD_OVERHEAD_BYTES = 192;
const DESCRIPTOR_BYTES = 40;

export interface LogStorageOptions {
  readonly mode: StorageMode;
  readonly durability: DurabilityClass;
  /** For error messages; undefined where there is no file. */
  readonly path: string | undefined;
}

export class LogStorage implements Storage {
  readonly mode: StorageMode;
  readonly durability: DurabilityClass;
  readonly identity: Identity;
  readonly recovered: Recovered;
  readonly batchBytesMax: number;
  readonly capacityBytes: number;
  onDurable: (throughItem: number) => void = () => {};
  onFailure: (error: Error) => void = () => {};

  readonly #native: NativeLog;
  readonly #path: string | undefined;
  readonly #table: Float64Array;
  readonly #gauges: Float64Array;
  readonly #recordBytesMax: number;
  readonly #rows: number;
  #refusal: IndelibleError | undefined;
  #closed = false;
  #passes = 0;
  #staged = 0;
  #written = 0;
  #durable = 0;
  #announced = 0;
  /** The group being staged: its rows, the bytes of its record, and where its payloads lie. */
  #count = 0;
  #groupBytes = RECORD_OVERHEAD_BYTES;
  #source: ArrayBuffer | undefined;
  /** The view last placed in `#source`, and its offset there. */
  #view: Uint8Array | undefined;
  #viewOffset = 0;
  #arena: Uint8Array<ArrayBuffer> | undefined;
  #arenaUsed = 0;
  #finalCounters: StorageCounters | undefined;

  constructor(native: NativeLog, options: LogStorageOptions) {
    this.#native = native;
    this.#path = options.path;
    this.mode = options.mode;
    this.durability = options.durability;
    this.identity = {
      clusterId: Buffer.from(native.clusterId).toString('hex'),
      replicaId: native.replicaId,
      storeUuid: Buffer.from(native.storeUuid).toString('hex'),
    };
    this.recovered = recoveredFrom(native.recovered());
    this.#table = native.table;
    this.#gauges = native.gauges;
    this.#recordBytesMax = native.recordBytesMax;
    this.#rows = native.recordItemsMax;
    const payloadMax = native.recordBytesMax - RECORD_OVERHEAD_BYTES - DESCRIPTOR_BYTES;
    this.batchBytesMax = Math.min(BATCH_BYTES_MAX, payloadMax - (payloadMax % 8));
    this.capacityBytes = native.capacityBytes;
    if (this.recovered.outcome === 'lost') {
      this.#refusal = this.#error(
        ErrorCode.storeCorrupt,
        `this store never votes again (${this.recovered.reason}); replace it under a new id`,
      );
    }
  }

  get durableThrough(): number {
    return this.#durable;
  }

  get usedBytes(): number {
    return this.#gauges[Gauge.usedBytes]!;
  }

  get counters(): StorageCounters {
    return this.#finalCounters ?? this.#readCounters();
  }

  stageVote(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (this.#refusal !== undefined) throw this.#refusal;
    const length = end - start;
    if (!(start >= 0 && length >= 0 && end <= bytes.length && length <= this.batchBytesMax && slot >= 1)) {
      throw argumentError(
        `stageVote: slot ${slot}, bytes ${start} … ${end} of ${bytes.length}; at most ${this.batchBytesMax}`,
      );
    }
    const needed = DESCRIPTOR_BYTES + ((length + 7) & ~7);
    if (!this.#admit(needed, Gauge.voteRoom)) return false;
    const at = length === 0 ? 0 : this.#place(bytes, start, end);
    this.#row(slot, ballot, kind, digest, at, length);
    this.#groupBytes += needed;
    return true;
  }

  stagePromise(ballot: Ballot): boolean {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (!this.#admit(DESCRIPTOR_BYTES, Gauge.promiseRoom)) return false;
    this.#row(0, ballot, PROMISE_TYPE, 0, 0, 0);
    this.#groupBytes += DESCRIPTOR_BYTES;
    return true;
  }

  commit(learnedThrough: Slot): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#count > 0) this.#write(learnedThrough);
    this.#announce();
  }

  drain(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#gauges[Gauge.pending] !== 0) this.#guard(() => this.#native.drain());
    this.#durable = this.#written;
    this.#announce();
  }

  readVote(slot: Slot): Uint8Array | undefined {
    if (this.#refusal !== undefined && this.recovered.outcome !== 'lost') throw this.#refusal;
    if (this.#closed) throw this.#refusal;
    return this.#guard(() => this.#native.readVote(slot));
  }

  scrub(budgetBytes: number, done: (progress: ScrubProgress) => void): void {
    if (this.#refusal !== undefined && !this.#isLost) throw this.#refusal;
    if (this.#isLost) return done({ bytes: 0, passes: 0, damage: undefined });
    const native = this.#guard(() => this.#native.scrub(budgetBytes));
    this.#catchUp();
    this.#passes += native.passEnded;
    done({ bytes: native.bytes, passes: this.#passes, damage: damageFrom(native) });
    this.#announce();
  }

  trim(through: Slot, checkpointId: number): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    this.#guard(() => this.#native.trim(through, checkpointId));
    this.#catchUp();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#refusal === undefined) {
        if (this.#count > 0) this.#write(0);
        this.drain();
      }
      this.#finalCounters = this.#readCounters();
      const orderly = this.#refusal === undefined ? 1 : 0;
      this.#guard(() => this.#native.close(orderly));
    } finally {
      this.#closed = true;
      this.#native.close(0);
      this.#refusal = this.#error(ErrorCode.storeClosed, 'the store is closed');
    }
  }

  get #isLost(): boolean {
    return this.recovered.outcome === 'lost' && !this.#closed;
  }

  /** Makes sure the group may grow by `needed` bytes; may write what is staged to start another record. */
  #admit(needed: number, gauge: 0 | 1): boolean {
    if (this.#count === this.#rows || this.#groupBytes + needed > this.#recordBytesMax) this.#write(0);
    if (this.#groupBytes + needed <= this.#gauges[gauge]!) return true;
    const onlyPromises = gauge === Gauge.promiseRoom ? 1 : 0;
    const found = this.#guard(() => this.#native.makeRoom(this.#groupBytes + needed, onlyPromises));
    this.#catchUp();
    return found === 1;
  }

  #row(slot: number, ballot: number, type: number, digest: number, start: number, length: number): void {
    const table = this.#table;
    const at = HEAD_NUMBERS + this.#count * ROW_NUMBERS;
    table[at] = slot;
    table[at + 1] = ballot;
    table[at + 2] = type;
    table[at + 3] = digest;
    table[at + 4] = start;
    table[at + 5] = length;
    this.#count++;
    this.#staged++;
  }

  /** Where the addon will find the payload: an offset into `#source`. */
  #place(bytes: Uint8Array, start: number, end: number): number {
    // A view's buffer and offset cost a call each; most votes of a group share one view.
    if (bytes === this.#view) return this.#viewOffset + start;
    const buffer = bytes.buffer;
    if (this.#source === undefined && buffer instanceof ArrayBuffer) this.#source = buffer;
    if (buffer !== this.#source) return this.#gather(bytes, start, end);
    this.#view = bytes;
    this.#viewOffset = bytes.byteOffset;
    return this.#viewOffset + start;
  }

  #gather(bytes: Uint8Array, start: number, end: number): number {
    this.#arena ??= new Uint8Array(this.#recordBytesMax);
    const arena = this.#arena;
    if (this.#source !== arena.buffer) {
      const staged = this.#source;
      this.#source = arena.buffer;
      this.#view = undefined;
      for (let row = 0; row < this.#count; row++) {
        const at = HEAD_NUMBERS + row * ROW_NUMBERS;
        const length = this.#table[at + 5]!;
        if (length === 0 || staged === undefined) continue;
        arena.set(new Uint8Array(staged, this.#table[at + 4], length), this.#arenaUsed);
        this.#table[at + 4] = this.#arenaUsed;
        this.#arenaUsed += length;
      }
    }
    const at = this.#arenaUsed;
    arena.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    this.#arenaUsed += end - start;
    return at;
  }

  #write(learnedThrough: Slot): void {
    const source = this.#source;
    this.#table[0] = this.#count;
    this.#table[1] = learnedThrough;
    this.#count = 0;
    this.#groupBytes = RECORD_OVERHEAD_BYTES;
    this.#source = undefined;
    this.#view = undefined;
    this.#arenaUsed = 0;
    try {
      if (source === undefined) this.#native.append();
      else this.#native.append(source);
    } catch (error) {
      throw this.#poison(error);
    }
    const before = this.#written;
    this.#written = this.#staged;
    this.#durable = this.#gauges[Gauge.pending] === 0 ? this.#written : before;
  }

  /** The addon may have made a fused group durable on its own account. */
  #catchUp(): void {
    if (this.#gauges[Gauge.pending] === 0) this.#durable = this.#written;
  }

  #announce(): void {
    if (this.#durable === this.#announced) return;
    this.#announced = this.#durable;
    this.onDurable(this.#durable);
  }

  #guard<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.#poison(error);
    }
  }

  #poison(error: unknown): unknown {
    const failure = translated(error, this.#path);
    if (this.#refusal !== undefined) return failure;
    this.#refusal = this.#error(ErrorCode.storePoisoned, 'the store failed earlier', failure);
    this.onFailure(failure instanceof Error ? failure : this.#refusal);
    return failure;
  }

  #error(code: ErrorCode, sentence: string, cause?: unknown): IndelibleError {
    const message = this.#path === undefined ? sentence : `${this.#path}: ${sentence}`;
    return new IndelibleError(code, message, {
      cause,
      ...(this.#path === undefined ? {} : { path: this.#path }),
    });
  }

  #readCounters(): StorageCounters {
    const [groups, bytesWritten, barriers, trims, laps] = this.#native.counters();
    return {
      items: this.#staged,
      groups: groups!,
      bytesWritten: bytesWritten!,
      barriers: barriers!,
      trims: trims!,
      laps: laps!,
    };
  }
}
