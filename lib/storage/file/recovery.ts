/**
 * What the groups found in the segments mean: the file backend's recovery.
 *
 * The log is the chain of groups numbered without a gap from the root's head, each linked to the header
 * before it. Only one group is ever outstanding, so a power cut can leave only the last one incomplete:
 *
 * | the last group                       | it is                          | what is done                          |
 * |--------------------------------------|--------------------------------|---------------------------------------|
 * | every sector written                 | complete, answered or not      | accepted                              |
 * | some sector still shows the pattern  | torn, never answered           | dropped                               |
 * | sectors bad, none shows the pattern  | damaged after it was complete  | accepted, its lost votes reported     |
 *
 * An earlier group with sectors that are not as written, a number that is missing, or a link that does not
 * hold is damage: the votes known to be there are *unavailable*, and if a descriptor is gone, every slot
 * above the trim point that no later group names is *uncertain*. The promise is known as long as a later
 * header is.
 *
 * `lost`: both root pages are bad, groups are gone that the root counts, a segment at or behind the tail is
 * missing or has no header, or the page at the tail holds something with no header before it. None of these
 * can come from a power cut.
 *
 * What no log can see alone: a last group whose every sector was lost since the last root, which looks as if
 * it had never been written.
 */
import type { Ballot, Slot, SlotRange } from '../../types.js';
import type { Recovered } from '../storage.js';
import type { Geometry } from './geometry.js';
import type { ReadGroup } from './group-reader.js';
import { PAGE_BYTES } from './medium.js';
import type { Root } from './root-file.js';
import type { Scan, ScannedSegment } from './scan.js';
import type { Segment } from './segment.js';
import { VoteIndex } from './vote-index.js';

/** Pages of a segment that must show the pattern again before anything is appended. */
export interface Refill {
  readonly segment: Segment;
  readonly pages: readonly number[];
}

export interface RecoveredLog {
  readonly recovered: Recovered;
  readonly index: VoteIndex;
  /** Segments with groups in them and the one the log ends in, oldest first. */
  readonly used: Segment[];
  /** Segments behind the tail, in the order they will be used. */
  readonly free: Segment[];
  readonly tailOffset: number;
  readonly nextNumber: number;
  readonly link: number;
  readonly refills: readonly Refill[];
  /** The first segment in which votes may have been that can no longer be read. */
  readonly heldFrom: Segment | undefined;
}

/** Gathers what the groups say, in their order. */
class Findings {
  readonly index = new VoteIndex();
  readonly reasons: string[] = [];
  promised: Ballot;
  learnedThrough: Slot;
  trimThrough: Slot;
  checkpointId: number;
  highestVoted: Slot;
  nextNumber: number;
  link: number;
  /**
   * Slots named by groups behind the last place where something unknown is missing; undefined: nothing is.
   */
  #namedSince: Set<Slot> | undefined;
  /** The segment where something unknown is missing first. */
  heldFrom: Segment | undefined;

  /** Where the group before was. */
  #previous: Segment | undefined;

  constructor(root: Root) {
    this.promised = root.promised;
    this.learnedThrough = root.learnedThrough;
    this.trimThrough = root.trimThrough;
    this.checkpointId = root.checkpointId;
    this.highestVoted = root.highestVoted;
    this.nextNumber = root.headGroup;
    this.link = root.headLink;
  }

  take(segment: Segment, group: ReadGroup): void {
    if (group.number !== this.nextNumber) {
      this.#missing(segment, `group ${this.nextNumber} is missing before group ${group.number}`);
    } else if (group.link !== this.link) {
      this.#missing(segment, `group ${group.number} does not link to the one before it`);
    }
    if (group.lostDescriptors > 0) this.#missing(segment, `group ${group.number} has lost descriptors`);
    else if (group.old + group.bad > 0) {
      this.reasons.push(`group ${group.number} has ${group.old + group.bad} damaged sectors`);
    }
    this.#previous = segment;
    if (segment.firstGroup === 0) {
      segment.firstGroup = group.number;
      segment.firstLink = group.link;
    }
    for (const vote of group.votes) {
      this.index.put({ ...vote, segment, builder: undefined, before: undefined });
      if (group.lostDescriptors === 0) this.#namedSince?.add(vote.slot);
      this.highestVoted = Math.max(this.highestVoted, vote.slot);
    }
    this.#takeHeader(group);
    this.nextNumber = group.number + 1;
    this.link = group.digest;
  }

  uncertain(): SlotRange[] {
    const ranges: SlotRange[] = [];
    if (!this.#namedSince) return ranges;
    let from = this.trimThrough + 1;
    for (const slot of [...this.#namedSince].sort((a, b) => a - b)) {
      if (slot < from) continue;
      if (slot > from) ranges.push({ from, through: slot - 1 });
      from = slot + 1;
    }
    if (from <= this.highestVoted) ranges.push({ from, through: this.highestVoted });
    return ranges;
  }

  #takeHeader(group: ReadGroup): void {
    if (group.promised > this.promised) this.promised = group.promised;
    this.learnedThrough = Math.max(this.learnedThrough, group.learnedThrough);
    this.highestVoted = Math.max(this.highestVoted, group.highestVoted);
    if (group.trimThrough > this.trimThrough) {
      this.trimThrough = group.trimThrough;
      this.checkpointId = group.checkpointId;
    }
  }

  #missing(segment: Segment, reason: string): void {
    this.reasons.push(reason);
    this.heldFrom ??= this.#previous ?? segment;
    this.#namedSince = new Set();
  }
}

