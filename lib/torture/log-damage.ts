/**
 * Damages images that were durable, as failing media do, and judges what recovery says about them:
 *
 * 1. Damage to one copy of a header or a root changes nothing that is recovered.
 * 2. Elsewhere: `intact` only with exactly the right contents (or, where old bytes were put back, those of an
 *    earlier time: no log can see that alone); `damaged` only with a promise as high as answered, right
 *    votes, and every vote that is missing among the uncertain slots; `lost` claims nothing.
 */

import { ErrorCode, type IndelibleError } from '../errors.js';
import type { Random } from '../simulation/random.js';
import { openRecording } from '../storage/pmem-recording.js';
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import type { Verdict } from './damage-tally.js';
import { bytesOf, type Contents, stageGroup } from './log-contents.js';
import { attempt, contentsOf } from './log-judge.js';
import { wholeRecords } from './region-map.js';

/** A moment of a history: what a power cut left, and what it may hold; `legal[0]` was answered. */
export interface Moment {
  readonly image: Uint8Array;
  readonly legal: readonly Contents[];
}

const PAGE_BYTES = 4096;
const ROOT_OFFSET_BYTES = 0x2000;
const LOG_OFFSET_BYTES = 0x4000;
const LINE_BYTES = 64;
const BLOCK_BYTES = [64, 256, 4096] as const;

/** @returns what was violated, or undefined. `earlier` are moments before `now`, oldest first. */
export function checkDamage(now: Moment, earlier: readonly Moment[], random: Random): string | undefined {
  return (
    mirrored(now, earlier, random) ??
    olderRoot(now, earlier) ??
    flipped(now, earlier, random) ??
    zeroed(now, random) ??
    stale(now, earlier, random)
  );
}

/** Rule 1: a page of one header or root copy is flipped, zeroed or as it was earlier. */
function mirrored(now: Moment, earlier: readonly Moment[], random: Random): string | undefined {
  const page = random.below(4) * PAGE_BYTES;
  const image = now.image.slice();
  const how = random.below(3);
  const old = earlier[random.below(earlier.length)];
  // Where the fields are: a header's at the start, a root's in its two slots.
  const field =
    page < ROOT_OFFSET_BYTES ? random.below(256) : 256 * (1 + random.below(2)) + 8 + random.below(48);
  if (how === 0) image[page + field]! ^= 1 << random.below(8);
  else if (how === 1 || old === undefined) image.fill(0, page, page + PAGE_BYTES);
  else image.set(old.image.subarray(page, page + PAGE_BYTES), page);
  return exactly(image, now.legal, `one copy at ${page} ${['flipped', 'zeroed', 'stale'][how]}`);
}

