/**
 * Reads groups back from the bytes of a segment, and judges each of their sectors.
 *
 * 1. A header counts only if its digest holds and it names this store, this segment, this key and this place:
 *    no payload and no remains of an earlier use can pass for one.
 * 2. Every sector is *written* (its CRC holds), *old* (it shows the segment's pattern) or *bad*.
 * 3. Every length is bounded by the group's extent before it is used.
 */
import { crc32 } from 'node:zlib';
import type { Ballot, BatchKind, Digest, Slot } from '../../types.js';
import { digestOf } from '../crc64.js';
import {
  crcAt,
  DESCRIPTOR,
  DESCRIPTOR_BYTES,
  GROUP_MAGIC_HIGH,
  GROUP_MAGIC_LOW,
  HEADER,
  ITEM_PROMISE,
  ITEM_VOTE,
  tableSectors,
} from './group-layout.js';
import { PAGE_BYTES, SECTOR_BYTES } from './medium.js';
import { type SegmentKey, showsPattern } from './segment.js';
import { getU64, viewOf } from './words.js';

export interface ReadVote {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly kind: BatchKind;
  readonly digest: Digest;
  readonly lengthBytes: number;
  /** The payload's place in the segment. */
  readonly at: number;
  readonly available: boolean;
}

export interface ReadGroup {
  readonly number: number;
  readonly offset: number;
  readonly extent: number;
  readonly link: number;
  readonly digest: number;
  readonly promised: Ballot;
  readonly learnedThrough: Slot;
  readonly trimThrough: Slot;
  readonly checkpointId: number;
  readonly highestVoted: Slot;
  readonly votes: readonly ReadVote[];
  /** Sectors that show the pattern though the group covers them, and sectors that are neither. */
  readonly old: number;
  readonly bad: number;
  /** Descriptors that cannot be read: what they described is not known. */
  readonly lostDescriptors: number;
}

export type SectorState = 'written' | 'old' | 'bad';

/** The whole of a segment in memory, with the key it was pre-filled under. */
export class SegmentImage {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly view: DataView;
  readonly key: SegmentKey;
  readonly sequence: number;
  readonly incarnation: number;

  constructor(bytes: Uint8Array, key: SegmentKey, sequence: number, incarnation: number) {
    this.bytes = bytes;
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    this.view = viewOf(bytes);
    this.key = key;
    this.sequence = sequence;
    this.incarnation = incarnation;
  }

  /** Whether the sector at `at` shows the segment's pattern. */
  isOld(at: number): boolean {
    return showsPattern(this.words, at / 4, this.key, at / SECTOR_BYTES);
  }

  /** Whether any sector of the page at `at` shows the pattern. */
  pageHasOld(at: number): boolean {
    for (let sector = at; sector < at + PAGE_BYTES; sector += SECTOR_BYTES)
      if (this.isOld(sector)) return true;
    return false;
  }

  /** Whether every sector of the page at `at` shows the pattern. */
  pageIsOld(at: number): boolean {
    for (let sector = at; sector < at + PAGE_BYTES; sector += SECTOR_BYTES)
      if (!this.isOld(sector)) return false;
    return true;
  }

  /** Whether a group header that belongs exactly here stands at `at`. */
  hasHeader(at: number): boolean {
    const view = this.view;
    return (
      view.getUint32(at + HEADER.magic, true) === GROUP_MAGIC_LOW &&
      view.getUint32(at + HEADER.magic + 4, true) === GROUP_MAGIC_HIGH &&
      view.getUint32(at + HEADER.offset, true) === at &&
      view.getUint32(at + HEADER.keyLow, true) === this.key.low &&
      view.getUint32(at + HEADER.keyHigh, true) === this.key.high &&
      getU64(view, at + HEADER.segment) === this.sequence &&
      getU64(view, at + HEADER.incarnation) === this.incarnation &&
      getU64(view, at + HEADER.digest) === digestOf(this.bytes, at, at + HEADER.digest) &&
      this.#extentFits(at)
    );
  }

  /** Bytes of the group whose header stands at `at` (see hasHeader). */
  extentAt(at: number): number {
    return this.view.getUint32(at + HEADER.extent, true);
  }

