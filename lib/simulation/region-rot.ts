/**
 * Where to hit the image of a region so that it loses a certain thing: the payload of a vote, the header or a
 * descriptor of a record, or all of the log. It reads the image as `indelible inspect` does.
 */
import { inspectPmem } from '../storage/pmem.js';
import type { Slot } from '../types.js';
import type { Random } from './random.js';

interface InspectedItem {
  readonly slot: Slot;
  readonly type: number;
  readonly lengthBytes: number;
  readonly available: boolean;
}

interface InspectedRecord {
  readonly offset: number;
  readonly number: number;
  readonly word: string;
  readonly trimThrough: Slot;
  readonly highestVoted: Slot;
  readonly descriptorsGood: boolean;
  readonly items: readonly InspectedItem[];
}

/** Bytes to change, and the slots that it concerns. */
export interface Hit {
  readonly offset: number;
  readonly slots: readonly Slot[];
  /** The number of the record that becomes unreadable; 0 if only a payload does. */
  readonly record: number;
}

/** As docs/format.md has them. */
const LOG_OFFSET_BYTES = 0x4000;
const ROOTS_OFFSET_BYTES = 0x2000;
const HEADER_OFFSET_BYTES = 64;
const DESCRIPTORS_OFFSET_BYTES = 192;
const DESCRIPTOR_BYTES = 40;
const PAYLOAD_OFFSET_AT = 16;
const PROMISE_TYPE = 255;

export function recordsOf(image: Uint8Array): readonly InspectedRecord[] {
  const { records } = inspectPmem(image) as { records: readonly InspectedRecord[] };
  return records.filter(({ word, descriptorsGood }) => word === 'committed' && descriptorsGood);
}

/** A byte of the payload of some slot's newest vote; undefined if there is none with bytes. */
export function hitPayload(
  image: Uint8Array,
  records: readonly InspectedRecord[],
  random: Random,
): Hit | undefined {
  const trimThrough = trimPoint(records);
  const places = new Map<Slot, { readonly offset: number; readonly lengthBytes: number }>();
  for (const { offset, items } of records) {
    items.forEach(({ slot, type, lengthBytes, available }, index) => {
      if (type === PROMISE_TYPE || slot <= trimThrough) return;
      const descriptor = offset + DESCRIPTORS_OFFSET_BYTES + index * DESCRIPTOR_BYTES;
      const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
      const payload = offset + view.getUint32(descriptor + PAYLOAD_OFFSET_AT, true);
      places.set(slot, { offset: payload, lengthBytes: available ? lengthBytes : 0 });
    });
  }
  const slots = [...places.keys()].filter((slot) => places.get(slot)!.lengthBytes > 0);
  if (slots.length === 0) return undefined;
  const slot = random.pick(slots);
  const { offset, lengthBytes } = places.get(slot)!;
  return { offset: offset + random.below(lengthBytes), slots: [slot], record: 0 };
}

/**
 * A byte of the header or a descriptor of some record that is not the last; undefined if there is no such
 * record. `rottenThrough` is the number of the last record that was hit before.
 */
export function hitRecord(
  records: readonly InspectedRecord[],
  rottenThrough: number,
  random: Random,
): Hit | undefined {
  if (records.length < 2) return undefined;
  const at = random.below(records.length - 1);
  const { offset, number, items } = records[at]!;
  const through = Math.max(number, rottenThrough);
  const later = records.filter((record) => record.number > through);
  if (later.length === 0) return undefined;
  const known = new Set(later.flatMap((record) => record.items.map(({ slot }) => slot)));
  const slots: Slot[] = [];
  for (let slot = trimPoint(records) + 1; slot <= later[0]!.highestVoted; slot++) {
    if (!known.has(slot)) slots.push(slot);
  }
  // The reserved bytes of a header are under its CRC as well.
  const inDescriptors = items.length > 0 && random.chance(0.5);
  const within = inDescriptors
    ? DESCRIPTORS_OFFSET_BYTES + random.below(items.length * DESCRIPTOR_BYTES)
    : HEADER_OFFSET_BYTES + random.below(DESCRIPTORS_OFFSET_BYTES - HEADER_OFFSET_BYTES);
  return { offset: offset + within, slots, record: number };
}

/** Roots and log become zeros, as a block that was cleared does. */
export function loseRegion(image: Uint8Array): void {
  image.fill(0, ROOTS_OFFSET_BYTES, LOG_OFFSET_BYTES);
  image.fill(0, LOG_OFFSET_BYTES);
}

function trimPoint(records: readonly InspectedRecord[]): Slot {
  return records.at(-1)?.trimThrough ?? 0;
}
