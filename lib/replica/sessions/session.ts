/** A session as the program sees it that holds it, and where it is held. */
import type { RequestOptions } from '../service.js';
import type { Holder, Resumed } from './line-options.js';
import type { SessionLine } from './session-line.js';

/** Where a session stands: what a program keeps of it to go on with it in another life. */
export interface SessionPlace {
  /** The number of the session, {@link Session.id}. */
  readonly id: number;
  /** The number, from 1, of the command that is proposed first, {@link Session.next}. */
  readonly next: number;
}

/** Options of `Replica.session` and `Client.session`. */
export interface SessionOptions {
  /**
   * Goes on with a session that was opened before, by whomever: nothing is opened, and whether the cluster
   * still has it shows with the first command. Absent: a new one is opened.
   */
  readonly resume?: SessionPlace;
  /**
   * Commands that have no answer may take this many bytes, 256 counted for each beside its own. One more is
   * refused. Default 16 MiB.
   */
  readonly heldBytesMax?: number;
  /** Ends the opening, which rejects with the signal's reason. It has no effect on an open session. */
  readonly signal?: AbortSignal;
}

/** The lines of the sessions that are held at one place. */
export interface HeldLines {
  /** The largest command. */
  readonly commandBytesMax: number;
  hold(holder: Holder, heldBytesMax: number, resumed?: Resumed): SessionLine;
  /** Nobody holds it any more: what waits in it hears so. */
  drop(line: SessionLine): void;
}

/** Where sessions are held: a replica, or a client. */
export interface SessionHome {
  readonly lines: HeldLines;
  /** Something was asked: sends it soon. */
  flush(): void;
}

/**
 * A session: its commands are executed once each, in the order in which they were proposed.
 *
 * Each command has a number, counted from 1 in the order of the calls. The cluster executes of a session the
 * next number only, and keeps the answers that the holder does not have yet: so a command that is asked for
 * again, because its answer was lost, is not executed again, and has the answer it had. A program that keeps
 * {@link id} and {@link next} durably before it proposes a command can restart, `resume` there, propose the
 * same command again, and have its answer. It must not propose another under that number, nor may two
 * programs hold one session at a time.
 *
 * The cluster forgets a session that is not used for `sessionIdleSeconds`, or that was used longest ago when
 * there are more than `sessionsMax`, or their answers take more than `sessionAnswerKibMax` (options of the
 * replicas). A close is not told to the cluster: it forgets the session by these bounds.
 */
export interface Session {
  /** Its number; no other session of the cluster ever has it. */
  readonly id: number;
  /** The number that the next command gets, counted from 1, if all before it get an answer. */
  readonly next: number;

  /**
   * Executes one command, once. The bytes are copied. It is asked for again until there is an answer, which
   * may take as long as no quorum runs: a signal ends the wait, not the command.
   * @returns the state machine's result, once the command is chosen, durable at a quorum and applied.
   * @throws (by rejection) ERR_INDELIBLE_SESSION_GONE: the cluster has forgotten the session; this command
   *   may have been executed before, and is not from now on. ERR_INDELIBLE_ANSWER_GONE: it was executed, and
   *   its answer was too large to be kept. ERR_INDELIBLE_UNKNOWN: the signal, its reason the `cause`, has
   *   ended the wait, or the session was closed. ERR_INDELIBLE_NOT_EXECUTED: too much waits already, it was
   *   closed, or the session was resumed with a number beyond its next one; _DISK_FULL, _COMMAND_TOO_LARGE,
   *   _SKIPPED, _STOPPED
   */
  propose(command: Uint8Array, options?: RequestOptions): Promise<Uint8Array>;

  /** Ends it here: what has no answer rejects, as not executed or as unknown, and so does what comes. */
  close(): void;

  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
