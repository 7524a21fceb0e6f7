/**
 * A file medium in memory that knows what is durable and what is not, and can cut the power.
 *
 * 1. An inode keeps its durable bytes and every write since its last sync, in order; the directory keeps its
 *    durable names and every operation since its last sync.
 * 2. `powerCut(random)` is a medium as a power cut could leave it: each unsynced sector holds its durable
 *    bytes or those of any one of the writes to it, each unsynced directory operation has happened or not.
 * 3. `killed()` is a medium as the death of the process leaves it: everything is seen, what was not synced
 *    still is not durable.
 * 4. A recording replays exactly: nothing here depends on time, and randomness is the caller's.
 */
import { ErrorCode, IndelibleError } from '../../errors.js';
import { type Done, type FileMedium, type MediumFile, SECTOR_BYTES, type Site } from './medium.js';

/** What has just happened, or for 'sync' is about to: a listener may cut the power at exactly this point. */
export interface MediumEvent {
  readonly what: 'write' | 'sync' | 'rename' | 'remove' | 'create' | 'syncDirectory';
  readonly site: Site | 'create';
  readonly path: string;
}

/** A number in [0, 1). */
export type Random = () => number;

interface PendingWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
}

class Inode {
  durable: Uint8Array;
  current: Uint8Array;
  pending: PendingWrite[] = [];

  constructor(bytes: Uint8Array) {
    this.durable = bytes;
    this.current = bytes.slice();
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (end > this.current.length) {
      const grown = new Uint8Array(end);
      grown.set(this.current);
      this.current = grown;
    }
    this.current.set(bytes, position);
    this.pending.push({ position, bytes: bytes.slice() });
  }

  sync(): void {
    this.durable = this.current.slice();
    this.pending = [];
  }

  /** The bytes a power cut could leave. */
  cut(random: Random): Uint8Array {
    const longest = this.current.length;
    const length = this.durable.length === longest || random() < 0.5 ? longest : this.durable.length;
    const image = new Uint8Array(longest);
    image.set(this.durable);
    // Half of the cuts lean to one side, so that "nearly all" and "nearly none" are common.
    const leaning = random() < 0.5;
    const bias = leaning ? random() : 0.5;
    for (const { position, bytes } of this.pending) {
      const first = Math.floor(position / SECTOR_BYTES);
      const last = Math.floor((position + bytes.length - 1) / SECTOR_BYTES);
      for (let sector = first; sector <= last; sector++) {
        if (random() >= bias) continue;
        const from = Math.max(position, sector * SECTOR_BYTES);
        const end = Math.min(position + bytes.length, (sector + 1) * SECTOR_BYTES);
        image.set(bytes.subarray(from - position, end - position), from);
      }
    }
    return image.slice(0, length);
  }

  clone(): Inode {
    const copy = new Inode(this.durable.slice());
    copy.current = this.current.slice();
    copy.pending = [...this.pending];
    return copy;
  }
}

/** A change of names that happens whole or not at all. */
type NameChange = (names: Map<string, Inode>) => void;

export class RecordingMedium implements FileMedium {
  /** Sees every event as it happens. */
  onEvent: (event: MediumEvent) => void = () => {};
  /** Durable operations and syncs by site, for tests that ask whether a site was reached at all. */
  readonly counts: Map<string, number> = new Map();

  readonly #directories: Set<string> = new Set();
  #durableNames: Map<string, Inode> = new Map();
  #names: Map<string, Inode> = new Map();
  #pendingNames: { readonly directory: string; readonly change: NameChange }[] = [];
  readonly #locked: Set<string> = new Set();
  #fault: { readonly site: Site | undefined; readonly code: string } | undefined;

  /** The next write or sync (at `site`, or anywhere) fails with the system error `code`. */
  failNext(code: string, site?: Site): void {
    this.#fault = { site, code };
  }