  /** Reads the group whose header stands at `at` (see hasHeader). */
  readGroup(at: number): ReadGroup {
    const view = this.view;
    const extent = view.getUint32(at + HEADER.extent, true);
    const states = this.#judge(at, extent);
    const { votes, lost } = this.#readDescriptors(at, states);
    return {
      number: getU64(view, at + HEADER.number),
      offset: at,
      extent,
      link: getU64(view, at + HEADER.link),
      digest: getU64(view, at + HEADER.digest),
      promised: getU64(view, at + HEADER.promised) as Ballot,
      learnedThrough: getU64(view, at + HEADER.learnedThrough),
      trimThrough: getU64(view, at + HEADER.trimThrough),
      checkpointId: getU64(view, at + HEADER.checkpointId),
      highestVoted: getU64(view, at + HEADER.highestVoted),
      votes,
      old: states.filter((state) => state === 'old').length,
      bad: states.filter((state) => state === 'bad').length,
      lostDescriptors: lost,
    };
  }

  #extentFits(at: number): boolean {
    const view = this.view;
    const extent = view.getUint32(at + HEADER.extent, true);
    if (extent === 0 || extent % PAGE_BYTES !== 0 || at + extent > this.bytes.length) return false;
    const descriptorsAt = view.getUint32(at + HEADER.descriptorsAt, true);
    const descriptors = view.getUint32(at + HEADER.descriptors, true);
    const tableAt = extent - SECTOR_BYTES * tableSectors(extent / SECTOR_BYTES);
    return descriptorsAt >= SECTOR_BYTES && descriptorsAt + descriptors * DESCRIPTOR_BYTES <= tableAt;
  }

  /** The state of each sector; the table's first, because the others' CRCs may stand there. */
  #judge(at: number, extent: number): SectorState[] {
    const sectors = extent / SECTOR_BYTES;
    const tableStart = sectors - tableSectors(sectors);
    const states: SectorState[] = ['written'];
    const judge = (sector: number): void => {
      const start = at + sector * SECTOR_BYTES;
      const crcPlace = crcAt(sector, sectors);
      const crcKnown = states[Math.floor(crcPlace / SECTOR_BYTES)] === 'written';
      const crc = this.view.getUint32(at + crcPlace, true);
      if (crcKnown && crc32(this.bytes.subarray(start, start + SECTOR_BYTES)) === crc)
        states[sector] = 'written';
      else states[sector] = this.isOld(start) ? 'old' : 'bad';
    };
    for (let sector = tableStart; sector < sectors; sector++) judge(sector);
    for (let sector = 1; sector < tableStart; sector++) judge(sector);
    return states;
  }

  #readDescriptors(at: number, states: SectorState[]): { votes: ReadVote[]; lost: number } {
    const view = this.view;
    const whole = (from: number, end: number): boolean => {
      for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
        if (states[sector] !== 'written') return false;
      }
      return true;
    };
    const votes: ReadVote[] = [];
    let lost = 0;
    const first = view.getUint32(at + HEADER.descriptorsAt, true);
    const count = view.getUint32(at + HEADER.descriptors, true);
    for (let place = first; place < first + count * DESCRIPTOR_BYTES; place += DESCRIPTOR_BYTES) {
      const here = at + place;
      const type = view.getUint16(here + DESCRIPTOR.type, true);
      if (whole(place, place + DESCRIPTOR_BYTES) && type === ITEM_PROMISE) continue;
      const payloadAt = view.getUint32(here + DESCRIPTOR.payloadAt, true);
      const lengthBytes = view.getUint32(here + DESCRIPTOR.lengthBytes, true);
      const readable =
        whole(place, place + DESCRIPTOR_BYTES) && type === ITEM_VOTE && payloadAt + lengthBytes <= first;
      if (!readable) {
        lost++;
        continue;
      }
      const digest = getU64(view, here + DESCRIPTOR.digest) as Digest;
      votes.push({
        slot: getU64(view, here + DESCRIPTOR.slot),
        ballot: getU64(view, here + DESCRIPTOR.ballot) as Ballot,
        kind: view.getUint16(here + DESCRIPTOR.kind, true) as BatchKind,
        digest,
        lengthBytes,
        at: at + payloadAt,
        available: digestOf(this.bytes, at + payloadAt, at + payloadAt + lengthBytes) === digest,
      });
    }
    return { votes, lost };
  }
}