/** The segment and group of the last header there is, and whether that group is torn. */
function lastOf(scanned: readonly ScannedSegment[]): { at: number; torn: ReadGroup | undefined } {
  const at = scanned.findLastIndex(({ groups }) => groups.length > 0);
  const group = at < 0 ? undefined : scanned[at]!.groups.at(-1);
  return { at, torn: group && group.old > 0 ? group : undefined };
}

/** Why votes at the end of the log may be gone without a trace; empty when nothing says so. */
function lostReasons(scan: Scan, geometry: Geometry, root: Root, tail: number, nextNumber: number): string[] {
  const reasons: string[] = [];
  const end = scan.scanned[tail];
  // What is missing below the last group is missed by that group; what is missing elsewhere, by nobody.
  const tailSequence = end && end.groups.length > 0 ? end.segment.sequence : root.headSegment;
  if (nextNumber < root.nextGroup) {
    reasons.push(`group ${nextNumber} and others up to ${root.nextGroup - 1} are gone from the end`);
  }
  const behindTail = scan.unreadable.filter((sequence) => sequence >= tailSequence);
  if (behindTail.length > 0) reasons.push(`segment ${behindTail.join(', ')} cannot be read`);
  const known = new Set([...scan.unreadable, ...scan.scanned.map(({ segment }) => segment.sequence)]);
  let holes = 0;
  for (let sequence = root.headSegment; sequence < tailSequence; sequence++)
    if (!known.has(sequence)) holes++;
  if (scan.files + holes < geometry.segments) reasons.push('a segment file is missing');
  for (const place of [tail, tail + 1]) {
    const { behind, segment } = scan.scanned[place] ?? {};
    if (behind === 'foreign')
      reasons.push(`segment ${segment?.sequence} has bytes without a header at the tail`);
  }
  return reasons;
}

/**
 * @param root undefined when neither page is valid: then the store is lost, and what the segments hold is
 *   gathered all the same
 */
export function recoverLog(scan: Scan, root: Root | undefined, geometry: Geometry): RecoveredLog {
  const { scanned } = scan;
  const from = root ?? rootFor(scanned);
  const findings = new Findings(from);
  const { at: last, torn } = lastOf(scanned);
  for (const { segment, groups } of scanned) {
    for (const group of groups) if (group !== torn) findings.take(segment, group);
  }
  const dropsSegment = torn !== undefined && scanned[last]!.groups.length === 1;
  const tail = Math.max(0, dropsSegment ? last - 1 : last);
  const lost = lostReasons(scan, geometry, from, tail, findings.nextNumber);
  if (!root) lost.unshift('both pages of the root are damaged');
  const reasons = [...lost, ...findings.reasons];
  findings.index.trim(findings.trimThrough);
  const outcome = lost.length > 0 ? 'lost' : reasons.length > 0 ? 'damaged' : 'intact';
  const entries = findings.index.sorted();
  const anyUnavailable = entries.some((entry) => !entry.available);
  const uncertain = findings.uncertain();
  // Damage that trims and later votes have healed leaves nothing to report.
  const healed = outcome === 'damaged' && !anyUnavailable && uncertain.length === 0;
  return {
    recovered: {
      outcome: healed ? 'intact' : outcome,
      reason: healed ? '' : reasons.join('; '),
      promised: findings.promised,
      trimThrough: findings.trimThrough,
      checkpointId: findings.checkpointId,
      learnedThrough: findings.learnedThrough,
      highestVoted: findings.highestVoted,
      votes: entries.map(({ slot, ballot, kind, digest, lengthBytes, available }) => {
        return { slot, ballot, kind, digest, lengthBytes, available };
      }),
      uncertain,
      clean: from.clean && outcome === 'intact',
    },
    index: findings.index,
    used: scanned.slice(0, tail + 1).map(({ segment }) => segment),
    free: scanned.slice(tail + 1).map(({ segment }) => segment),
    tailOffset: tailOffsetOf(scanned[tail], torn),
    nextNumber: findings.nextNumber,
    link: findings.link,
    refills: refillsOf(scanned, tail, torn),
    heldFrom: findings.heldFrom,
  };
}

function rootFor(scanned: readonly ScannedSegment[]): Root {
  const first = scanned.find(({ groups }) => groups.length > 0)?.groups[0];
  return {
    generation: 0,
    headSegment: scanned[0]?.segment.sequence ?? 0,
    headGroup: first?.number ?? 1,
    headLink: first?.link ?? 0,
    nextGroup: 0,
    promised: 0 as Ballot,
    trimThrough: 0,
    checkpointId: 0,
    learnedThrough: 0,
    highestVoted: 0,
    clean: false,
  };
}

function tailOffsetOf(tail: ScannedSegment | undefined, torn: ReadGroup | undefined): number {
  const kept = tail?.groups.filter((group) => group !== torn).at(-1);
  return kept ? kept.offset + kept.extent : PAGE_BYTES;
}

/** Every page behind the tail that does not show the pattern, the torn group's among them. */
function refillsOf(scanned: readonly ScannedSegment[], tail: number, torn: ReadGroup | undefined): Refill[] {
  const refills: Refill[] = [];
  for (const { segment, groups, spoiledPages } of scanned.slice(tail)) {
    const pages: number[] = [];
    if (torn && groups.includes(torn)) {
      for (let at = torn.offset; at < torn.offset + torn.extent; at += PAGE_BYTES) pages.push(at);
    }
    pages.push(...spoiledPages);
    if (pages.length > 0) refills.push({ segment, pages });
  }
  return refills;
}
