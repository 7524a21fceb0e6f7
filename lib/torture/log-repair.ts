/**
 * The mirrored copies of a region's header and root: recovery must make a damaged one good again, because the
 * next fault may hit the other.
 */
import { openRecording } from '../storage/pmem-recording.js';
import type { Ballot } from '../types.js';
import type { Contents } from './log-contents.js';
import { attempt } from './log-judge.js';

const PAGE_BYTES = 4096;
/** First pages of the pairs: static headers, roots. */
const PAIRS: readonly number[] = [0, 2 * PAGE_BYTES];
const WORD_BYTES = 8;
/** The incarnation in a static header. */
const HEADER_FIELD = 40;
/** More than there is: one call is a whole pass. */
const SCRUB_BYTES: number = 1 << 20;

/** @returns what was violated, or undefined. `image` is durable, and holds one of `legal`. */
export function checkRepair(image: Uint8Array, legal: readonly Contents[]): string | undefined {
  for (const first of PAIRS) {
    for (const [damaged, other] of [
      [first, first + PAGE_BYTES],
      [first + PAGE_BYTES, first],
    ] as const) {
      const repaired = recovered(image, damaged, legal);
      if (typeof repaired === 'string') return `the copy at ${damaged} zeroed: ${repaired}`;
      const again = recovered(repaired, other, legal);
      if (typeof again === 'string')
        return `the copy at ${damaged} zeroed, recovered, then ${other}: ${again}`;
    }
  }
  return undefined;
}

/**
 * Words and header copies that rot under an open log: a scrub must make them good again, durably.
 * @returns what was violated, or undefined. `image` is durable.
 */
export function checkScrub(image: Uint8Array): string | undefined {
  const opened = attempt(() => openRecording({ image, watch: true }));
  if (typeof opened === 'string') return opened;
  const { storage, recording } = opened;
  try {
    recording.takeTrace();
    if (!storage.stagePromise((storage.recovered.promised + 1) as Ballot)) return undefined;
    storage.commit(0);
    const words = recording
      .takeTrace()
      .filter(({ kind, site }) => kind === 'store' && site.startsWith('append.'));
    for (const offset of [...words.map((word) => word.offset), HEADER_FIELD, PAGE_BYTES + HEADER_FIELD]) {
      const good = recording.durableImage().slice(offset, offset + WORD_BYTES);
      recording.spoil(
        offset,
        good.map((byte) => byte ^ 0xff),
      );
      storage.scrub(SCRUB_BYTES, () => {});
      const now = recording.durableImage().slice(offset, offset + WORD_BYTES);
      if (Buffer.compare(good, now) !== 0) return `a scrub leaves the word at ${offset} as it rotted`;
    }
    return undefined;
  } finally {
    recording.release();
  }
}

/** What recovery makes durable of `image` with one page zeroed, or why that is wrong. */
function recovered(image: Uint8Array, page: number, legal: readonly Contents[]): Uint8Array | string {
  const damaged = image.slice().fill(0, page, page + PAGE_BYTES);
  const opened = attempt(() => openRecording({ image: damaged }));
  if (typeof opened === 'string') return opened;
  const { storage, recording } = opened;
  try {
    const { outcome, reason, trimThrough } = storage.recovered;
    if (outcome !== 'intact') return `${outcome} (${reason})`;
    const why = legal.map((contents) => {
      const trimmed = contents.copy();
      trimmed.forget(trimThrough);
      return trimmed.difference(storage);
    });
    return why.includes(undefined) ? recording.durableImage() : why[0]!;
  } finally {
    recording.release();
  }
}