  powerCut(random: Random): RecordingMedium {
    const after = new RecordingMedium();
    for (const directory of this.#directories) after.#directories.add(directory);
    const names = new Map(this.#durableNames);
    for (const { change } of this.#pendingNames) if (random() < 0.5) change(names);
    const images = new Map<Inode, Inode>();
    for (const [path, inode] of names) {
      const image = images.get(inode) ?? new Inode(inode.cut(random));
      images.set(inode, image);
      after.#names.set(path, image);
    }
    after.#durableNames = new Map(after.#names);
    return after;
  }

  killed(): RecordingMedium {
    const after = new RecordingMedium();
    for (const directory of this.#directories) after.#directories.add(directory);
    const copies = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      const copy = copies.get(inode) ?? inode.clone();
      copies.set(inode, copy);
      return copy;
    };
    for (const [path, inode] of this.#names) after.#names.set(path, copyOf(inode));
    for (const [path, inode] of this.#durableNames) after.#durableNames.set(path, copyOf(inode));
    // Names that were changed and not synced stay open to a later power cut, as one change.
    const before = after.#durableNames;
    const now = new Map(after.#names);
    const paths = new Set([...before.keys(), ...now.keys()]);
    for (const path of paths) {
      if (before.get(path) === now.get(path)) continue;
      const inode = now.get(path);
      after.#pendingNames.push({
        directory: directoryOf(path),
        change: (names) => (inode ? names.set(path, inode) : names.delete(path)),
      });
    }
    return after;
  }

  /** The bytes at `path` as a reader sees them now, for a test to look at or to spoil. */
  bytesOf(path: string): Uint8Array {
    return this.#inode(path).current;
  }

  /** Overwrites durable bytes behind the store's back: a medium that rots. */
  spoil(path: string, position: number, bytes: Uint8Array): void {
    const inode = this.#inode(path);
    inode.current.set(bytes, position);
    inode.durable.set(bytes, position);
  }

  async list(directory: string): Promise<readonly string[]> {
    if (!this.#directories.has(directory)) throw systemError('ENOENT', directory);
    const prefix = `${directory}/`;
    return [...this.#names.keys()]
      .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
      .map((path) => path.slice(prefix.length))
      .sort();
  }

  async makeDirectory(directory: string): Promise<void> {
    this.#directories.add(directory);
  }

  async open(path: string, access: 'read' | 'write' | 'create'): Promise<MediumFile> {
    if (access === 'create') {
      const inode = new Inode(new Uint8Array(0));
      this.#change(path, (names) => names.set(path, inode));
      this.note({ what: 'create', site: 'create', path });
    }
    return new RecordedFile(this, path, this.#inode(path));
  }

  async rename(from: string, to: string, site: Site): Promise<void> {
    this.check(site, from);
    const inode = this.#inode(from);
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, inode);
    });
    this.note({ what: 'rename', site, path: to });
  }

  async remove(path: string, site: Site): Promise<void> {
    this.check(site, path);
    if (!this.#names.has(path)) return;
    this.#change(path, (names) => names.delete(path));
    this.note({ what: 'remove', site, path });
  }

  async syncDirectory(directory: string, site: Site): Promise<void> {
    this.note({ what: 'syncDirectory', site, path: directory });
    this.check(site, directory);
    for (const pending of this.#pendingNames) {
      if (pending.directory === directory) pending.change(this.#durableNames);
    }
    this.#pendingNames = this.#pendingNames.filter((pending) => pending.directory !== directory);
  }

  allocate(lengthBytes: number): Uint8Array {
    return new Uint8Array(lengthBytes);
  }

  async lock(directory: string): Promise<() => Promise<void>> {
    if (this.#locked.has(directory)) {
      throw new IndelibleError(ErrorCode.storeLocked, `the store at ${directory} is open already`);
    }
    this.#locked.add(directory);
    return async () => {
      this.#locked.delete(directory);
    };
  }

  note(event: MediumEvent): void {
    this.counts.set(event.site, (this.counts.get(event.site) ?? 0) + 1);
    this.onEvent(event);
  }

  /** Throws the planned fault if this is its place. */
  check(site: Site, path: string): void {
    const fault = this.#fault;
    if (!fault || (fault.site !== undefined && fault.site !== site)) return;
    this.#fault = undefined;
    throw systemError(fault.code, path);
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw systemError('ENOENT', path);
    return inode;
  }

  #change(path: string, change: NameChange): void {
    change(this.#names);
    this.#pendingNames.push({ directory: directoryOf(path), change });
  }
}

class RecordedFile implements MediumFile {
  readonly path: string;
  readonly #medium: RecordingMedium;
  readonly #inode: Inode;

  constructor(medium: RecordingMedium, path: string, inode: Inode) {
    this.path = path;
    this.#medium = medium;
    this.#inode = inode;
  }

  async length(): Promise<number> {
    return this.#inode.current.length;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.readSync(into, position);
  }

  readSync(into: Uint8Array, position: number): number {
    const got = this.#inode.current.subarray(position, position + into.length);
    into.set(got);
    return got.length;
  }

  async write(bytes: Uint8Array, position: number, site: Site): Promise<void> {
    this.#medium.check(site, this.path);
    this.#inode.write(bytes, position);
    this.#medium.note({ what: 'write', site, path: this.path });
  }

  async sync(site: Site): Promise<void> {
    this.#medium.note({ what: 'sync', site, path: this.path });
    this.#medium.check(site, this.path);
    this.#inode.sync();
  }

  /** The write is seen at once, its sync comes with a later turn of the event loop. */
  writeDurable(bytes: Uint8Array, position: number, site: Site, done: Done): void {
    this.#inode.write(bytes, position);
    this.#medium.note({ what: 'write', site, path: this.path });
    setImmediate(() => {
      this.sync(site).then(
        () => done(undefined),
        (error: Error) => done(error),
      );
    });
  }

  async close(): Promise<void> {}
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}
