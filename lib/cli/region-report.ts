/**
 * A region as `inspect` shows it: headers, roots and records as lines, from the description that C++ gives.
 */
import { formatBallot } from '../paxos/ballot.js';
import type { Ballot } from '../types.js';
import { type InspectedSkip, type InspectedVote, skipLines } from './inspected-skips.js';
import { tableLines } from './output.js';
import { formatSize } from './size.js';

export interface RegionHeader {
  readonly offset: number;
  readonly magic: boolean;
  readonly whole: boolean;
  readonly formatMajor: number;
  readonly formatMinor: number;
  readonly clusterId: string;
  readonly storeUuid: string;
  readonly replicaId: number;
  readonly incarnation: string;
  readonly alignment: number;
  readonly logBytes: number;
  readonly recordBytesMax: number;
}

export interface RegionRootSlot {
  /** The one that the root's selector names. */
  readonly active: boolean;
  readonly whole: boolean;
  readonly generation: number;
  readonly headPosition: number;
  readonly headNumber: number;
  readonly trimThrough: number;
  readonly checkpointId: number;
  readonly promised: number;
  readonly highestVoted: number;
  readonly learnedThrough: number;
  readonly state: string;
}

export interface RegionRoot {
  readonly offset: number;
  readonly selector: string;
  readonly selectorGood: boolean;
  readonly slots: readonly RegionRootSlot[];
}

export interface RegionItem {
  readonly slot: number;
  readonly ballot: number;
  readonly type: number;
  readonly lengthBytes: number;
  /** Of its bytes, from the beginning of its record. */
  readonly offset: number;
  readonly available: boolean;
}

export interface RegionRecord {
  readonly offset: number;
  readonly number: number;
  readonly position: number;
  readonly word: string;
  readonly lengthBytes: number;
  readonly promised: number;
  readonly descriptorsGood: boolean;
  readonly payloadsGood: boolean;
  readonly items: readonly RegionItem[];
}

/** The fields that this page uses; headers and roots are absent in a file too short to have them. */
export interface RegionDescription {
  readonly regionBytes: number;
  /** Empty where the headers are usable. */
  readonly verdict?: string;
  readonly headers?: readonly RegionHeader[];
  readonly roots?: readonly RegionRoot[];
  readonly records?: readonly RegionRecord[];
  /** What a recovery would conclude, where the headers are usable. */
  readonly outcome?: 'intact' | 'damaged' | 'lost';
  readonly reason?: string;
  /** Among the votes of the records, those for passing over a command. */
  readonly skips?: readonly InspectedSkip[];
}

const PROMISE = 255;

function hex(offset: number): string {
  return `0x${offset.toString(16).padStart(4, '0')}`;
}

/** Damaged bytes may hold a number that is no ballot; it is shown as it is. */
function ballot(value: number): string {
  return Number.isSafeInteger(value) && value >= 0 ? formatBallot(value as Ballot) : String(value);
}

function headerLines(headers: readonly RegionHeader[]): readonly string[] {
  return headers.map((header) => {
    const place = `header at ${hex(header.offset)}`;
    if (!header.magic) return `${place}: none (no magic)`;
    if (!header.whole) return `${place}: damaged (its CRC is wrong)`;
    const { replicaId, clusterId, storeUuid, formatMajor, formatMinor, logBytes, alignment } = header;
    const whose = `replica ${replicaId}, cluster ${clusterId}, store ${storeUuid}`;
    const shape = `format ${formatMajor}.${formatMinor}, log ${formatSize(logBytes)}, alignment ${alignment}`;
    return `${place}: ${whose}; ${shape}`;
  });
}

function rootLines(roots: readonly RegionRoot[]): readonly string[] {
  return roots.flatMap(({ offset, selector, selectorGood, slots }) => {
    const place = `root at ${hex(offset)}`;
    if (!selectorGood) return [`${place}: damaged (selector ${selector})`];
    return slots
      .filter(({ active }) => active)
      .map((slot) => {
        if (!slot.whole) return `${place}: damaged (its CRC is wrong)`;
        const trim = `trimmed through ${slot.trimThrough} by checkpoint ${slot.checkpointId}`;
        const head = `head record ${slot.headNumber} at ${slot.headPosition}`;
        return `${place}: generation ${slot.generation}, ${head}, ${trim}, promised ${ballot(slot.promised)}, ${slot.state}`;
      });
  });
}

