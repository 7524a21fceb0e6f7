/**
 * Reads the groups of a log that is in use back from the device, one piece after the other and around again,
 * and judges their sectors as recovery would.
 *
 * 1. Only what was durable when a piece's read began is judged, and only if its segment is still in use when
 *    the read ends: a segment that was given up meanwhile may show its new pattern already.
 * 2. A page that the device cannot read counts as zeros: damage found, not a failure.
 * 3. A vote is lost when its bytes no longer have their digest. A group whose header, link or descriptors are
 *    gone is *unreadable*: the next open could not tell what was in it, nor in any before it.
 * 4. What was told once is not told again as long as its segment is in use.
 */
import type { Slot, SlotRange } from '../../types.js';
import { digestOf } from '../crc64.js';
import type { FoundDamage, RecoveredVote } from '../storage.js';
import { SegmentImage } from './group-reader.js';
import { PAGE_BYTES } from './medium.js';
import { readPastBad } from './scan.js';
import type { Segment } from './segment.js';
import { mendHeader } from './segment.js';
import type { Space } from './space.js';
import type { VoteEntry, VoteIndex } from './vote-index.js';

/** What the scrub needs to know of the log, at any time. */
export interface ScrubbedLog {
  readonly space: Space;
  readonly index: VoteIndex;
  /** Every group below it is durable. */
  readonly durableGroupEnd: number;
  readonly highestVoted: Slot;
  /** False while segments in use may be given up without being asked again. */
  readonly keepsSegments: boolean;
}

export interface ScrubStep {
  readonly bytes: number;
  readonly passEnded: boolean;
  readonly damage: FoundDamage | undefined;
  /** The newest group is unreadable: nothing behind it tells recovery of the promise. */
  readonly lastLost: boolean;
}

/** A stretch of a segment that is not as it was written. */
interface Spoilt {
  readonly from: number;
  readonly end: number;
  readonly unreadable: boolean;
}

const NOTHING: ScrubStep = { bytes: 0, passEnded: true, damage: undefined, lastLost: false };

export class LogScrub {
  readonly #log: ScrubbedLog;
  readonly #segmentBytes: number;
  readonly #incarnation: number;
  readonly #told = new WeakMap<Segment, Set<number>>();
  #bytes: Uint8Array = new Uint8Array(0);
  /** Where the next step begins; `number` is the group expected there. */
  #segment: Segment | undefined;
  #offset = 0;
  #number = 0;
  #link: number | undefined;

  constructor(log: ScrubbedLog, segmentBytes: number, incarnation: number) {
    this.#log = log;
    this.#segmentBytes = segmentBytes;
    this.#incarnation = incarnation;
  }

