/** All that a simulated host has on its disks: a log, checkpoints, and what it knows of its peers' stores. */
import { formatCheckpoints } from '../../storage/checkpoint.js';
import { RecordingMedium } from '../../storage/file/recording-medium.js';
import type { KnownStores } from '../../transport/hello.js';
import type { Opening, ReplicaId } from '../../types.js';
import type { CopiableDisk } from '../disk.js';
import { CHECKPOINTS } from './host-process.js';
import type { HostSurroundings } from './host-surroundings.js';

export class HostStore {
  medium: RecordingMedium;
  readonly disk: CopiableDisk;
  /** The opening of each peer's store that was met last. */
  readonly openings: Map<ReplicaId, Opening>;

  private constructor(
    disk: CopiableDisk,
    medium: RecordingMedium,
    openings: ReadonlyMap<ReplicaId, Opening>,
  ) {
    this.disk = disk;
    this.medium = medium;
    this.openings = new Map(openings);
  }

  static async format(disk: CopiableDisk, around: HostSurroundings): Promise<HostStore> {
    const medium = new RecordingMedium();
    await formatCheckpoints(CHECKPOINTS, around.clusterId, around.configuration, medium);
    await disk.prepare?.();
    return new HostStore(disk, medium, new Map());
  }

  /** The same on disks of its own. Between two lives only. */
  copy(): HostStore {
    return new HostStore(this.disk.copy(), this.medium.killed(), this.openings);
  }

  /** What this store remembers of the peers', for the process that has it open; `met` hears of each first. */
  known(met: (peer: ReplicaId, opening: Opening) => void): KnownStores {
    const { openings } = this;
    return {
      of: (peer) => openings.get(peer),
      remember: (peer, opening) => {
        met(peer, opening);
        openings.set(peer, opening);
      },
    };
  }

  /** The process that had it open is gone; with `powerless`, its machine. */
  crash(powerless: boolean, { random }: HostSurroundings): void {
    this.medium = powerless ? this.medium.powerCut(() => random.fraction()) : this.medium.killed();
    this.disk.crash(random);
  }
}