/** The head that recovery would start from: the highest whole generation. */
function headNumber(roots: readonly RegionRoot[]): number {
  const usable = roots.flatMap(({ selectorGood, slots }) =>
    selectorGood ? slots.filter(({ active, whole }) => active && whole) : [],
  );
  const newest = usable.reduce<RegionRootSlot | undefined>(
    (best, slot) => (best === undefined || slot.generation > best.generation ? slot : best),
    undefined,
  );
  return newest?.headNumber ?? 0;
}

function recordState({ word, descriptorsGood, payloadsGood }: RegionRecord): string {
  if (!descriptorsGood) return 'descriptors damaged';
  if (!payloadsGood) return 'a payload damaged';
  if (word === 'committed') return 'good';
  return word === 'empty' ? 'not committed' : 'commit word damaged';
}

function itemsText(items: readonly RegionItem[]): string {
  const slots = items.filter(({ type }) => type !== PROMISE).map(({ slot }) => slot);
  const parts: string[] = [];
  if (slots.length === 1) parts.push(`slot ${slots[0]}`);
  if (slots.length > 1) parts.push(`slots ${Math.min(...slots)}–${Math.max(...slots)} (${slots.length})`);
  for (const { type, ballot: promised } of items) {
    if (type === PROMISE) parts.push(`promise ${ballot(promised)}`);
  }
  return parts.join(', ');
}

/** The records from the head on, oldest first. */
function liveRecords({ roots = [], records = [] }: RegionDescription): readonly RegionRecord[] {
  const head = headNumber(roots);
  return records.filter(({ number }) => number >= head).sort((a, b) => a.number - b.number);
}

/** The votes in the records from the head on. */
export function regionVotes(region: RegionDescription): readonly InspectedVote[] {
  return liveRecords(region).flatMap(({ offset: from, items }) =>
    items
      .filter(({ type }) => type !== PROMISE)
      .map(({ slot, ballot: number, type: kind, lengthBytes, offset, available }) => {
        return { slot, ballot: number as Ballot, kind, lengthBytes, available, at: from + offset };
      }),
  );
}

/** Whether anything in it was once written by `format`: a header, or a root that may outlive its headers. */
export function isRegion({ headers = [], roots = [] }: RegionDescription): boolean {
  return headers.some(({ magic }) => magic) || roots.some(({ selectorGood }) => selectorGood);
}

/** @param recordsMax how many of the newest records to show */
export function regionLines(region: RegionDescription, recordsMax: number): readonly string[] {
  const { regionBytes, verdict = '', headers = [], roots = [], records = [], skips = [] } = region;
  const { outcome, reason = '' } = region;
  const lines = [`region of ${formatSize(regionBytes)}`];
  if (verdict !== '') lines.push(`verdict: ${verdict}`);
  lines.push(...headerLines(headers), ...rootLines(roots));
  if (outcome !== undefined) {
    lines.push(`recovery would find it ${outcome}${reason === '' ? '' : `: ${reason}`}`);
  }
  const live = liveRecords(region);
  const stale = records.length - live.length;
  lines.push(`${live.length} records from the head on, ${stale} of earlier laps`, ...skipLines(skips));
  const shown = live.slice(Math.max(0, live.length - recordsMax));
  if (shown.length === 0) return lines;
  const rows = shown.map((record) => [
    String(record.number),
    String(record.position),
    String(record.lengthBytes),
    ballot(record.promised),
    recordState(record),
    itemsText(record.items),
  ]);
  if (shown.length < live.length) lines.push(`the newest ${shown.length} of them:`);
  lines.push(...tableLines(['record', 'position', 'bytes', 'promised', 'state', 'holds'], rows));
  return lines;
}
