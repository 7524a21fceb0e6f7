/**
 * The disk of a simulation that runs the production file backend over its recording medium: a power cut
 * leaves of every unsynced sector and directory entry the old or the new, kill -9 leaves all writes visible
 * and only the synced ones durable. A durable write takes simulated time.
 *
 * What the backend does asynchronously beside that it does in microtasks: the simulation lets them all run
 * out between two events, so that a seed still is one history.
 */

import type { Done, FileMedium, MediumFile, Site } from '../storage/file/medium.js';
import { RecordingMedium } from '../storage/file/recording-medium.js';
import { formatFile, openFile } from '../storage/file.js';
import type { StoreShape } from '../storage/shape.js';
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import type { CopiableDisk, Later } from './disk.js';
import type { Random } from './random.js';

const DIRECTORY = '/store';
/** Units of time a durable write takes. */
const WRITE_DELAY_MIN = 2;
const WRITE_DELAY_MAX = 60;

export class FileDisk implements CopiableDisk {
  /** What rots in files is the matter of test/storage/file-damage.test.ts. */
  readonly canRot = false;
  readonly rotsAlive = false;
  readonly damagedBytes: readonly Slot[] = [];
  readonly damagedSlots: readonly Slot[] = [];
  readonly isLost = false;
  private readonly later: Later;
  private readonly random: Random;
  private readonly shape: StoreShape;
  private medium = new RecordingMedium();
  private writes = 0;

  constructor(shape: StoreShape, later: Later, random: Random) {
    this.shape = shape;
    this.later = later;
    this.random = random;
  }

  copy(): FileDisk {
    const copy = new FileDisk(this.shape, this.later, this.random);
    copy.medium = this.medium.killed();
    return copy;
  }

  /** Formats the store. */
  prepare(): Promise<void> {
    return formatFile(DIRECTORY, this.shape, this.medium);
  }

  open(): Promise<Storage> {
    return openFile(DIRECTORY, this.timed(this.medium));
  }

  crash(random: Random): boolean {
    const torn = this.writes > 0;
    this.writes = 0;
    this.medium = random.chance(0.6) ? this.medium.powerCut(() => random.fraction()) : this.medium.killed();
    return torn;
  }

  rot(): undefined {
    return undefined;
  }

  /**
   * `medium`, with durable writes that end when simulated time says so; never, once it is not this disk's
   * any more.
   */
  private timed(medium: RecordingMedium): FileMedium {
    const wait = (run: () => void) => {
      this.writes++;
      this.later(this.random.between(WRITE_DELAY_MIN, WRITE_DELAY_MAX), () => {
        if (this.medium !== medium) return;
        this.writes--;
        run();
      });
    };
    return {
      list: (directory) => medium.list(directory),
      makeDirectory: (directory) => medium.makeDirectory(directory),
      open: async (path, access) => timedFile(await medium.open(path, access), wait),
      rename: (from, to, site) => medium.rename(from, to, site),
      remove: (path, site) => medium.remove(path, site),
      syncDirectory: (directory, site) => medium.syncDirectory(directory, site),
      allocate: (lengthBytes) => medium.allocate(lengthBytes),
      lock: (directory) => medium.lock(directory),
    };
  }
}

function timedFile(file: MediumFile, wait: (run: () => void) => void): MediumFile {
  return {
    path: file.path,
    length: () => file.length(),
    read: (into, position) => file.read(into, position),
    readSync: (into, position) => file.readSync(into, position),
    write: (bytes, position, site) => file.write(bytes, position, site),
    sync: (site) => file.sync(site),
    close: () => file.close(),
    writeDurable: (bytes: Uint8Array, position: number, site: Site, done: Done) => {
      const written = file.write(bytes, position, site);
      wait(() => {
        written.then(() => file.sync(site)).then(() => done(undefined), done);
      });
    },
  };
}
