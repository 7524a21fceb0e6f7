/**
 * The bounds of the key-value service, units in their names. The first group belongs to the replicated state:
 * it is the same on every replica by being constant. The second holds the defaults of one port's options.
 */
import { COMMAND_BYTES_MAX } from '../limits.js';

/** Longest key, in bytes. */
export const KEY_BYTES_MAX: number = 32 << 10;

/** Longest value, in bytes. With a longest key it still fits into one command. */
export const VALUE_BYTES_MAX: number = 960 << 10;

/** Longest reply, in bytes; a command whose reply would be longer gets an error and changes nothing. */
export const REPLY_BYTES_MAX: number = 1 << 20;

/** What an entry counts for `memoryBytesMax` beside the bytes of its key and value. */
export const ENTRY_OVERHEAD_BYTES = 64;

/** Keys past their expiry that one executed command removes beside its own work. */
export const EXPIRED_REMOVED_MAX = 16;

/** Elements that one SCAN looks at, whatever COUNT says. */
export const SCAN_COUNT_MAX = 10_000;

/**
 * Steps that one command may take, a transaction included, beyond what it does for each byte of its own: a
 * step is some ten nanoseconds, so that no command stops a replica for much longer than a third of a second.
 */
export const STEPS_MAX: number = 2 ** 25;
/** Steps for an entry that a command comes across by itself, as KEYS does. */
export const ENTRY_STEPS = 32;
/** Bytes of a value that are copied in one step. */
export const STEP_BYTES = 2;

/** Keys past their expiry that DBSIZE and INFO leave out of their count; more of them are counted. */
export const EXPIRED_COUNTED_MAX: number = 1 << 16;

/** Most arguments of one request, the command's name included. */
export const ARGUMENTS_MAX: number = 1 << 17;

/** Longest inline request or length line, in bytes (Redis: 64 KiB). */
export const INLINE_BYTES_MAX: number = 64 << 10;

/** Longest single argument, in bytes. A request with a longer one is read to its end and gets an error … */
export const BULK_BYTES_MAX: number = COMMAND_BYTES_MAX;

/** … unless more than so many bytes of it would have to be read for nothing: that closes the connection. */
export const DROPPED_BYTES_MAX: number = 64 << 20;

/** Bytes of one request that are kept until it is complete. A longer one is read, and gets an error. */
export const REQUEST_BYTES_MAX: number = 2 * COMMAND_BYTES_MAX;

/** Limits of a client that has not authenticated yet, as in Redis. */
export const STRANGER_ARGUMENTS_MAX = 10;
export const STRANGER_BULK_BYTES_MAX: number = 16 << 10;

export const CLIENTS_MAX_DEFAULT = 10_000;
/** As in Redis, in seconds. */
export const KEEPALIVE_SECONDS_DEFAULT = 300;
export const MEMORY_BYTES_MAX_DEFAULT: number = 1 << 30;

/** Requests of one connection that may wait for their outcome before it stops reading. */
export const PIPELINE_MAX_DEFAULT: number = 16 << 10;

/** Unread reply bytes of one connection at which it stops reading, and at which it is closed. */
export const OUTPUT_PAUSE_BYTES_DEFAULT: number = 1 << 20;
export const OUTPUT_BYTES_MAX_DEFAULT: number = 64 << 20;

/** Bytes of encoded commands that go into one call of `submit` or `query`, unless one command is larger. */
export const RUN_BYTES_MAX: number = 256 << 10;

/** Keys that one connection may watch. */
export const WATCHED_KEYS_MAX = 1024;

function holds(relation: boolean, sentence: string): void {
  if (!relation) throw new RangeError(`kv/limits.ts: ${sentence}`);
}

holds(KEY_BYTES_MAX + VALUE_BYTES_MAX + 4096 <= COMMAND_BYTES_MAX, 'a longest SET fits in a command');
holds(VALUE_BYTES_MAX + 64 <= REPLY_BYTES_MAX, 'a longest value fits in a reply');
holds(VALUE_BYTES_MAX / STEP_BYTES < STEPS_MAX / 32, 'a longest value can be copied');
holds(BULK_BYTES_MAX < REQUEST_BYTES_MAX, 'a longest argument fits in a request');
