/**
 * What lies where in an image of a region, for someone who is about to damage it: docs/format.md as a list of
 * places. Only for images that are whole.
 */
import { inspectPmem } from '../storage/pmem.js';
import type { Slot } from '../types.js';

/**
 * - `header`, `root`: one copy of a static header, or of a root.
 * - `word`, `record`, `descriptors`: of a record of the chain; `payload` of a vote that counts.
 * - `newest`: the header of the newest record, behind which nothing tells of its promise.
 * - `tail`: the word behind the newest record.
 * - `unread`: everything that recovery does not need.
 */
export type PlaceKind =
  | 'header'
  | 'root'
  | 'word'
  | 'record'
  | 'newest'
  | 'descriptors'
  | 'payload'
  | 'tail'
  | 'unread';

/** A field, or a payload. */
export interface Place {
  readonly kind: PlaceKind;
  readonly at: number;
  readonly lengthBytes: number;
}

export interface RegionMap {
  readonly places: readonly Place[];
  /** The number of the newest record, and of the one the roots name as head; 0 and 1 without records. */
  readonly newest: number;
  readonly head: number;
}

interface InspectedItem {
  readonly slot: Slot;
  readonly lengthBytes: number;
  readonly available: boolean;
}

interface InspectedRecord {
  readonly offset: number;
  readonly number: number;
  readonly lengthBytes: number;
  readonly word: string;
  readonly descriptorsGood: boolean;
  readonly payloadsGood: boolean;
  readonly items: readonly InspectedItem[];
}

interface Inspected {
  readonly headers: readonly { readonly alignment: number; readonly recordBytesMax: number }[];
  readonly roots: readonly {
    readonly slots: readonly {
      readonly active: boolean;
      readonly whole: boolean;
      readonly generation: number;
      readonly headNumber: number;
      readonly headPosition: number;
      readonly trimThrough: Slot;
    }[];
  }[];
  readonly records: readonly InspectedRecord[];
}

export const PAGE_BYTES = 4096;
export const ROOTS_AT: number = 2 * PAGE_BYTES;
export const LOG_AT: number = 4 * PAGE_BYTES;
const RECORD_HEADER_AT = 64;
const DESCRIPTORS_AT = 192;
const DESCRIPTOR_BYTES = 40;

const HEADER_FIELDS = [0, 8, 10, 12, 16, 24, 32, 40, 48, 64, 80, 84, 88, 96, 104, 108, 112, 116, 248, 256];
const ROOT_FIELDS = [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 96, 104, 112, 248, 256];
const RECORD_FIELDS = [0, 4, 6, 8, 16, 24, 28, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128];
const DESCRIPTOR_FIELDS = [0, 8, 16, 20, 24, 25, 26, 32, 40];

/** The places between consecutive offsets. */
function fields(kind: PlaceKind, at: number, offsets: readonly number[]): Place[] {
  return offsets.slice(1).map((end, index) => {
    const from = offsets[index]!;
    return { kind, at: at + from, lengthBytes: end - from };
  });
}

function mirrored(): Place[] {
  const places: Place[] = [];
  for (const at of [0, PAGE_BYTES]) places.push(...fields('header', at, HEADER_FIELDS));
  for (const at of [ROOTS_AT, ROOTS_AT + PAGE_BYTES]) {
    places.push({ kind: 'root', at, lengthBytes: 8 });
    for (const slot of [0x100, 0x200]) places.push(...fields('root', at + slot, ROOT_FIELDS));
  }
  return places;
}

function ofRecord(record: InspectedRecord, isNewest: boolean, counts: (item: number) => boolean): Place[] {
  const { offset, items } = record;
  const places: Place[] = [{ kind: 'word', at: offset, lengthBytes: 8 }];
  places.push({ kind: 'unread', at: offset + 8, lengthBytes: RECORD_HEADER_AT - 8 });
  places.push(...fields(isNewest ? 'newest' : 'record', offset + RECORD_HEADER_AT, RECORD_FIELDS));
  let payload = offset + DESCRIPTORS_AT + items.length * DESCRIPTOR_BYTES;
  for (const [index, { lengthBytes, available }] of items.entries()) {
    const descriptor = offset + DESCRIPTORS_AT + index * DESCRIPTOR_BYTES;
    places.push(...fields('descriptors', descriptor, DESCRIPTOR_FIELDS));
    if (!available || lengthBytes === 0) continue;
    places.push({ kind: counts(index) ? 'payload' : 'unread', at: payload, lengthBytes });
    const padded = Math.ceil(lengthBytes / 8) * 8;
    if (padded > lengthBytes) {
      places.push({ kind: 'unread', at: payload + lengthBytes, lengthBytes: padded - lengthBytes });
    }
    payload += padded;
  }
  const end = offset + record.lengthBytes;
  if (end > payload) places.push({ kind: 'unread', at: payload, lengthBytes: end - payload });
  return places;
}

/** Whole records in an image, by rising number. */
export function wholeRecords(image: Uint8Array): readonly { readonly number: number }[] {
  const { records } = inspectPmem(image) as Inspected;
  const whole = records.filter((record) => record.descriptorsGood && record.payloadsGood);
  return whole.sort((a, b) => a.number - b.number);
}

export function mapRegion(image: Uint8Array): RegionMap {
  const { headers, records, roots } = inspectPmem(image) as Inspected;
  const { alignment, recordBytesMax } = headers[0]!;
  const slots = roots.flatMap((root) => root.slots).filter(({ active, whole }) => active && whole);
  const root = slots.reduce((best, slot) => (slot.generation > best.generation ? slot : best));
  const chain = records
    .filter(({ number, word }) => number >= root.headNumber && word === 'committed')
    .sort((a, b) => a.number - b.number);
  const last = chain.at(-1);
  const newestOf = new Map<Slot, number>();
  for (const { number, items } of chain) for (const { slot } of items) newestOf.set(slot, number);
  const places = mirrored();
  for (const record of chain) {
    const slotOf = (item: number): Slot => record.items[item]!.slot;
    const isLast = (item: number): boolean =>
      record.items.findLastIndex(({ slot }) => slot === slotOf(item)) === item;
    const counts = (item: number): boolean =>
      slotOf(item) > root.trimThrough && newestOf.get(slotOf(item)) === record.number && isLast(item);
    places.push(...ofRecord(record, record === last, counts));
  }
  const logBytes = image.length - LOG_AT;
  const end = last === undefined ? root.headPosition % logBytes : last.offset - LOG_AT + last.lengthBytes;
  const tail = LOG_AT + (logBytes - end < recordBytesMax ? 0 : end);
  places.push({ kind: 'tail', at: tail, lengthBytes: 8 });
  places.push({ kind: 'unread', at: tail + 8, lengthBytes: alignment - 8 });
  return { places, newest: last?.number ?? root.headNumber - 1, head: root.headNumber };
}
