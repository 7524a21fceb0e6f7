/**
 * What the explorer of crash images (native/crash_explorer.h) leaves to its owner: whether an outcome of
 * recovery is legal. One image of each outcome is opened again, as a user's store is, and compared with the
 * expectation byte for byte.
 *
 * Answered ⊆ recovered ⊆ submitted; records whole or absent; the promise no lower than answered and no
 * lower than any recovered vote; the trim point old or new, with its checkpoint; the hint no higher than
 * told; nothing called damaged.
 */
import { type CrashPoint, type OpenRecordingOptions, openRecording } from '../storage/pmem-recording.js';
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import { Contents } from './log-contents.js';

/** What is violated, and by which image of the moment. */
export interface Finding {
  readonly what: string;
  readonly trail: string;
  readonly image: number;
  readonly x86: boolean;
}

/** Why a store's contents are not legal; undefined if they are. `foreign`: there is no region at all. */
export type Verdict = (storage: Storage | 'foreign') => string | undefined;

/** The first finding of a moment, or undefined. */
export function judgePoint(
  point: CrashPoint,
  verdict: Verdict,
  medium: { readonly volatile?: 'came back' } = {},
): Finding | undefined {
  for (const outcome of point.outcomes) {
    const { seen, durable, trail, image, x86 } = outcome;
    const what = outcome.foreign
      ? verdict('foreign')
      : judgeImage({ image: seen === durable ? seen : { seen, durable }, ...medium }, verdict);
    if (what !== undefined) return { what, trail, image, x86 };
  }
  return point.violation;
}

function judgeImage(options: OpenRecordingOptions, verdict: Verdict): string | undefined {
  const opened = attempt(() => openRecording(options));
  if (typeof opened === 'string') return `recovery fails: ${opened}`;
  try {
    return verdict(opened.storage) ?? inconsistency(opened.storage);
  } finally {
    opened.recording.release();
  }
}

/** What no recovery may say, whatever was written. */
function inconsistency(storage: Storage): string | undefined {
  const { promised, votes, trimThrough, checkpointId } = storage.recovered;
  const above = votes.find((vote) => vote.ballot > promised);
  if (above !== undefined)
    return `promised ${promised}, below the vote at slot ${above.slot} (${above.ballot})`;
  if (checkpointId !== trimThrough) return `checkpoint ${checkpointId} for the trim point ${trimThrough}`;
  return undefined;
}

/** The hint of what is learned may be old, never higher than what was told. */
export function hintTooHigh(storage: Storage, toldThrough: Slot): string | undefined {
  const { learnedThrough } = storage.recovered;
  return learnedThrough > toldThrough ? `learned through ${learnedThrough}, told ${toldThrough}` : undefined;
}

/** What was recovered, as it would be written again: a vote's slot, ballot and length decide its bytes. */
export function contentsOf(storage: Storage): Contents {
  const contents = new Contents(storage.recovered.promised);
  for (const { slot, ballot, lengthBytes } of storage.recovered.votes) {
    contents.votes.set(slot, { slot, ballot, lengthBytes });
  }
  return contents;
}

/** The value, or the error in words: an error of the log is a finding of the rig, not its end. */
export function attempt<T>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}`;
  }
}