/** Rule 1, for what chance seldom meets: each root in turn is as it last was before it changed. */
function olderRoot(now: Moment, earlier: readonly Moment[]): string | undefined {
  for (const page of [ROOT_OFFSET_BYTES, ROOT_OFFSET_BYTES + PAGE_BYTES]) {
    const current = now.image.subarray(page, page + PAGE_BYTES);
    const older = earlier
      .map((moment) => moment.image.subarray(page, page + PAGE_BYTES))
      .findLast((root) => Buffer.compare(root, current) !== 0);
    if (older === undefined) continue;
    const image = now.image.slice();
    image.set(older, page);
    const why = exactly(image, now.legal, `the root at ${page} of an earlier moment`);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Every other time a byte of the newest records, where torn and rotten are hardest to tell apart. */
function flipped(now: Moment, earlier: readonly Moment[], random: Random): string | undefined {
  const image = now.image.slice();
  const before = earlier.at(-1)?.image;
  let at = LOG_OFFSET_BYTES + random.below(image.length - LOG_OFFSET_BYTES);
  if (before !== undefined && random.chance(0.5)) {
    const changed: number[] = [];
    for (let byte = LOG_OFFSET_BYTES; byte < image.length; byte++) {
      if (image[byte] !== before[byte]) changed.push(byte);
    }
    if (changed.length > 0) at = random.pick(changed);
  }
  image[at]! ^= 1 << random.below(8);
  return honest(image, now.legal, `a bit flipped at ${at}`);
}

function zeroed(now: Moment, random: Random): string | undefined {
  const image = now.image.slice();
  const bytes = BLOCK_BYTES[random.below(BLOCK_BYTES.length)]!;
  const at = LOG_OFFSET_BYTES + random.below((image.length - LOG_OFFSET_BYTES) / bytes) * bytes;
  image.fill(0, at, at + bytes);
  return honest(image, now.legal, `${bytes} bytes zeroed at ${at}`);
}

/**
 * Lost writes: one block of the log is as it was earlier, every other time the one where the tail was then.
 */
function stale(now: Moment, earlier: readonly Moment[], random: Random): string | undefined {
  const old = earlier[random.below(earlier.length)];
  if (old === undefined) return undefined;
  const image = now.image.slice();
  const bytes = BLOCK_BYTES[random.below(BLOCK_BYTES.length)]!;
  const anywhere = LOG_OFFSET_BYTES + random.below(image.length - LOG_OFFSET_BYTES);
  const tail = image.findIndex((byte, where) => where >= LOG_OFFSET_BYTES && byte !== old.image[where]);
  const within = tail >= 0 && random.chance(0.5) ? tail : anywhere;
  const at = within - (within % bytes);
  image.set(old.image.subarray(at, at + bytes), at);
  const legal = [now, ...earlier].flatMap((moment) => moment.legal);
  return honest(image, legal, `${bytes} stale bytes at ${at}`);
}

/**
 * Two logs that went separate ways from the same image, with records of equal length, their blocks mixed: a
 * restored backup, a half-copied region. Only one of the two ways may pass for intact.
 */
export function checkMixture(base: Uint8Array, slot: Slot, random: Random): string | undefined {
  const legal: Contents[] = [];
  const [one, other] = [branch(base, slot, 1, legal), branch(base, slot, 2, legal)];
  const parting = one.findIndex((byte, at) => at >= LOG_OFFSET_BYTES && byte !== other[at]);
  if (parting < 0) return undefined;
  const image = one.slice();
  const from = (Math.floor(parting / LINE_BYTES) + random.below(24)) * LINE_BYTES;
  image.set(other.subarray(from), from);
  return honest(image, legal, `two branches mixed from ${from}`);
}

function branch(base: Uint8Array, slot: Slot, which: number, legal: Contents[]): Uint8Array {
  const { storage, recording } = openRecording({ image: base });
  let contents = contentsOf(storage);
  const { promised } = contents;
  legal.push(contents);
  for (let index = 1; index <= 4; index++) {
    const ballot = promised + 10 * index + which;
    const group = { promise: 0, votes: [{ slot: slot + index, ballot, lengthBytes: 60 }] };
    if (!stageGroup(storage, group)) break;
    storage.commit(0);
    contents = contents.copy();
    contents.apply(group);
    legal.push(contents);
  }
  const image = recording.durableImage();
  recording.release();
  return image;
}

function exactly(image: Uint8Array, legal: readonly Contents[], what: string): string | undefined {
  return opened(image, what, (storage) => {
    const { outcome, reason } = storage.recovered;
    if (outcome !== 'intact') return `${what}: ${outcome} (${reason})`;
    return matching(storage, legal, what);
  });
}

function honest(image: Uint8Array, legal: readonly Contents[], what: string): string | undefined {
  return opened(image, what, (storage) => {
    const { outcome } = storage.recovered;
    if (outcome === 'lost') return undefined;
    if (outcome === 'intact') return matching(storage, legal, what);
    const why = legal.map((contents) => dishonest(storage, contents));
    return why.includes(undefined) ? undefined : `${what}, called damaged: ${why[0]}`;
  });
}

/** A log at a moment: its bytes, and everything it was ever given. */
export interface Held {
  readonly image: Uint8Array;
  readonly contents: Contents;
}

/**
 * What recovery takes a damaged image for, and why that is wrong, if it is. `contents` is everything the log
 * was ever given, trimmed or not; `earlier` are legal states it had before, oldest first.
 */
export function judgeDamage(image: Uint8Array, contents: Contents, earlier: readonly Held[]): Judged {
  let opened: ReturnType<typeof openRecording>;
  try {
    opened = openRecording({ image });
  } catch (error) {
    const { code, message } = error as IndelibleError;
    const isRefusal = code === ErrorCode.storeCorrupt || code === ErrorCode.storeForeign;
    return { verdict: 'refused', why: isRefusal ? undefined : message };
  }
  try {
    const judged = judgeRecovered(
      opened.storage,
      contents,
      earlier.map((held) => held.contents),
    );
    if (judged.older === undefined) return judged;
    const newest = wholeRecords(image).at(-1)?.number ?? 0;
    const last = wholeRecords(earlier[judged.older]!.image).at(-1)?.number ?? 0;
    if (newest <= last) return judged;
    const why = `called intact in an older state, with record ${newest} still readable behind record ${last}`;
    return { verdict: judged.verdict, why };
  } finally {
    opened.recording.release();
  }
}

interface Judged {
  readonly verdict: Verdict;
  readonly why: string | undefined;
  /** Which of the earlier states it is, where it is one. */
  readonly older?: number;
}

/** The same for a store that was opened. */
export function judgeRecovered(storage: Storage, contents: Contents, earlier: readonly Contents[]): Judged {
  const { outcome, uncertain, votes } = storage.recovered;
  if (outcome === 'lost') return { verdict: 'lost', why: undefined };
  if (outcome === 'damaged') {
    const unavailable = uncertain.length === 0 && votes.some(({ available }) => !available);
    return { verdict: unavailable ? 'unavailable' : 'uncertain', why: dishonest(storage, contents) };
  }
  const why = trimmedTo(contents, storage).difference(storage);
  if (why === undefined) return { verdict: 'intact', why };
  const older = earlier.findLastIndex((before) => matching(storage, [contents, before], '') === undefined);
  if (older < 0) return { verdict: 'older', why: `called intact: ${why}` };
  return { verdict: 'older', why: undefined, older };
}

function opened(
  image: Uint8Array,
  what: string,
  judge: (storage: Storage) => string | undefined,
): string | undefined {
  const found = attempt(() => openRecording({ image }));
  if (typeof found === 'string') return `${what}: ${found}`;
  try {
    return judge(found.storage);
  } finally {
    found.recording.release();
  }
}

function matching(storage: Storage, legal: readonly Contents[], what: string): string | undefined {
  const why = legal.map((contents) => {
    const candidate = trimmedTo(contents, storage);
    // Where the log is of an earlier time the roots, and the promise in them, may still be of now.
    const rooted = Math.min(storage.recovered.promised, legal[0]!.promised);
    candidate.promised = Math.max(candidate.promised, rooted);
    return candidate.difference(storage);
  });
  return why.includes(undefined) ? undefined : `${what}, called intact: ${why[0]}`;
}

function trimmedTo(contents: Contents, storage: Storage): Contents {
  const trimmed = contents.copy();
  trimmed.forget(storage.recovered.trimThrough);
  return trimmed;
}

/** Why a damaged log's report about `contents` misleads; undefined if it does not. */
function dishonest(storage: Storage, contents: Contents): string | undefined {
  const { recovered } = storage;
  if (recovered.promised < contents.promised)
    return `promised ${recovered.promised}, not ${contents.promised}`;
  const found = new Map(recovered.votes.map((vote) => [vote.slot, vote]));
  for (const [slot, vote] of trimmedTo(contents, storage).votes) {
    if (recovered.uncertain.some((range) => range.from <= slot && slot <= range.through)) continue;
    const known = found.get(slot);
    if (known === undefined) return `slot ${slot} is neither there nor uncertain`;
    if (known.ballot !== vote.ballot) return `slot ${slot} at ballot ${known.ballot}, not ${vote.ballot}`;
    const bytes = known.available ? storage.readVote(slot) : undefined;
    if (bytes !== undefined && Buffer.compare(bytes, bytesOf(vote)) !== 0)
      return `slot ${slot} has other bytes`;
  }
  return undefined;
}
