/**
 * Collects the items of a group in the memory it is written from.
 *
 * 1. Payloads are copied when they are staged; nothing of the caller's is kept.
 * 2. What can be done before its turn comes is done before: `advance` computes the CRCs of full sectors while
 *    the group before is being written; `seal` adds descriptors, the rest of the CRCs and the header.
 * 3. The memory is not touched between `seal` and `reset`.
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
  readonly learnedThrough: Slot;
  readonly trimThrough: Slot;
  readonly checkpointId: number;
  readonly highestVoted: Slot;
}

export interface SealedGroup {
  /** The builder's own memory. */
  readonly bytes: Uint8Array;
  /** Digest of this group's header: what the next one links to. */
  readonly digest: number;
}

/** Payloads begin behind the header sector. */
const PAYLOADS_AT = SECTOR_BYTES;

export class GroupBuilder {
  /** Votes in order; a promise is a bare ballot. */
  readonly items: (VoteEntry | Ballot)[] = [];
  payloadBytes = 0;
  /** The number of its last item. */
  lastItem = 0;
  /** The hint of the last commit that ends with this group. */
  learnedThrough: Slot = 0;
  /** True once a commit has covered something in it. */
  committed = false;
  /** Its place, once closed. */
  segment: Segment | undefined;
  offset = 0;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #crcs: Uint32Array;
  /** Sectors, from sector 1 on, whose CRC is in #crcs already. */
  #advanced = 1;
  #descriptors: Uint8Array = new Uint8Array(64 * DESCRIPTOR_BYTES);
  #descriptorsView: DataView = viewOf(this.#descriptors);

  /** @param memory page-aligned, as long as the largest group */
  constructor(memory: Uint8Array) {
    this.#memory = memory;
    this.#view = viewOf(memory);
    this.#crcs = new Uint32Array(memory.length / SECTOR_BYTES);
  }

  /** Bytes of descriptors and payloads with one more item of `lengthBytes`. */
  contentWith(lengthBytes: number): number {
    return (this.items.length + 1) * DESCRIPTOR_BYTES + this.payloadBytes + alignPayload(lengthBytes);
  }

  get extent(): number {
    return extentOf(this.items.length, this.payloadBytes);
  }

  /** Empties it for the next group. */
  reset(): void {
    this.items.length = 0;
    this.payloadBytes = 0;
    this.lastItem = 0;
    this.learnedThrough = 0;
    this.committed = false;
    this.segment = undefined;
    this.offset = 0;
    this.#advanced = 1;
  }

  addVote(entry: VoteEntry, bytes: Uint8Array, start: number, end: number): void {
    const at = PAYLOADS_AT + this.payloadBytes;
    const padded = alignPayload(end - start);
    this.#memory.set(bytes.subarray(start, end), at);
    this.#memory.fill(0, at + end - start, at + padded);
    this.payloadBytes += padded;
    entry.builder = this;
    entry.at = at;
    const place = this.#nextDescriptor(ITEM_VOTE, entry.ballot);
    const view = this.#descriptorsView;
    putU64(view, place + DESCRIPTOR.slot, entry.slot);
    putU64(view, place + DESCRIPTOR.digest, entry.digest);
    view.setUint32(place + DESCRIPTOR.payloadAt, at, true);
    view.setUint32(place + DESCRIPTOR.lengthBytes, entry.lengthBytes, true);
    view.setUint16(place + DESCRIPTOR.kind, entry.kind, true);
    this.items.push(entry);
  }

  addPromise(ballot: Ballot): void {
    this.#nextDescriptor(ITEM_PROMISE, ballot);
    this.items.push(ballot);
  }

  /** A copy of the payload of one of its votes. */
  payloadOf(entry: VoteEntry): Uint8Array {
    return this.#memory.slice(entry.at, entry.at + entry.lengthBytes);
  }

  /** Computes the CRCs of the sectors that payloads have filled. */
  advance(): void {
    const full = Math.floor((PAYLOADS_AT + this.payloadBytes) / SECTOR_BYTES);
    for (; this.#advanced < full; this.#advanced++) this.#crcs[this.#advanced] = this.#crcOf(this.#advanced);
  }

  /** Lays out what is missing. The group's bytes are ready to be written when it returns. */
  seal(frame: GroupFrame): SealedGroup {
    const extent = this.extent;
    const sectors = extent / SECTOR_BYTES;
    const tableStart = sectors - tableSectors(sectors);
    const descriptorsAt = PAYLOADS_AT + this.payloadBytes;
    const descriptorBytes = this.items.length * DESCRIPTOR_BYTES;
    this.advance();
    this.#memory.set(this.#descriptors.subarray(0, descriptorBytes), descriptorsAt);
    this.#memory.fill(0, descriptorsAt + descriptorBytes, extent);
    this.#memory.fill(0, 0, SECTOR_BYTES);
    for (let sector = 1; sector < tableStart; sector++) {
      const crc = sector < this.#advanced ? this.#crcs[sector]! : this.#crcOf(sector);
      this.#view.setUint32(crcAt(sector, sectors), crc, true);
    }
    // The table is complete now, and covered from sector 0.
    for (let sector = tableStart; sector < sectors; sector++) {
      this.#view.setUint32(crcAt(sector, sectors), this.#crcOf(sector), true);
    }
    this.#putHeader(extent, descriptorsAt, frame);
    const digest = digestOf(this.#memory, 0, HEADER.digest);
    putU64(this.#view, HEADER.digest, digest);
    return { bytes: this.#memory.subarray(0, extent), digest };
  }

  /** Place of a new descriptor in #descriptors, zeroed but for its type and ballot. */
  #nextDescriptor(type: number, ballot: Ballot): number {
    const place = this.items.length * DESCRIPTOR_BYTES;
    if (place === this.#descriptors.length) {
      const grown = new Uint8Array(place * 2);
      grown.set(this.#descriptors);
      this.#descriptors = grown;
      this.#descriptorsView = viewOf(grown);
    }
    this.#descriptors.fill(0, place, place + DESCRIPTOR_BYTES);
    putU64(this.#descriptorsView, place + DESCRIPTOR.ballot, ballot);
    this.#descriptorsView.setUint16(place + DESCRIPTOR.type, type, true);
    return place;
  }

  #crcOf(sector: number): number {
    return crc32(this.#memory.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
  }

  #putHeader(extent: number, descriptorsAt: number, frame: GroupFrame): void {
    const view = this.#view;
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
    putU64(view, HEADER.learnedThrough, frame.learnedThrough);
    putU64(view, HEADER.trimThrough, frame.trimThrough);
    putU64(view, HEADER.checkpointId, frame.checkpointId);
    putU64(view, HEADER.highestVoted, frame.highestVoted);
  }
}
