/**
 * Operating errors: the closed list of codes, what each one means, and what the caller may do about it.
 * The caller's own mistakes are TypeError and RangeError with `ERR_INDELIBLE_ARGUMENT`; a broken contract is
 * a ContractViolation (contract.ts).
 */

export const ErrorCode = {
  /** An option or argument has a value that is not allowed. Fix the call. */
  argument: 'ERR_INDELIBLE_ARGUMENT',
  /** The store's directory, region or segment does not exist. `indelible format` makes one. */
  storeMissing: 'ERR_INDELIBLE_STORE_MISSING',
  /** `format` was asked to write where a store already is. Nothing was written. */
  storeExists: 'ERR_INDELIBLE_STORE_EXISTS',
  /**
   * The file is not an Indelible store of this kind, or belongs to another cluster or replica. Nothing was
   * written.
   */
  storeForeign: 'ERR_INDELIBLE_STORE_FOREIGN',
  /** The store was written by a format this program does not know. Use the program that wrote it. */
  storeVersion: 'ERR_INDELIBLE_STORE_VERSION',
  /** Another process has the store open. Stop it first. */
  storeLocked: 'ERR_INDELIBLE_STORE_LOCKED',
  /**
   * Bytes that were durable can no longer be read as written. See what recovery says the acceptor may still
   * do.
   */
  storeCorrupt: 'ERR_INDELIBLE_STORE_CORRUPT',
  /**
   * The system refused a read, write, flush or sync. The store is poisoned: reopen it after the cause is
   * gone.
   */
  storeIo: 'ERR_INDELIBLE_STORE_IO',
  /** The store failed earlier, or was closed, and accepts nothing more. */
  storePoisoned: 'ERR_INDELIBLE_STORE_POISONED',
  /** The store is closed and accepts nothing more. */
  storeClosed: 'ERR_INDELIBLE_STORE_CLOSED',
  /**
   * The numbers of the log itself, below 2⁵³, are used up: it takes no more votes. It can still be opened,
   * read and closed: carry its state, in a checkpoint, to a newly formatted cluster.
   */
  storeExhausted: 'ERR_INDELIBLE_STORE_EXHAUSTED',
  /** No room in the log until a checkpoint frees some. Retry after one. */
  logFull: 'ERR_INDELIBLE_LOG_FULL',
  /**
   * The disks of a majority are not known to have room beyond their reserve, so that commands which grow the
   * state are refused. Not executed; reads go on. Make room, and send it again.
   */
  diskFull: 'ERR_INDELIBLE_DISK_FULL',
  /**
   * The mode asked for is not what this mapping gives (not persistent memory, or the environment lies about
   * it).
   */
  notPersistentMemory: 'ERR_INDELIBLE_NOT_PERSISTENT_MEMORY',
  /** The C++ addon, libpmem or the platform is missing. The message says how to get it. */
  nativeMissing: 'ERR_INDELIBLE_NATIVE_MISSING',
  /** The batch's bytes do not have the digest it was sent with. */
  digestMismatch: 'ERR_INDELIBLE_DIGEST_MISMATCH',
  /** A frame or message that cannot be decoded; the connection is closed, nothing else happens. */
  frame: 'ERR_INDELIBLE_FRAME',
  /** The peer is of another cluster, version, id or store; the connection is refused. */
  stranger: 'ERR_INDELIBLE_STRANGER',
  /**
   * The two ends of a connection do not come to terms over TLS: one speaks none, or has a certificate or a
   * key that the other does not accept. The message says which.
   */
  tls: 'ERR_INDELIBLE_TLS',
  /** A command is larger than the limit. Nothing was proposed. */
  commandTooLarge: 'ERR_INDELIBLE_COMMAND_TOO_LARGE',
  /** The command was not executed and never will be. Retrying is safe. */
  notExecuted: 'ERR_INDELIBLE_NOT_EXECUTED',
  /** Whether the command was or will be executed is not known. Retry only what is idempotent. */
  unknown: 'ERR_INDELIBLE_UNKNOWN',
  /**
   * The cluster has forgotten the session: it was not used for too long, or others took its room. Whether the
   * command was executed is not known. Open a new session.
   */
  sessionGone: 'ERR_INDELIBLE_SESSION_GONE',
  /** The command of a session was executed, but its answer is not kept any more. Do not send it again. */
  answerGone: 'ERR_INDELIBLE_ANSWER_GONE',
  /**
   * The state of this replica did not come to be as new as the read wants, in its time: it lags, or reaches
   * no leader. Not executed; ask another replica, or be content with an older state.
   */
  stale: 'ERR_INDELIBLE_STALE',
  /** The replica is closed or has stopped after a failure, given as `cause`. */
  stopped: 'ERR_INDELIBLE_STOPPED',
  /** A checkpoint failed its verification. The older one stays in force. */
  checkpointInvalid: 'ERR_INDELIBLE_CHECKPOINT_INVALID',
  /**
   * The file is no back-up, or a damaged one. Take another copy of it, or an older one; nothing was written.
   */
  backupInvalid: 'ERR_INDELIBLE_BACKUP_INVALID',
  /**
   * `recover` is refused: the stores that are left are a quorum. Start them: nothing is lost. Nothing was
   * written.
   */
  quorumLeft: 'ERR_INDELIBLE_QUORUM_LEFT',
  /** Writing a checkpoint does not come on: its disk, or its state, stalls. It goes on when that does. */
  checkpointStalled: 'ERR_INDELIBLE_CHECKPOINT_STALLED',
  /** The user's state machine threw. The message says in which of its methods, and at which slot. */
  stateMachine: 'ERR_INDELIBLE_STATE_MACHINE',
  /**
   * The state machine threw at a command, and nothing behind that is executed here before it is skipped or
   * its program mended. What was asked is not executed.
   */
  halted: 'ERR_INDELIBLE_HALTED',
  /** No command is skipped: the replica is not halted, or at another one. The message says where. */
  notHalted: 'ERR_INDELIBLE_NOT_HALTED',
  /**
   * No command is skipped: another replica has executed it, so that the state machine is not deterministic.
   * Mend that, and give the halted replica the state of one that goes on.
   */
  diverged: 'ERR_INDELIBLE_DIVERGED',
  /**
   * The command was not executed and never will be: the state machine threw at it, and an operator had it
   * skipped. Do not send it again.
   */
  skipped: 'ERR_INDELIBLE_SKIPPED',
  /**
   * The members stay as they are: another change came first, an id or a store that cannot be a member, or no
   * majority of the new voters answers. The message says which; look at the members and ask again.
   */
  membersRefused: 'ERR_INDELIBLE_MEMBERS_REFUSED',
  /** The members stay as they are: one that is to vote lacks too much. Ask again when it has caught up. */
  notCaughtUp: 'ERR_INDELIBLE_NOT_CAUGHT_UP',
  /** A callback of the program threw. A warning has this code; nothing stopped because of it. */
  callback: 'ERR_INDELIBLE_CALLBACK',
  /** A port could not be bound, or a peer address could not be understood. */
  network: 'ERR_INDELIBLE_NETWORK',
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** What an error says beside its code and its sentence. */
export interface ErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown;
  /** The file, region or address the error is about. */
  readonly path?: string;
}

/** An operating error. `code` says what happened; the message says what to do about it. */
export class IndelibleError extends Error {
  /** Always `IndelibleError`. */
  override readonly name = 'IndelibleError';
  /** One of the closed list {@link ErrorCode}. */
  readonly code: ErrorCode;
  /** The file, region or address the error is about, where there is one. */
  readonly path: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.path = details.path;
  }
}

/** A TypeError with the code that says the caller's argument is at fault. */
export function argumentTypeError(message: string): TypeError & { code: ErrorCode } {
  return Object.assign(new TypeError(message), { code: ErrorCode.argument });
}

/** A RangeError with the code that says the caller's argument is at fault. */
export function argumentError(message: string): RangeError & { code: ErrorCode } {
  return Object.assign(new RangeError(message), { code: ErrorCode.argument });
}