  /** Reads the next `budgetBytes` or so. One call at a time. */
  async step(budgetBytes: number): Promise<ScrubStep> {
    const segment = this.#enter();
    const end = this.#log.durableGroupEnd;
    if (segment === undefined || this.#number >= end) return this.#endPass(NOTHING);
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#segmentBytes);
    const image = new SegmentImage(this.#bytes, segment.key, segment.sequence, this.#incarnation);
    const from = this.#offset;
    // A segment that something is still to be written to is not given up (Space.releasable).
    segment.pending++;
    const mayMend = from === PAGE_BYTES && this.#log.keepsSegments;
    let spoilt: Spoilt[];
    try {
      if (mayMend) await mendHeader(segment, this.#incarnation);
      spoilt = await this.#judge(segment, image, Math.max(budgetBytes, PAGE_BYTES), end);
    } finally {
      segment.pending--;
    }
    if (!this.#log.space.isUsed(segment)) {
      this.#segment = undefined;
      return { ...NOTHING, passEnded: false };
    }
    const lastLost = this.#number >= end && spoilt.at(-1)?.unreadable === true;
    const damage = this.#tell(segment, image, spoilt);
    const step = { bytes: this.#offset - from, passEnded: false, damage, lastLost };
    return this.#number >= end ? this.#endPass(step) : step;
  }

  #endPass(step: ScrubStep): ScrubStep {
    this.#segment = undefined;
    return { ...step, passEnded: true };
  }

  /** The segment to go on in: the oldest one to begin with, the next one where one is read through. */
  #enter(): Segment | undefined {
    const { space } = this.#log;
    const next = this.#segment === undefined ? space.oldest : space.behind(this.#segment);
    const begins = this.#segment === undefined || (next !== undefined && next.firstGroup === this.#number);
    if (this.#segment !== undefined && !space.isUsed(this.#segment)) {
      this.#segment = undefined;
      return this.#enter();
    }
    if (!begins) return this.#segment;
    if (next === undefined || next.firstGroup === 0) return undefined;
    this.#segment = next;
    this.#offset = PAGE_BYTES;
    this.#number = next.firstGroup;
    this.#link = next.firstLink;
    return next;
  }

  /** Reads on from where it is, and moves there; what is spoilt on the way. */
  async #judge(segment: Segment, image: SegmentImage, budget: number, end: number): Promise<Spoilt[]> {
    const spoilt: Spoilt[] = [];
    const stop = Math.min(this.#offset + budget, this.#segmentBytes);
    let read = this.#offset;
    const readThrough = async (through: number): Promise<void> => {
      if (through <= read) return;
      await readPastBad(segment.file, this.#bytes.subarray(read, through), read);
      read = through;
    };
    const groupEnd = this.#log.space.behind(segment)?.firstGroup || end;
    while (this.#offset < stop && this.#number < Math.min(end, groupEnd)) {
      const at = this.#offset;
      await readThrough(Math.max(stop, at + PAGE_BYTES));
      if (!image.hasHeader(at)) {
        // Nobody knows how long the group is: to the next header, or to the end of the segment.
        await readThrough(this.#segmentBytes);
        this.#skip(image, at, Math.min(end, groupEnd));
        spoilt.push({ from: at, end: this.#offset, unreadable: true });
        continue;
      }
      await readThrough(at + image.extentAt(at));
      const group = image.readGroup(at);
      const linked = group.number === this.#number && (this.#link ?? group.link) === group.link;
      const unreadable = !linked || group.lostDescriptors > 0;
      if (unreadable || group.old + group.bad > 0)
        spoilt.push({ from: at, end: at + group.extent, unreadable });
      this.#offset = at + group.extent;
      this.#number = group.number + 1;
      this.#link = group.digest;
    }
    return spoilt;
  }

  #skip(image: SegmentImage, at: number, end: number): void {
    this.#link = undefined;
    for (this.#offset = at + PAGE_BYTES; this.#offset < this.#segmentBytes; this.#offset += PAGE_BYTES) {
      if (!image.hasHeader(this.#offset)) continue;
      const { number } = image.readGroup(this.#offset);
      if (number <= this.#number || number >= end) continue;
      this.#number = number;
      return;
    }
    this.#number = end;
  }

  #tell(segment: Segment, image: SegmentImage, spoilt: readonly Spoilt[]): FoundDamage | undefined {
    const told = this.#told.get(segment) ?? new Set<number>();
    const news = spoilt.filter(({ from }) => !told.has(from));
    if (news.length === 0) return undefined;
    for (const { from } of news) told.add(from);
    this.#told.set(segment, told);
    const votes: RecoveredVote[] = [];
    for (const entry of this.#log.index.sorted()) {
      const isIn = news.some(
        ({ from, end }) => entry.segment === segment && entry.at >= from && entry.at < end,
      );
      if (!isIn || !entry.available) continue;
      if (digestOf(image.bytes, entry.at, entry.at + entry.lengthBytes) === entry.digest) continue;
      entry.available = false;
      const { slot, ballot, kind, digest, lengthBytes } = entry;
      votes.push({ slot, ballot, kind, digest, lengthBytes, available: false });
    }
    const last = news.findLast(({ unreadable }) => unreadable);
    const uncertain = last === undefined ? [] : this.#uncertainBehind(segment, last.end);
    if (votes.length === 0 && uncertain.length === 0) return undefined;
    const what = last === undefined ? 'votes have lost their bytes' : 'a group can no longer be read';
    return { reason: `segment ${segment.sequence}: ${what}`, votes, uncertain };
  }

  /** Slots above the trim point less those last voted for behind a place of a segment. */
  #uncertainBehind(segment: Segment, end: number): SlotRange[] {
    const { index, highestVoted } = this.#log;
    const isBehind = (entry: VoteEntry): boolean =>
      entry.segment === undefined ||
      entry.segment.sequence > segment.sequence ||
      (entry.segment === segment && entry.at >= end);
    const ranges: SlotRange[] = [];
    let from = index.trimThrough + 1;
    for (const entry of index.sorted()) {
      if (!isBehind(entry)) continue;
      if (entry.slot > from) ranges.push({ from, through: entry.slot - 1 });
      from = entry.slot + 1;
    }
    if (from <= highestVoted) ranges.push({ from, through: highestVoted });
    return ranges;
  }
}
