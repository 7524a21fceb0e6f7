/**
 * The disk of a simulation that runs the production log in persistent memory, over the recording medium: a
 * power cut leaves of every outstanding 8-byte chunk the old or the new value, kill -9 leaves all stores
 * visible and only the fenced ones durable.
 */
import { formatImage, type KilledImage, openRecording, type Recording } from '../storage/pmem-recording.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import type { SimulatedDisk } from './disk.js';
import type { Random } from './random.js';

const CRASH_SEEDS = 2 ** 31;

export class PmemDisk implements SimulatedDisk {
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
    return this.opened.storage;
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
