/**
 * Where things stand in a group; docs/format-file.md has the tables.
 *
 *   sector 0: header with the first CRCs | payloads | descriptors | zeros | table with the other CRCs
 *
 * 1. A group is whole pages. Sector 0 has a digest of its own; every other sector has a CRC-32. The CRCs in
 *    sector 0 cover the table's sectors first and then as many others as there is room for.
 * 2. So each sector of a group can be judged alone: it is as written, or it is not.
 * 3. A payload's place does not depend on what is staged after it, so it is copied once, to where it is
 *    written from, and its sectors' CRCs are computed while the group before is on its way.
 */
import { PAGE_BYTES, SECTOR_BYTES } from './medium.js';

/** Field offsets in sector 0. */
export const HEADER = {
  magic: 0,
  incarnation: 8,
  segment: 16,
  number: 24,
  offset: 32,
  extent: 36,
  descriptors: 40,
  descriptorsAt: 44,
  keyLow: 48,
  keyHigh: 52,
  link: 56,
  promised: 64,
  learnedThrough: 72,
  trimThrough: 80,
  checkpointId: 88,
  highestVoted: 96,
  crcs: 112,
  digest: 504,
} as const;

/** Field offsets in a descriptor. */
export const DESCRIPTOR = {
  slot: 0,
  ballot: 8,
  digest: 16,
  payloadAt: 24,
  lengthBytes: 28,
  type: 32,
  kind: 34,
} as const;
export const DESCRIPTOR_BYTES = 40;

/** What a descriptor describes. */
export const ITEM_VOTE = 1;
export const ITEM_PROMISE = 2;

export const GROUP_MAGIC_LOW = 0x474c_4449;
export const GROUP_MAGIC_HIGH = 0x5055_4f52;

export const CRCS_INLINE: number = (HEADER.digest - HEADER.crcs) / 4;
const CRCS_PER_SECTOR: number = SECTOR_BYTES / 4;

/** Sectors of CRC table in a group of `sectors` sectors. */
export function tableSectors(sectors: number): number {
  return Math.ceil(Math.max(0, sectors - 1 - CRCS_INLINE) / CRCS_PER_SECTOR);
}

/** Where the CRC of sector `sector` (≥ 1) of a group of `sectors` stands, from the start of the group. */
export function crcAt(sector: number, sectors: number): number {
  const table = tableSectors(sectors);
  const tableStart = sectors - table;
  const rank = sector >= tableStart ? sector - tableStart : sector - 1 + table;
  if (rank < CRCS_INLINE) return HEADER.crcs + rank * 4;
  return tableStart * SECTOR_BYTES + (rank - CRCS_INLINE) * 4;
}

export function alignPayload(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

/** Bytes on the medium of a group with these contents. `payloadBytes` counts each payload padded to 8. */
export function extentOf(descriptors: number, payloadBytes: number): number {
  const content = descriptors * DESCRIPTOR_BYTES + payloadBytes;
  let extent = Math.ceil((SECTOR_BYTES + content) / PAGE_BYTES) * PAGE_BYTES;
  for (;;) {
    const table = tableSectors(extent / SECTOR_BYTES);
    const needed = Math.ceil((SECTOR_BYTES * (1 + table) + content) / PAGE_BYTES) * PAGE_BYTES;
    if (needed <= extent) return extent;
    extent = needed;
  }
}

/** Bytes of descriptors and padded payloads that a group of `extent` bytes can hold. */
export function contentBytesIn(extent: number): number {
  return extent - SECTOR_BYTES * (1 + tableSectors(extent / SECTOR_BYTES));
}

/** The largest batch that fits alone in a group of `groupBytesMax`. */
export function batchBytesMaxIn(groupBytesMax: number): number {
  return contentBytesIn(groupBytesMax) - DESCRIPTOR_BYTES;
}
