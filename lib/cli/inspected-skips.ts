/**
 * Votes that say which command is passed over (skip-record.ts), among those that a store holds. A vote may be
 * for what was never chosen: that is for a replica to know.
 */
import { formatBallot } from '../paxos/ballot.js';
import { isSkipRecord, readSkipRecord, type Skip } from '../replica/skip-record.js';
import { type Ballot, BatchKind, type Slot } from '../types.js';

/** Longer batches are no such records. */
const BATCH_BYTES_MAX = 1024;

/** A vote as a store describes it. */
export interface InspectedVote {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly kind: number;
  readonly lengthBytes: number;
  readonly available: boolean;
  /** Where its bytes lie in the file. */
  readonly at: number;
}

/** A vote at `slot` for passing over the command that `skipped` names. */
export interface InspectedSkip {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly skipped: Skip;
}

/**
 * @param read fills its argument from a place in the file; false where that cannot be done
 * @returns the skip that `vote` is for; undefined for any other batch
 */
export function skipOf(
  { slot, ballot, kind, lengthBytes, available, at }: InspectedVote,
  read: (into: Uint8Array, at: number) => boolean,
): InspectedSkip | undefined {
  if (!available || kind !== BatchKind.commands || lengthBytes > BATCH_BYTES_MAX) return undefined;
  const bytes = new Uint8Array(lengthBytes);
  if (!read(bytes, at) || !isSkipRecord({ kind: BatchKind.commands, bytes })) return undefined;
  try {
    const { slot: of, ordinal, reason } = readSkipRecord(bytes);
    return { slot, ballot, skipped: { slot: of, ordinal, reason } };
  } catch {
    return undefined;
  }
}

export function skipLines(skips: readonly InspectedSkip[]): readonly string[] {
  return skips.map(({ slot, ballot, skipped }) => {
    const which = `slot ${skipped.slot}, command ${skipped.ordinal}`;
    return `slot ${slot}, ballot ${formatBallot(ballot)}: skips ${which}, because ${JSON.stringify(skipped.reason)}`;
  });
}
