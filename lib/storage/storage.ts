/**
 * The storage contract: what an acceptor may rely on, whatever the medium.
 *
 * 1. An *item* is one staged vote or promise. Items are numbered 1, 2, 3 … from open, in the order staged.
 * 2. `commit` closes the group of items staged so far; each item becomes durable whole or not at all, and
 *    items become durable in order. `durableThrough` is the number of the last durable one.
 * 3. What is durable when `onDurable(n)` is called survives everything `durability` names. pmem, emulated and
 *    memory call it inside `commit` (or inside the next `commit` or `drain` when `pipeline` is 'fused');
 *    file calls it later, from the event loop.
 * 4. After any failed write, flush or sync the store is poisoned: `onFailure` is called once, every later
 *    call throws ERR_INDELIBLE_STORE_POISONED, and nothing is retried (contract 23).
 * 5. Bytes given to `stageVote` must not change until the next `commit` returns; behind it the store does not
 *    read them.
 * 6. Space is reused only after `trim` is durable (contract 24).
 * 7. Ordinary votes leave a reserve for those that `mayUseReserve`: room for a largest batch and for another
 *    one in its place. Superseded votes are worth any effort then: pmem, emulated and memory copy the others
 *    forward, so that there is always room for one more at the same slot (not while slots are uncertain);
 *    file has room for as many as fit in its reserve, until a trim.
 *
 * test/contract/storage.ts is this contract as a suite; every implementation runs it.
 */
import type {
  Ballot,
  BatchKind,
  Digest,
  DurabilityClass,
  Identity,
  Opening,
  Slot,
  SlotRange,
  StorageMode,
} from '../types.js';

/** A vote found at open, without its bytes (`readVote` fetches those). */
export interface RecoveredVote {
  /** The slot voted in. */
  readonly slot: Slot;
  /** The ballot voted at. */
  readonly ballot: Ballot;
  /** What kind of batch it is for. */
  readonly kind: BatchKind;
  /** The digest of the batch. */
  readonly digest: Digest;
  /** The length of the batch. */
  readonly lengthBytes: number;
  /** False where the identity of the vote survived and its bytes did not. */
  readonly available: boolean;
}

/**
 * What recovery found.
 * - `intact`: every promise and vote that was answered is here.
 * - `damaged`: some votes have lost their bytes (`available: false`) or some slots are `uncertain`; the
 *   promise is known.
 * - `lost`: votes and perhaps a promise are gone; this store never votes again.
 */
export interface Recovered {
  readonly outcome: 'intact' | 'damaged' | 'lost';
  /** Why the outcome is not `intact`, for a person; empty otherwise. */
  readonly reason: string;
  readonly promised: Ballot;
  /** Votes at or below it have been forgotten; a checkpoint covers them. */
  readonly trimThrough: Slot;
  /** The checkpoint that covers the trim point; 0 is the one `format` wrote. */
  readonly checkpointId: number;
  /** The highest `learnedThrough` found: votes at or below it hold the chosen batch of their slot. */
  readonly learnedThrough: Slot;
  readonly highestVoted: Slot;
  /** The vote at the highest ballot for each slot above the trim point, by rising slot. */
  readonly votes: readonly RecoveredVote[];
  /** Slots at which there may have been a vote that can no longer be read. */
  readonly uncertain: readonly SlotRange[];
  /** True when the store was closed in order the last time. */
  readonly clean: boolean;
}

/** Counters since open, for stats and the benchmark's fences-per-vote figures. */
export interface StorageCounters {
  /** Votes and promises staged. */
  readonly items: number;
  /** Groups made durable, each by one commit. */
  readonly groups: number;
  /** Bytes given to the medium. */
  readonly bytesWritten: number;
  /** Fences (pmem, emulated), or fdatasync / O_DSYNC writes (file). */
  readonly barriers: number;
  /** Times that votes were forgotten. */
  readonly trims: number;
  /** Times the log has wrapped around its area. */
  readonly laps: number;
}

/**
 * Damage that a scrub found in a log that is in use, in the words of `Recovered`. What this store says
 * of itself does not change: promise, votes and their identities are known until it closes.
 */
