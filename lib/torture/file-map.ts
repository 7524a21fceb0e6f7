/** What lies where in a file store, for someone who is about to damage it. Only for stores that are whole. */
import { join } from 'node:path';
import { geometryOf } from '../storage/file/geometry.js';
import { DESCRIPTOR_BYTES, HEADER } from '../storage/file/group-layout.js';
import type { ReadGroup } from '../storage/file/group-reader.js';
import { IDENTITY_NAME, readIdentity } from '../storage/file/identity-file.js';
import { PAGE_BYTES, SECTOR_BYTES } from '../storage/file/medium.js';
import type { RecordingMedium } from '../storage/file/recording-medium.js';
import { type RecoveredLog, recoverLog } from '../storage/file/recovery.js';
import { ROOT_NAME, RootFile } from '../storage/file/root-file.js';
import { scanLog } from '../storage/file/scan.js';
import { segmentName } from '../storage/file/segment.js';
import { viewOf } from '../storage/file/words.js';
import type { Verdict } from './region-faults.js';

/** A file of a segment, and what recovery may say when it is gone. */
interface SegmentFile {
  readonly path: string;
  readonly allowed: readonly Verdict[];
}

export class FileMap {
  readonly paths: readonly string[];
  readonly segments: readonly SegmentFile[];
  /** By path and sector: what a fault there may lead to. Sectors that are not in it mean nothing. */
  readonly #meanings: ReadonlyMap<string, ReadonlySet<Verdict>>;
  /** Pages whose sectors mean something only if all of them are spoilt, and what. */
  readonly #pages: ReadonlyMap<string, ReadonlySet<Verdict>>;

  private constructor(
    paths: readonly string[],
    segments: readonly SegmentFile[],
    meanings: ReadonlyMap<string, ReadonlySet<Verdict>>,
    pages: ReadonlyMap<string, ReadonlySet<Verdict>>,
  ) {
    this.paths = paths;
    this.segments = segments;
    this.#meanings = meanings;
    this.#pages = pages;
  }

  static async of(medium: RecordingMedium, directory: string): Promise<FileMap> {
    const { incarnation, shape } = await readIdentity(medium, directory);
    const geometry = geometryOf(shape);
    const rootFile = await RootFile.open(medium, directory, incarnation);
    const root = await rootFile!.read();
    const scan = await scanLog(medium, directory, incarnation, geometry.segmentBytes, root!.headSegment);
    const log = recoverLog(scan, root, geometry);
    const meanings = new Map<string, ReadonlySet<Verdict>>();
    const pages = new Map<string, ReadonlySet<Verdict>>();
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
        mapGroup(meanings, path, bytes, group, isLast, log);
      }
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
    return new FileMap([...paths, ...segments.map(({ path }) => path)], segments, meanings, pages);
  }

  /** What may follow from spoiling these sectors of a file. */
  meaningOf(path: string, sectors: readonly number[]): Set<Verdict> {
    const meaning = new Set<Verdict>(['intact']);
    for (const at of sectors) {
      for (const verdict of this.#meanings.get(`${path}:${at}`) ?? []) meaning.add(verdict);
    }
    if (sectors.length === PAGE_BYTES / SECTOR_BYTES || sectors.length > 1) {
      const page = Math.floor(sectors[0]! / PAGE_BYTES) * PAGE_BYTES;
      for (const verdict of this.#pages.get(`${path}:${page}`) ?? []) meaning.add(verdict);
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
