/**
 * Collects the items of a group and lays them out for the medium.
 *
 * 1. Payloads are copied when they are staged; nothing of the caller's is kept.
 * 2. A group's place is fixed when it is closed, its bytes are made when its write begins: there is only ever
 *    one set of aligned bytes, because only one group is outstanding.
 */
import { crc32 } from 'node:zlib';
import type { Ballot, Slot } from '../../types.js';
import { digestOf } from '../crc64.js';
import {
  alignPayload,
  crcAt,
  DESCRIPTOR,
  DESCRIPTOR_BYTES,
  extentOf,
  GROUP_MAGIC_HIGH,
  GROUP_MAGIC_LOW,
  HEADER,
  ITEM_PROMISE,
  ITEM_VOTE,
  tableSectors,
} from './group-layout.js';
import { SECTOR_BYTES } from './medium.js';
import type { Segment } from './segment.js';
import type { VoteEntry } from './vote-index.js';
import { putU64, viewOf } from './words.js';

/** What the log knows when a group's write begins. */
export interface GroupFrame {
  readonly incarnation: number;
  readonly number: number;
  /** Digest of the header of the group before. */
  readonly link: number;
  readonly promised: Ballot;
  readonly trimThrough: Slot;
  readonly checkpointId: number;
  readonly highestVoted: Slot;
}

export interface SealedGroup {
  /** The first `extent` bytes of the memory given to `seal`. */
  readonly bytes: Uint8Array;
  /** Digest of this group's header: what the next one links to. */
  readonly digest: number;
}

export class GroupBuilder {
  /** Votes in order; a promise is a bare ballot. */
  readonly items: (VoteEntry | Ballot)[] = [];
  readonly payloads: Uint8Array;
  payloadBytes = 0;
  /** The number of its last item. */
  lastItem = 0;
  /** True once a commit has covered something in it. */
  committed = false;
  learnedThrough: Slot = 0;
  /** Its place, once closed. */
  segment: Segment | undefined;
  offset = 0;

  constructor(groupBytesMax: number) {
    this.payloads = new Uint8Array(groupBytesMax);
  }

  /** Bytes on the medium with one more item of `lengthBytes`. */
  extentWith(lengthBytes: number): number {
    return extentOf(this.items.length + 1, this.payloadBytes + alignPayload(lengthBytes));
  }

  get extent(): number {
    return extentOf(this.items.length, this.payloadBytes);
  }

  /** Empties it for the next group. */
  reset(): void {
    this.items.length = 0;
    this.payloadBytes = 0;
    this.lastItem = 0;
    this.committed = false;
    this.learnedThrough = 0;
    this.segment = undefined;
    this.offset = 0;
  }

  addVote(entry: VoteEntry, bytes: Uint8Array, start: number, end: number): void {
    entry.builder = this;
    entry.at = this.payloadBytes;
    this.payloads.set(bytes.subarray(start, end), this.payloadBytes);
    const used = this.payloadBytes + end - start;
    this.payloadBytes += alignPayload(end - start);
    this.payloads.fill(0, used, this.payloadBytes);
    this.items.push(entry);
  }

  addPromise(ballot: Ballot): void {
    this.items.push(ballot);
  }

  /** A copy of the payload of one of its votes. */
  payloadOf(entry: VoteEntry): Uint8Array {
    return this.payloads.slice(entry.at, entry.at + entry.lengthBytes);
  }

  /** Where in the group's segment the payloads begin. */
  get payloadsAt(): number {
    const table = tableSectors(this.extent / SECTOR_BYTES);
    return this.offset + SECTOR_BYTES * (1 + table) + this.items.length * DESCRIPTOR_BYTES;
  }

  /** Lays the group out at the start of `memory`. */
  seal(memory: Uint8Array, frame: GroupFrame): SealedGroup {
    const extent = this.extent;
    const bytes = memory.subarray(0, extent);
    const view = viewOf(bytes);
    const descriptorsAt = SECTOR_BYTES * (1 + tableSectors(extent / SECTOR_BYTES));
    const payloadsAt = descriptorsAt + this.items.length * DESCRIPTOR_BYTES;
    bytes.fill(0, 0, descriptorsAt);
    this.#putDescriptors(view, descriptorsAt, payloadsAt);
    bytes.set(this.payloads.subarray(0, this.payloadBytes), payloadsAt);
    bytes.fill(0, payloadsAt + this.payloadBytes, extent);
    // The far sectors first: their CRCs are in table sectors that the near CRCs cover.
    for (let sector = extent / SECTOR_BYTES - 1; sector >= 1; sector--) {
      const at = sector * SECTOR_BYTES;
      view.setUint32(crcAt(sector), crc32(bytes.subarray(at, at + SECTOR_BYTES)), true);
    }
    this.#putHeader(view, extent, descriptorsAt, frame);
    const digest = digestOf(bytes, 0, HEADER.digest);
    putU64(view, HEADER.digest, digest);
    return { bytes, digest };
  }

  #putDescriptors(view: DataView, descriptorsAt: number, payloadsAt: number): void {
    let at = descriptorsAt;
    for (const item of this.items) {
      if (typeof item === 'number') {
        putU64(view, at + DESCRIPTOR.slot, 0);
        putU64(view, at + DESCRIPTOR.ballot, item);
        putU64(view, at + DESCRIPTOR.digest, 0);
        putU64(view, at + DESCRIPTOR.payloadAt, 0);
        putU64(view, at + DESCRIPTOR.type, ITEM_PROMISE);
      } else {
        putU64(view, at + DESCRIPTOR.slot, item.slot);
        putU64(view, at + DESCRIPTOR.ballot, item.ballot);
        putU64(view, at + DESCRIPTOR.digest, item.digest);
        view.setUint32(at + DESCRIPTOR.payloadAt, payloadsAt + item.at, true);
        view.setUint32(at + DESCRIPTOR.lengthBytes, item.lengthBytes, true);
        putU64(view, at + DESCRIPTOR.type, 0);
        view.setUint16(at + DESCRIPTOR.type, ITEM_VOTE, true);
        view.setUint16(at + DESCRIPTOR.kind, item.kind, true);
      }
      at += DESCRIPTOR_BYTES;
    }
  }

  #putHeader(view: DataView, extent: number, descriptorsAt: number, frame: GroupFrame): void {
    const segment = this.segment!;
    view.setUint32(HEADER.magic, GROUP_MAGIC_LOW, true);
    view.setUint32(HEADER.magic + 4, GROUP_MAGIC_HIGH, true);
    putU64(view, HEADER.incarnation, frame.incarnation);
    putU64(view, HEADER.segment, segment.sequence);
    putU64(view, HEADER.number, frame.number);
    view.setUint32(HEADER.offset, this.offset, true);
    view.setUint32(HEADER.extent, extent, true);
    view.setUint32(HEADER.descriptors, this.items.length, true);
    view.setUint32(HEADER.descriptorsAt, descriptorsAt, true);
    view.setUint32(HEADER.keyLow, segment.key.low, true);
    view.setUint32(HEADER.keyHigh, segment.key.high, true);
    putU64(view, HEADER.link, frame.link);
    putU64(view, HEADER.promised, frame.promised);
    putU64(view, HEADER.learnedThrough, this.learnedThrough);
    putU64(view, HEADER.trimThrough, frame.trimThrough);
    putU64(view, HEADER.checkpointId, frame.checkpointId);
    putU64(view, HEADER.highestVoted, frame.highestVoted);
  }
}