export interface FoundDamage {
  /** For a person. */
  readonly reason: string;
  /**
   * Votes that have lost their bytes (`available: false`): `readVote` has nothing for them. Each is repaired
   * by `stageVote` of the same ballot's batch, fetched from elsewhere.
   */
  readonly votes: readonly RecoveredVote[];
  /**
   * Slots whose votes the next open could not tell any more. `readVote`, told their digest, still has the
   * bytes of those not among `votes` unless they stood in what is unreadable; staging such a vote again, at
   * its own ballot, makes its slot certain. Once all votes in the ranges are staged again, or a trim has
   * passed them, the damage is gone from the log.
   */
  readonly uncertain: readonly SlotRange[];
}

/** What one call of {@link Storage.scrub} did. */
export interface ScrubProgress {
  /** Bytes of log that were read back and verified in this call. */
  readonly bytes: number;
  /** Times the whole log has been gone through since open. */
  readonly passes: number;
  /** What was found that no earlier call told of. */
  readonly damage: FoundDamage | undefined;
}

export interface Storage {
  readonly mode: StorageMode;
  readonly durability: DurabilityClass;
  /**
   * Mapped regions only: 'libpmem', 'msync', or the instruction of the addon's own way, which emulated
   * regions take where libpmem is not installed ('clwb', 'clflushopt', 'clflush', 'dc cvac').
   */
  readonly flushedBy?: string;
  readonly identity: Identity;
  /** Which one it is of those formatted with that identity, and a number that rises with every opening. */
  readonly opening: Omit<Opening, 'nonce'>;
  readonly recovered: Recovered;
  readonly durableThrough: number;
  /** Largest batch this store was formatted to hold, in bytes. */
  readonly batchBytesMax: number;
  /** Bytes the log can hold without its reserve, and how many of them are taken. */
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly counters: StorageCounters;

  onDurable: (throughItem: number) => void;
  onFailure: (error: Error) => void;

  /**
   * Stages a vote for the batch bytes[start, end). A later vote for the same slot supersedes the earlier one.
   * @param mayUseReserve for the first slot that this replica has not learned: see 7
   * @returns false, and stages nothing, when the log has no room (a reserve is kept for promises).
   * @throws ERR_INDELIBLE_DIGEST_MISMATCH (at commit at the latest) when the bytes do not have `digest`.
   */
  stageVote(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
    mayUseReserve?: boolean,
  ): boolean;

  /** Stages a promise to refuse lower ballots. False when even the reserve is used up. */
  stagePromise(ballot: Ballot): boolean;

  /**
   * Closes the group. Nothing staged: does nothing.
   * @param learnedThrough every vote in this log at or below it holds the chosen batch of its slot.
   */
  commit(learnedThrough: Slot): void;

  /** Makes durable what a fused commit left pending. A no-op for stores without a pipeline. */
  drain(): void;

  /**
   * A copy of the bytes last voted for at `slot`, verified; undefined if there is no vote or its bytes are
   * lost. Damage that is met on the way harms nothing else: the store goes on, and the next scrub tells of
   * it.
   * @param digest of the batch of that vote, where the caller knows it: an earlier vote for the same batch
   *   will do then, and one for another never does, whatever the log can still tell of their order
   */
  readVote(slot: Slot, digest?: Digest): Uint8Array | undefined;

  /**
   * Reads back the next records of the log, from its oldest on and around again, and verifies them: headers,
   * links, descriptors, payloads. One call at a time: while one is under way another does nothing.
   * What is mirrored, or follows from what is known (a header's or root's other copy, a commit word), is
   * mended on the way and not told of.
   * @param budgetBytes about how many bytes to read; at least one record is. Blocks for as long as it takes
   *   to read that many: 256 KiB are some 100 µs.
   * @param done called once, with what was found: inside the call (pmem, emulated, memory) or later from the
   *   event loop (file); not at all if the store fails or closes first. A lost store has nothing to scrub.
   * @throws ERR_INDELIBLE_STORE_POISONED, _CLOSED; ERR_INDELIBLE_STORE_IO when the medium raises a fault
   */
  scrub(budgetBytes: number, done: (progress: ScrubProgress) => void): void;

  /**
   * Forgets votes at or below `through`, which checkpoint `checkpointId` durably covers. Idempotent and
   * monotone: a lower `through` than before is ignored. The space is free once the store has made that
   * durable.
   */
  trim(through: Slot, checkpointId: number): void;

  /** Makes everything durable, marks the store cleanly closed, releases it. Idempotent. */
  close(): Promise<void>;
}
