/**
 * Every bound, with its unit in its name, and the relations between them, asserted when this file loads.
 * Inclusive bounds end in `Max` or `Min`.
 */

/** Bits of a ballot that hold the replica id. */
export const BALLOT_REPLICA_BITS = 16;
export const REPLICA_ID_MAX: number = 2 ** BALLOT_REPLICA_BITS - 1;
export const BALLOT_ROUND_MAX: number = 2 ** (53 - BALLOT_REPLICA_BITS) - 1;

/**
 * The highest round that is taken from a peer, and that anybody campaigns in: half of what there is. Who has
 * seen it campaigns no more, and says so.
 */
export const BALLOT_ROUND_HEARD_MAX: number = 2 ** (52 - BALLOT_REPLICA_BITS);

/** The highest slot that is taken from a peer. A million batches a second get there in 35 years. */
export const SLOT_HEARD_MAX: number = 2 ** 50;

/**
 * An acceptor takes no vote further above its trim point than this: more slots than any log holds votes for,
 * and few enough to go through one by one.
 */
export const VOTE_SLOTS_MAX: number = 2 ** 24;

/**
 * The latest time that a batch may be stamped with, or a clock show, in ms since 1970: in the year 2248.
 * Replicated time never goes back, so that what is no time must not become it.
 */
export const TIME_MS_MAX: number = 2 ** 43;

/** Most members of one configuration. */
export const MEMBERS_MAX = 15;

/** A member's address, or the cookie of a change of members, in bytes of UTF-8. */
export const MEMBER_TEXT_BYTES_MAX = 255;

/** Largest single command, in bytes: key, value and framing of the bundled service fit below it. */
export const COMMAND_BYTES_MAX: number = 1 << 20;

/** Largest batch (the value of one slot), in bytes, headers included. */
export const BATCH_BYTES_MAX: number = 2 << 20;

/** The reason given for the skip of a command, in bytes of UTF-8. */
export const SKIP_REASON_BYTES_MAX = 512;

/** Most votes in one batch record of the acceptor log. */
export const RECORD_VOTES_MAX = 1024;

/** Largest batch record of the acceptor log, in bytes: one largest batch, or many small ones. */
export const RECORD_BYTES_MAX: number = BATCH_BYTES_MAX + (128 << 10);

/** Largest frame on a socket, in bytes: one largest batch and its message header. */
export const FRAME_BYTES_MAX: number = BATCH_BYTES_MAX + (64 << 10);

/** Bytes of votes that one `promised` or `chosen` message carries before another one continues it. */
export const MESSAGE_VOTES_BYTES_MAX: number = 1 << 20;

/** Bytes of a checkpoint that one message carries. */
export const CHECKPOINT_CHUNK_BYTES_MAX: number = 256 << 10;

/** Slots that may be open (proposed, not yet known chosen) at a time. */
export const WINDOW_SLOTS_MAX = 1024;
export const WINDOW_SLOTS_DEFAULT = 64;

/** A log area holds at least this many of the largest records its store was formatted for. */
export const LOG_RECORDS_MIN = 8;

/** Bytes of a store's log area that `format` chooses unless told otherwise, and the least it accepts. */
export const LOG_BYTES_DEFAULT: number = 128 << 20;
export const LOG_BYTES_MIN: number = 64 << 10;

/** Smallest `recordBytesMax` a store can be formatted with, in bytes (tests and the simulator use it). */
export const RECORD_BYTES_MIN: number = 4 << 10;

function holds(relation: boolean, sentence: string): void {
  if (!relation) throw new RangeError(`limits.ts: ${sentence}`);
}

holds(COMMAND_BYTES_MAX < BATCH_BYTES_MAX, 'a command fits in a batch');
holds(BATCH_BYTES_MAX + 192 + 64 * RECORD_VOTES_MAX <= RECORD_BYTES_MAX, 'a largest batch fits in a record');
holds(BATCH_BYTES_MAX + 4096 <= FRAME_BYTES_MAX, 'a largest batch fits in a frame');
holds(MESSAGE_VOTES_BYTES_MAX <= BATCH_BYTES_MAX, 'a part of an answer fits in a frame');
holds(CHECKPOINT_CHUNK_BYTES_MAX + 4096 <= FRAME_BYTES_MAX, 'a checkpoint chunk fits in a frame');
holds(LOG_RECORDS_MIN * RECORD_BYTES_MAX <= LOG_BYTES_DEFAULT, 'a default log holds enough largest records');
holds(LOG_RECORDS_MIN * RECORD_BYTES_MIN <= LOG_BYTES_MIN, 'a smallest log holds enough smallest records');
holds(WINDOW_SLOTS_DEFAULT <= WINDOW_SLOTS_MAX, 'the default window is a legal window');
