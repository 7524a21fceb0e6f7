/** What lies where in a file store, for someone who is about to damage it. Only for stores that are whole. */
import { join } from 'node:path';
import { geometryOf } from '../storage/file/geometry.js';
import { DESCRIPTOR, DESCRIPTOR_BYTES, HEADER } from '../storage/file/group-layout.js';
import type { ReadGroup } from '../storage/file/group-reader.js';
import { IDENTITY_NAME, readIdentity } from '../storage/file/identity-file.js';
import { PAGE_BYTES, SECTOR_BYTES } from '../storage/file/medium.js';
import type { RecordingMedium } from '../storage/file/recording-medium.js';
import { type RecoveredLog, recoverLog } from '../storage/file/recovery.js';
import { ROOT_NAME, RootFile } from '../storage/file/root-file.js';
import { scanLog } from '../storage/file/scan.js';
import { segmentName } from '../storage/file/segment.js';
import { viewOf } from '../storage/file/words.js';
import type { Verdict } from './damage-tally.js';

/** A file of a segment, and what recovery may say when it is gone. */
interface SegmentFile {
  readonly path: string;
  readonly allowed: readonly Verdict[];
}

interface Places {
  /** By path and sector: what a fault there may lead to. Sectors that are not in it mean nothing. */
  readonly meanings: Map<string, ReadonlySet<Verdict>>;
  /** Pages whose sectors mean something only if all of them are spoilt, and what. */
  readonly pages: Map<string, ReadonlySet<Verdict>>;
  /** By path. */
  readonly fields: Map<string, number[]>;
}

/** What a file's own header takes at most, and what one of its fields does at least, in bytes. */
const OWN_HEADER_BYTES = 128;
const FIELD_BYTES = 8;

export class FileMap {
  readonly paths: readonly string[];
  readonly segments: readonly SegmentFile[];
  readonly #places: Places;

  private constructor(paths: readonly string[], segments: readonly SegmentFile[], places: Places) {
    this.paths = paths;
    this.segments = segments;
    this.#places = places;
  }

  static async of(medium: RecordingMedium, directory: string): Promise<FileMap> {
    const { incarnation, shape } = await readIdentity(medium, directory);
    const geometry = geometryOf(shape);
    const rootFile = await RootFile.open(medium, directory, incarnation);
    const root = await rootFile!.read();
    const scan = await scanLog(medium, directory, incarnation, geometry.segmentBytes, root!.headSegment);
    const log = recoverLog(scan, root, geometry);
    const places: Places = { meanings: new Map(), pages: new Map(), fields: new Map() };
    const { pages, fields } = places;
    const segments: SegmentFile[] = [];
    const tail = log.used.at(-1)!;
    for (const { segment, groups } of scan.scanned) {
      const path = join(directory, segmentName(segment.sequence));
      const isBehind = segment.sequence >= tail.sequence;
      // What is gone in front of the tail is missed by a later group, if it ever held one that counts.
      const allowed: Verdict[] = isBehind ? ['lost'] : ['uncertain', 'intact'];
      segments.push({ path, allowed });
      pages.set(`${path}:0`, new Set<Verdict>(isBehind ? ['lost', 'intact'] : ['uncertain', 'intact']));
      const bytes = medium.bytesOf(path);
      for (const group of groups) {
        const isLast = segment === tail && group === groups.at(-1);
        mapGroup(places.meanings, path, bytes, group, isLast, log);
      }
      fields.set(path, [...ownFields([0]), ...groups.flatMap((group) => groupFields(bytes, group))]);
    }
    const tailAt = log.tailOffset;
    const next = log.free[0];
    if (tailAt < geometry.segmentBytes) {
      pages.set(`${join(directory, segmentName(tail.sequence))}:${tailAt}`, new Set<Verdict>(['lost']));
    }
    if (next !== undefined) {
      pages.set(`${join(directory, segmentName(next.sequence))}:${PAGE_BYTES}`, new Set<Verdict>(['lost']));
    }
    const paths = [IDENTITY_NAME, ROOT_NAME].map((name) => join(directory, name));
    for (const path of paths) fields.set(path, ownFields([0, PAGE_BYTES]));
    return new FileMap([...paths, ...segments.map(({ path }) => path)], segments, places);
  }

  /** Where the fields of a file stand: of its own header at first, then of the groups in it. */
  fieldsOf(path: string): readonly number[] {
    return this.#places.fields.get(path) ?? [];
  }

  /** What may follow from spoiling these sectors of a file. */
  meaningOf(path: string, sectors: readonly number[]): Set<Verdict> {
    const meaning = new Set<Verdict>(['intact']);
    for (const at of sectors) {
      for (const verdict of this.#places.meanings.get(`${path}:${at}`) ?? []) meaning.add(verdict);
    }
    if (sectors.length === PAGE_BYTES / SECTOR_BYTES || sectors.length > 1) {
      const page = Math.floor(sectors[0]! / PAGE_BYTES) * PAGE_BYTES;
      for (const verdict of this.#places.pages.get(`${path}:${page}`) ?? []) meaning.add(verdict);
    }
    return meaning;
  }

  existedIn(medium: RecordingMedium, path: string): boolean {
    try {
      return medium.bytesOf(path).length > 0;
    } catch {
      return false;
    }
  }
}

/** The fields of what stands at the start of these pages. */
function ownFields(pages: readonly number[]): number[] {
  const fields: number[] = [];
  for (const page of pages) {
    for (let at = 0; at < OWN_HEADER_BYTES; at += FIELD_BYTES) fields.push(page + at);
  }
  return fields;
}

/** The fields of a group's header, and of its descriptors. */
function groupFields(bytes: Uint8Array, { offset }: ReadGroup): number[] {
  const view = viewOf(bytes);
  const fields = Object.values(HEADER).map((at) => offset + at);
  const descriptors = offset + view.getUint32(offset + HEADER.descriptorsAt, true);
  const count = view.getUint32(offset + HEADER.descriptors, true);
  for (let index = 0; index < count; index++) {
    for (const at of Object.values(DESCRIPTOR)) fields.push(descriptors + index * DESCRIPTOR_BYTES + at);
  }
  return fields;
}

function mapGroup(
  meanings: Map<string, ReadonlySet<Verdict>>,
  path: string,
  bytes: Uint8Array,
  group: ReadGroup,
  isLast: boolean,
  log: RecoveredLog,
): void {
  const add = (from: number, end: number, verdicts: readonly Verdict[]): void => {
    for (let at = Math.floor(from / SECTOR_BYTES) * SECTOR_BYTES; at < end; at += SECTOR_BYTES) {
      meanings.set(`${path}:${at}`, new Set([...(meanings.get(`${path}:${at}`) ?? []), ...verdicts]));
    }
  };
  const { offset, extent } = group;
  const view = viewOf(bytes);
  const descriptors = offset + view.getUint32(offset + HEADER.descriptorsAt, true);
  const count = view.getUint32(offset + HEADER.descriptors, true);
  add(offset, offset + SECTOR_BYTES, isLast ? ['lost'] : ['uncertain']);
  add(descriptors, descriptors + count * DESCRIPTOR_BYTES, ['uncertain', 'unavailable']);
  // Behind the descriptors: nothing, or the table of CRCs.
  add(descriptors + count * DESCRIPTOR_BYTES, offset + extent, ['uncertain', 'unavailable']);
  for (const vote of group.votes) {
    const counts =
      log.index.get(vote.slot)?.at === vote.at && log.index.get(vote.slot)?.ballot === vote.ballot;
    if (counts) add(vote.at, vote.at + vote.lengthBytes, ['unavailable']);
  }
}
