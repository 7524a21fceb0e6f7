/**
 * A file medium whose operations take simulated time: `wait` says when one may go on. What waits when its
 * process dies never does.
 */
import type { DiskSpace } from '../../storage/file/disk-space.js';
import type { FileMedium, MediumFile } from '../../storage/file/medium.js';
import type { RecordingMedium } from '../../storage/file/recording-medium.js';

/** Resolves when the disk has dealt with `bytes`. */
export type Wait = (bytes: number) => Promise<void>;

/** Throws where the disk has no room for what is written. */
type MustHaveRoom = () => void;

/** What a change of names or a sync costs, beside what is written: as much as writing so many bytes. */
const SYNC_BYTES = 64 << 10;

export function timedMedium(
  medium: RecordingMedium,
  wait: Wait,
  mustHaveRoom: MustHaveRoom,
  space: () => Promise<DiskSpace>,
): FileMedium {
  return {
    list: (directory) => medium.list(directory),
    makeDirectory: (directory) => medium.makeDirectory(directory),
    open: async (path, access) => timedFile(await medium.open(path, access), wait, mustHaveRoom),
    rename: async (from, to, site) => {
      await wait(0);
      return medium.rename(from, to, site);
    },
    remove: (path, site) => medium.remove(path, site),
    syncDirectory: async (directory, site) => {
      await wait(SYNC_BYTES);
      return medium.syncDirectory(directory, site);
    },
    space,
    allocate: (lengthBytes) => medium.allocate(lengthBytes),
    lock: (directory) => medium.lock(directory),
  };
}

function timedFile(file: MediumFile, wait: Wait, mustHaveRoom: MustHaveRoom): MediumFile {
  return {
    path: file.path,
    length: () => file.length(),
    read: async (into, position) => {
      await wait(into.length);
      return file.read(into, position);
    },
    readSync: (into, position) => file.readSync(into, position),
    write: async (bytes, position, site) => {
      await wait(bytes.length);
      mustHaveRoom();
      return file.write(bytes, position, site);
    },
    sync: async (site) => {
      await wait(SYNC_BYTES);
      return file.sync(site);
    },
    close: () => file.close(),
    writeDurable: (bytes, position, site, done) => {
      wait(bytes.length)
        .then(() => {
          mustHaveRoom();
          return file.write(bytes, position, site);
        })
        .then(() => file.sync(site))
        .then(() => done(undefined), done);
    },
  };
}
