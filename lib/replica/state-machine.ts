/**
 * What a user implements: a deterministic state machine. Every replica feeds it the same commands in the
 * same order and with the same times, so it must depend on nothing else: no clock, no randomness, no I/O.
 *
 * Nothing here is allocated per command: the command is a cursor over the batch's bytes and the result is
 * written in place. Copy what you keep (`command.copy()`).
 */
import type { Ballot, Slot } from '../types.js';

/** One command, as a window over its batch. Valid only during the call. */
export interface CommandView {
  /** The batch's bytes; this command is bytes[start, end). Never write to them. */
  readonly bytes: Uint8Array;
  /** Where the command begins in `bytes`. */
  readonly start: number;
  /** Where it ends, exclusive. */
  readonly end: number;
  /** The slot that carries it (for a query: the last slot applied), and its place within the slot, from 0. */
  readonly slot: Slot;
  /** The place within the slot, from 0. */
  readonly ordinal: number;
  /**
   * The ballot at which the slot's batch was proposed first: an integer below 2⁵³, the same on all replicas.
   * It never falls from slot to slot, so that (ballot, slot, ordinal) is higher for each later command: a
   * token that others outside can compare. A cluster made from a back-up begins with low ballots again.
   */
  readonly ballot: Ballot;
  /**
   * Replicated time when the batch was closed, in milliseconds since 1970. It never falls from slot to slot,
   * and follows no step of a clock.
   */
  readonly timeMs: number;
  /** The command's bytes, copied. */
  copy(): Uint8Array;
  /** The command's bytes as UTF-8. */
  text(): string;
}

/** Where a command's result goes. What has been written when the call returns is the result. */
export interface ResultWriter {
  /** Makes room for `lengthBytes` and returns where they start in {@link buffer}. Moves `end`. */
  reserve(lengthBytes: number): number;
  /** The bytes behind the result. Fetch it again after every `reserve`: it may have grown. */
  readonly buffer: Buffer;
  /** Appends bytes[start, end) to the result. */
  write(bytes: Uint8Array, start?: number, end?: number): void;
  /** Appends a text, as UTF-8. */
  writeText(text: string): void;
}

/**
 * What a program implements: a deterministic state machine. Every replica feeds it the same commands in the
 * same order and with the same times. So it must depend on nothing else: no clock, no randomness, no I/O. The
 * guide docs/embedding.md has the rules and an example.
 */
export interface StateMachine {
  /**
   * Tells what is executed next: `count` commands from bytes[start] on, each as a 4-byte little-endian
   * length and that many bytes. It may look ahead in memory, so that what the commands need is near when
   * their turn comes; it must change nothing, and may be left out. What it throws only causes a warning.
   */
  foresee?(bytes: Uint8Array, start: number, count: number): void;

  /**
   * Executes one command. A throw halts the replica at it: a refusal by the application is a result, not a
   * throw.
   */
  execute(command: CommandView, result: ResultWriter): void;

  /**
   * Whether the command bytes[start, end) may make the state larger. Asked only while disks are short of
   * room: what does not is executed all the same. It must change nothing, and may be left out: then every
   * command is refused.
   */
  grows?(bytes: Uint8Array, start: number, end: number): boolean;

  /**
   * Answers a read without changing anything. `nowMs` is replicated time now, at or after
   * `timeMs`, for presentation only.
   * Return false to decline: the caller is told, and may send the same bytes as a command instead.
   */
  query(command: CommandView, result: ResultWriter, nowMs: number): boolean;

  /**
   * The state as it is now, in chunks. The host pulls the first chunk at once and the others over several
   * turns while `execute` goes on, so the iterator must keep giving the state as of the call. The host
   * finishes or abandons one before it asks for another, and is done with a chunk before it pulls the
   * next, so that one buffer may serve for all. Where there is a `digest`, a restore that does not
   * reproduce it stops the replica.
   */
  checkpoint(): Iterable<Uint8Array>;

  /**
   * Replaces the state by what a checkpoint holds. A throw leaves the replica stopped, its checkpoint kept.
   */
  restore(chunks: Iterable<Uint8Array>): void;

  /** A digest of the state, equal on all replicas that have applied the same slots; shown by `status`. */
  digest?(): string;
}
