/**
 * The disk of a simulation that runs the production log in persistent memory, over the recording medium: a
 * power cut leaves of every outstanding 8-byte chunk the old or the new value, kill -9 leaves all stores
 * visible and only the fenced ones durable. Durable bytes may rot, under an open store or between two lives.
 */
import { formatImage, type KilledImage, openRecording, type Recording } from '../storage/pmem-recording.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import type { CopiableDisk, DiskFault } from './disk.js';
import type { Random } from './random.js';
import { hitPayload, hitRecord, loseRegion, recordsOf } from './region-rot.js';

const CRASH_SEEDS = 2 ** 31;

export class PmemDisk implements CopiableDisk {
  readonly canRot = true;
  readonly rotsAlive = true;
  readonly damagedBytes: readonly Slot[] = [];
  isLost = false;
  damagedSlots: readonly Slot[] = [];
  /** The number of the last record that was made unreadable. */
  private rottenThrough = 0;
  private readonly shape: StoreShape;
  private readonly random: Random;
  private readonly pipeline: 'two-fence' | 'fused';
  private image: Uint8Array | KilledImage;
  private opened: { readonly storage: Storage; readonly recording: Recording } | undefined;

  /** Without a pipeline given, one is drawn; hosts run the first. */
  constructor(shape: StoreShape, random: Random, pipeline?: 'two-fence' | 'fused') {
    const { identity, logBytes, recordBytesMax } = shape;
    this.shape = shape;
    this.random = random;
    const incarnation = 1 + random.bits();
    this.pipeline = pipeline ?? random.pick(['two-fence', 'fused']);
    const alignment = random.pick([64, 256]);
    this.image = formatImage({ identity, logBytes, recordBytesMax, alignment, incarnation });
  }

  copy(): PmemDisk {
    const copy = new PmemDisk(this.shape, this.random, this.pipeline);
    copy.image = copyOf(this.image);
    return copy;
  }

  open(): Storage {
    this.opened = openRecording({ image: this.image, pipeline: this.pipeline });
    const { votes, uncertain } = this.opened.storage.recovered;
    const ranges = uncertain.flatMap(({ from, through }) =>
      Array.from({ length: through - from + 1 }, (_, at) => from + at),
    );
    this.damagedSlots = [...votes.flatMap(({ slot, available }) => (available ? [] : [slot])), ...ranges];
    return this.opened.storage;
  }

  rot(
    fault: DiskFault,
    random: Random,
    admits: (slots: readonly Slot[]) => boolean,
  ): readonly Slot[] | undefined {
    const { opened, image } = this;
    if (this.isLost || (fault === 'store' && opened !== undefined)) return undefined;
    const images = image instanceof Uint8Array ? [image] : [image.seen, image.durable];
    if (fault === 'store') {
      for (const each of images) loseRegion(each);
      this.isLost = true;
      return [];
    }
    const durable = opened === undefined ? images[0]! : opened.recording.durableImage();
    const records = recordsOf(durable);
    const hit =
      fault === 'bytes'
        ? hitPayload(durable, records, random)
        : hitRecord(records, this.rottenThrough, random);
    if (hit === undefined || !admits(hit.slots)) return undefined;
    const bit = 1 << random.below(8);
    if (opened !== undefined) opened.recording.flip(hit.offset, bit);
    else for (const each of images) each[hit.offset]! ^= bit;
    this.rottenThrough = Math.max(this.rottenThrough, hit.record);
    this.damagedSlots = [...this.damagedSlots, ...hit.slots];
    return hit.slots;
  }

  crash(random: Random): boolean {
    const { opened } = this;
    if (opened === undefined) return false;
    const torn = opened.recording.outstanding > 0;
    this.image = random.chance(0.6)
      ? opened.recording.crashImage(1 + random.below(CRASH_SEEDS))
      : opened.recording.killImage();
    this.opened = undefined;
    // Frees the addon's memory; what it still writes there nobody sees.
    opened.storage.onDurable = () => {};
    void opened.storage.close();
    return torn;
  }
}

function copyOf(image: Uint8Array | KilledImage): Uint8Array | KilledImage {
  if (image instanceof Uint8Array) return image.slice();
  return { seen: image.seen.slice(), durable: image.durable.slice() };
}
