/**
 * A Storage over the addon's log: persistent memory, an emulation of it, or the recording medium.
 *
 * 1. Staging writes numbers into the table the addon reads (pmem-group.ts). One native call a group.
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
import { Claim, Gauge, type NativeLog, translated } from '../native/log.js';
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
import { checkNumber, checkVote } from './numbers.js';
import { DESCRIPTOR_BYTES, RECORD_OVERHEAD_BYTES, StagedGroup } from './pmem-group.js';
import { damageFrom, identityFrom, recoveredFrom } from './pmem-recovered.js';
import type { Recovered, ScrubProgress, Storage, StorageCounters } from './storage.js';

/** The gauge that says how much room there is for a claim. */
const ROOM = [Gauge.voteRoom, Gauge.promiseRoom, Gauge.reserveRoom] as const;

export interface LogStorageOptions {
  readonly mode: StorageMode;
  readonly durability: DurabilityClass;
  /** For error messages; undefined where there is no file. */
  readonly path: string | undefined;
}

export class LogStorage implements Storage {
  readonly mode: StorageMode;
  readonly durability: DurabilityClass;
  readonly flushedBy?: string;
  readonly identity: Identity;
  readonly opening: Omit<Opening, 'nonce'>;
  readonly recovered: Recovered;
  readonly batchBytesMax: number;
  readonly capacityBytes: number;
  onDurable: (throughItem: number) => void = () => {};
  onFailure: (error: Error) => void = () => {};

  readonly #native: NativeLog;
  readonly #path: string | undefined;
  readonly #gauges: Float64Array;
  readonly #recordBytesMax: number;
  readonly #group: StagedGroup;
  #refusal: IndelibleError | undefined;
  #closed = false;
  #passes = 0;
  #written = 0;
  #durable = 0;
  #announced = 0;
  #finalCounters: StorageCounters | undefined;

  constructor(native: NativeLog, options: LogStorageOptions) {
    this.#native = native;
    this.#path = options.path;
    this.mode = options.mode;
    this.durability = options.durability;
    if (native.flushedBy !== undefined) this.flushedBy = native.flushedBy;
    this.identity = identityFrom(native);
    this.recovered = recoveredFrom(native.recovered());
    const generation = this.recovered.outcome === 'lost' ? 0 : native.generation;
    this.opening = { incarnation: native.incarnation, generation };
    this.#gauges = native.gauges;
    this.#recordBytesMax = native.recordBytesMax;
    const payloadMax = native.recordBytesMax - RECORD_OVERHEAD_BYTES - DESCRIPTOR_BYTES;
    this.batchBytesMax = Math.min(BATCH_BYTES_MAX, payloadMax - (payloadMax % 8));
    this.capacityBytes = native.capacityBytes;
    this.#group = new StagedGroup(native, this.batchBytesMax);
    if (this.recovered.outcome === 'lost') {
      this.#refusal = this.#error(
        ErrorCode.storeCorrupt,
        `this store never votes again (${this.recovered.reason}); replace it under a new id`,
      );
    }
    this.#allow();
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
    mayUseReserve = false,
  ): boolean {
    if (this.#group.continueRun(slot, ballot, kind, digest, bytes, start, end)) return true;
    // Constants are returned, not what was: V8 would ask at every vote whether that is true or like true.
    const claim = mayUseReserve ? Claim.reserve : Claim.vote;
    if (this.#stageOther(slot, ballot, kind, digest, bytes, start, end, claim)) return true;
    return false;
  }

  stagePromise(ballot: Ballot): boolean {
    if (this.#refusal !== undefined) throw this.#refusal;
    checkNumber('a promised ballot', ballot);
    if (!this.#admit(DESCRIPTOR_BYTES, Claim.promise)) return false;
    this.#group.addPromise(ballot);
    return true;
  }

  commit(learnedThrough: Slot): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    checkNumber('learnedThrough', learnedThrough);
    if (this.#group.items > 0) this.#write(learnedThrough);
    this.#announce();
  }

  drain(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
    if (this.#gauges[Gauge.pending] !== 0) this.#guard(() => this.#native.drain());
    this.#durable = this.#written;
    this.#announce();
  }

  readVote(slot: Slot, digest?: Digest): Uint8Array | undefined {
    if (this.#refusal !== undefined && this.recovered.outcome !== 'lost') throw this.#refusal;
    if (this.#closed) throw this.#refusal;
    return this.#guard(() => this.#native.readVote(slot, digest));
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
    checkNumber('a trim point', through);
    checkNumber('a checkpoint id', checkpointId);
    this.#guard(() => this.#native.trim(through, checkpointId));
    this.#catchUp();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#refusal === undefined) {
        if (this.#group.items > 0) this.#write(0);
        this.drain();
      }
      this.#finalCounters = this.#readCounters();
      const orderly = this.#refusal === undefined ? 1 : 0;
      this.#guard(() => this.#native.close(orderly));
    } finally {
      this.#closed = true;
      this.#native.close(0);
      this.#refusal = this.#error(ErrorCode.storeClosed, 'the store is closed');
      this.#allow();
    }
  }

  get #isLost(): boolean {
    return this.recovered.outcome === 'lost' && !this.#closed;
  }

  /** Votes that begin a group or a run, that come from another view, or that may not be staged at all. */
  #stageOther(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
    claim: Claim,
  ): boolean {
    if (this.#refusal !== undefined) throw this.#refusal;
    checkVote(slot, ballot);
    const length = end - start;
    if (!(start >= 0 && length >= 0 && end <= bytes.length && length <= this.batchBytesMax)) {
      throw argumentError(
        `stageVote: slot ${slot}, bytes ${start} … ${end} of ${bytes.length}; at most ${this.batchBytesMax}`,
      );
    }
    if (!this.#admit(DESCRIPTOR_BYTES + ((length + 7) & ~7), claim)) return false;
    this.#group.add(slot, ballot, kind, digest, bytes, start, end);
    return true;
  }

  /** Makes sure the group may grow by `needed` bytes; may write what is staged to start another record. */
  #admit(needed: number, claim: Claim): boolean {
    const group = this.#group;
    if (group.isFull || group.bytes + needed > this.#recordBytesMax) this.#write(0);
    if (group.bytes + needed <= this.#gauges[ROOM[claim]]!) return true;
    const found = this.#guard(() => this.#native.makeRoom(group.bytes + needed, claim));
    this.#catchUp();
    return found === 1;
  }

  #write(learnedThrough: Slot): void {
    const group = this.#group;
    const { items, source } = group;
    group.seal(learnedThrough);
    try {
      if (source === undefined) this.#native.append();
      else this.#native.append(source);
    } catch (error) {
      throw this.#poison(error);
    } finally {
      group.clear();
    }
    const before = this.#written;
    this.#written = before + items;
    this.#durable = this.#gauges[Gauge.pending] === 0 ? this.#written : before;
    this.#allow();
  }

  /** Lets the group grow as far as there is room; not at all once the store refuses. */
  #allow(): void {
    this.#group.allow(this.#refusal === undefined ? this.#gauges[Gauge.voteRoom]! : 0);
  }

  /** The addon may have made a fused group durable on its own account. */
  #catchUp(): void {
    if (this.#gauges[Gauge.pending] === 0) this.#durable = this.#written;
    this.#allow();
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
    this.#allow();
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
      items: this.#written + this.#group.items,
      groups: groups!,
      bytesWritten: bytesWritten!,
      barriers: barriers!,
      trims: trims!,
      laps: laps!,
    };
  }
}
