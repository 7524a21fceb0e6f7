/**
 * The disk of a simulation that runs the production log in persistent memory, over the recording medium: a
 * power cut leaves of every outstanding 8-byte chunk the old or the new value, kill -9 leaves all stores
 * visible and only the fenced ones durable. Between two lives bytes of the region may rot.
 */
import { formatImage, type KilledImage, openRecording, type Recording } from '../storage/pmem-recording.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import type { DiskFault, SimulatedDisk } from './disk.js';
import type { Random } from './random.js';
import { hitPayload, hitRecord, loseRegion, recordsOf } from './region-rot.js';

const CRASH_SEEDS = 2 ** 31;

export class PmemDisk implements SimulatedDisk {
  readonly canRot = true;
  readonly rotsAlive = false;
  readonly damagedBytes: readonly Slot[] = [];
  isLost = false;
  damagedSlots: readonly Slot[] = [];
  /** The number of the last record that was made unreadable. */
  private rottenThrough = 0;
  private readonly pipeline: 'two-fence' | 'fused';
  private image: Uint8Array | KilledImage;
  private opened: { readonly storage: Storage; readonly recording: Recording } | undefined;

  constructor({ identity, logBytes, recordBytesMax }: StoreShape, random: Random) {
    const incarnation = 1 + random.bits();
    this.pipeline = random.pick(['two-fence', 'fused']);
    const alignment = random.pick([64, 256]);
    this.image = formatImage({ identity, logBytes, recordBytesMax, alignment, incarnation });
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
    if (this.opened !== undefined || this.isLost) return undefined;
    const images = this.image instanceof Uint8Array ? [this.image] : [this.image.seen, this.image.durable];
    if (fault === 'store') {
      for (const image of images) loseRegion(image);
      this.isLost = true;
      return [];
    }
    const records = recordsOf(images[0]!);
    const hit =
      fault === 'bytes'
        ? hitPayload(images[0]!, records, random)
        : hitRecord(records, this.rottenThrough, random);
    if (hit === undefined || !admits(hit.slots)) return undefined;
    const bit = 1 << random.below(8);
    for (const image of images) image[hit.offset]! ^= bit;
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
