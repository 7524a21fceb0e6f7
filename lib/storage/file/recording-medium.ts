/**
 * A file medium in memory that knows what is durable and what is not, and can cut the power.
 *
 * 1. An inode keeps its durable bytes and every write since its last sync, in order; a directory keeps its
 *    durable names and every operation since its last sync. The name of a directory is one in that above it.
 * 2. `cut(pick)` is a medium as a power cut could leave it: each unsynced sector holds its durable bytes or
 *    those of any one of the writes to it, each unsynced directory operation has happened or not, a file
 *    that grew has its old length or the new. Each of these is a unit, and the pick chooses for each.
 * 3. `killed()` is a medium as the death of the process leaves it: everything is seen, what was not synced
 *    still is not durable.
 * 4. A recording replays exactly: nothing here depends on time, and randomness is the caller's.
 */
import { ErrorCode, IndelibleError } from '../../errors.js';
import { digestOf } from '../crc64.js';
import { type Done, type FileMedium, type MediumFile, SECTOR_BYTES, type Site } from './medium.js';

/** What has just happened, or for 'sync' is about to: a listener may cut the power at exactly this point. */
export interface MediumEvent {
  readonly what: 'write' | 'sync' | 'rename' | 'remove' | 'create' | 'syncDirectory';
  readonly site: Site | 'create';
  readonly path: string;
}

/** A number in [0, 1). */
export type Random = () => number;

/** One thing that a power cut decides by itself. */
export interface CrashUnit {
  readonly what: 'sector' | 'length' | 'name';
  readonly site: Site | 'create';
  readonly path: string;
  /** Of a sector, its first byte in the file. */
  readonly position: number;
  /** How many values it can take: 0 is the durable one, the others follow in program order. */
  readonly values: number;
}

interface PendingWrite {
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly site: Site;
}

/** Bytes are shared between inodes and their images, and copied when one of them is written. */
class Inode {
  durable: Uint8Array;
  current: Uint8Array;
  pending: PendingWrite[] = [];
  readonly isDirectory: boolean;
  #ownsCurrent = false;

  constructor(bytes: Uint8Array, isDirectory = false) {
    this.durable = bytes;
    this.current = bytes;
    this.isDirectory = isDirectory;
  }

  write(bytes: Uint8Array, position: number, site: Site): void {
    const end = position + bytes.length;
    if (!this.#ownsCurrent || end > this.current.length) {
      const own = new Uint8Array(Math.max(end, this.current.length));
      own.set(this.current);
      this.current = own;
      this.#ownsCurrent = true;
    }
    this.current.set(bytes, position);
    this.pending.push({ position, bytes: bytes.slice(), site });
  }

  sync(): void {
    this.durable = this.current;
    this.#ownsCurrent = false;
    this.pending = [];
  }

  /** Overwrites durable bytes, and what is seen of them. */
  spoil(position: number, bytes: Uint8Array): void {
    this.durable = this.durable.slice();
    this.durable.set(bytes, position);
    this.current = this.current.slice();
    this.current.set(bytes, position);
    this.#ownsCurrent = true;
  }

  /**
   * Sectors with writes that are not durable and would change them, in the order first written; the length
   * where it is another.
   */
  units(path: string): CrashUnit[] {
    const sectors = new Map<number, { site: Site; values: number }>();
    for (const { write, sector } of this.#changes()) {
      const known = sectors.get(sector);
      sectors.set(sector, { site: known?.site ?? write.site, values: (known?.values ?? 1) + 1 });
    }
    const units = [...sectors].map(([sector, { site, values }]): CrashUnit => {
      return { what: 'sector', site, path, position: sector * SECTOR_BYTES, values };
    });
    const site = this.pending[0]?.site;
    if (this.durable.length !== this.current.length && site) {
      units.push({ what: 'length', site, path, position: 0, values: 2 });
    }
    return units;
  }

  /** The bytes that a power cut leaves with `pick` for {@link units}. */
  cut(units: readonly CrashUnit[], pick: readonly number[]): Uint8Array {
    if (units.length === 0) return this.durable;
    const image = new Uint8Array(this.current.length);
    image.set(this.durable);
    let length = this.current.length;
    const left = new Map<number, number>();
    for (const [index, unit] of units.entries()) {
      if (unit.what === 'sector') left.set(unit.position / SECTOR_BYTES, pick[index]!);
      else if (pick[index] === 0) length = this.durable.length;
    }
    for (const { write, sector, from, until } of this.#changes()) {
      const writes = left.get(sector)!;
      left.set(sector, writes - 1);
      if (writes > 0) image.set(write.bytes.subarray(from - write.position, until - write.position), from);
    }
    return image.subarray(0, length);
  }

  /** Pending writes sector by sector, from the first on that changes its sector. */
  *#changes(): Generator<{ write: PendingWrite; sector: number; from: number; until: number }> {
    const changed = new Set<number>();
    for (const write of this.pending) {
      const { position, bytes } = write;
      const end = position + bytes.length;
      for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
        const from = Math.max(position, sector * SECTOR_BYTES);
        const until = Math.min(end, (sector + 1) * SECTOR_BYTES);
        if (!changed.has(sector)) {
          const before = this.durable.subarray(from, until);
          if (Buffer.compare(bytes.subarray(from - position, until - position), before) === 0) continue;
          changed.add(sector);
        }
        yield { write, sector, from, until };
      }
    }
  }

  clone(): Inode {
    const copy = new Inode(this.durable, this.isDirectory);
    copy.current = this.current;
    copy.pending = [...this.pending];
    this.#ownsCurrent = false;
    return copy;
  }
}

/** A change of names that happens whole or not at all. */
interface PendingName {
  readonly directory: string;
  readonly site: Site | 'create';
  readonly path: string;
  /** The name that a rename takes away. */
  readonly from: string | undefined;
  /** What the name leads to; undefined: it is removed. */
  readonly inode: Inode | undefined;
}

function change(names: Map<string, Inode>, { from, path, inode }: PendingName): void {
  if (from !== undefined) names.delete(from);
  if (inode) names.set(path, inode);
  else names.delete(path);
}

export class RecordingMedium implements FileMedium {
  /** Sees every event as it happens. */
  onEvent: (event: MediumEvent) => void = () => {};
  /** Durable operations and syncs by site, for tests that ask whether a site was reached at all. */
  readonly counts: Map<string, number> = new Map();

  /** While it is an array: a digest of each read, in order. */
  reads: number[] | undefined;

  #durableNames: Map<string, Inode> = new Map();
  #names: Map<string, Inode> = new Map();
  #pendingNames: PendingName[] = [];
  readonly #locked: Set<string> = new Set();
  #badBlocks: {
    readonly path: string;
    readonly from: number;
    readonly end: number;
    readonly code: string;
  }[] = [];
  #fault: { readonly sites: readonly Site[]; readonly code: string } | undefined;

  /** The next write or sync (at `site`, or anywhere) fails with the system error `code`. */
  failNext(code: string, ...sites: readonly Site[]): void {
    this.#fault = { sites, code };
  }

  /** Everything that a power cut now decides by itself. */
  units(): CrashUnit[] {
    const names = this.#pendingNames.map(({ path, site }): CrashUnit => {
      return { what: 'name', site, path, position: 0, values: 2 };
    });
    return [...names, ...[...this.#inodes()].flatMap(([inode, path]) => inode.units(path))];
  }

  /** What a power cut now leaves, with a value for each of {@link units}. */
  cut(pick: readonly number[]): RecordingMedium {
    const after = new RecordingMedium();
    const names = new Map(this.#durableNames);
    for (const [index, pending] of this.#pendingNames.entries())
      if (pick[index] !== 0) change(names, pending);
    let at = this.#pendingNames.length;
    const images = new Map<Inode, Inode>();
    for (const [inode, path] of this.#inodes()) {
      const units = inode.units(path);
      images.set(inode, new Inode(inode.cut(units, pick.slice(at, at + units.length)), inode.isDirectory));
      at += units.length;
      if (inode.isDirectory && !names.has(path)) forgetBelow(names, path);
    }
    for (const [path, inode] of names) after.#names.set(path, images.get(inode)!);
    after.#durableNames = new Map(after.#names);
    return after;
  }

  /** A power cut by chance; half of them lean to one side: "nearly all" and "nearly none" are common. */
  powerCut(random: Random): RecordingMedium {
    const leaning = random() < 0.5;
    const bias = leaning ? random() : 0.5;
    const pick = this.units().map(({ values }) => {
      return random() >= bias ? 0 : 1 + Math.floor(random() * (values - 1));
    });
    return this.cut(pick);
  }

  /** Every inode that a name leads to, or could after a power cut, with such a name. */
  #inodes(): Map<Inode, string> {
    const inodes = new Map<Inode, string>();
    for (const [path, inode] of this.#durableNames) inodes.set(inode, path);
    for (const { inode, path } of this.#pendingNames) if (inode) inodes.set(inode, path);
    for (const [path, inode] of this.#names) inodes.set(inode, path);
    return inodes;
  }

  killed(): RecordingMedium {
    const after = new RecordingMedium();
    const copies = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      const copy = copies.get(inode) ?? inode.clone();
      copies.set(inode, copy);
      return copy;
    };
    for (const [path, inode] of this.#names) after.#names.set(path, copyOf(inode));
    for (const [path, inode] of this.#durableNames) after.#durableNames.set(path, copyOf(inode));
    after.#pendingNames = this.#pendingNames.map((pending) => {
      return { ...pending, inode: pending.inode && copyOf(pending.inode) };
    });
    return after;
  }

  /** The bytes at `path` as a reader sees them now, for a test to look at or to spoil. */
  bytesOf(path: string): Uint8Array {
    return this.#inode(path).current;
  }

  /** Overwrites durable bytes behind the store's back: a medium that rots. */
  spoil(path: string, position: number, bytes: Uint8Array): void {
    this.#inode(path).spoil(position, bytes);
  }

  /** Reads that touch bytes [from, end) of a file fail from now on: with EIO, a bad block. */
  failReads(path: string, from: number, end: number, code = 'EIO'): void {
    this.#badBlocks.push({ path, from, end, code });
  }

  /** Reads succeed again. */
  mendReads(): void {
    this.#badBlocks = [];
  }

  async list(directory: string): Promise<readonly string[]> {
    if (!this.#isDirectory(directory)) throw systemError('ENOENT', directory);
    const prefix = `${directory}/`;
    return [...this.#names.keys()]
      .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
      .map((path) => path.slice(prefix.length))
      .sort();
  }

  async makeDirectory(directory: string): Promise<boolean> {
    if (this.#isDirectory(directory) || this.#names.has(directory)) return false;
    if (!this.#isDirectory(directoryOf(directory))) throw systemError('ENOENT', directory);
    this.#change(directory, 'directory', new Inode(new Uint8Array(0), true));
    return true;
  }

  async open(path: string, access: 'read' | 'write' | 'create'): Promise<MediumFile> {
    if (access === 'create') {
      const inode = new Inode(new Uint8Array(0));
      this.#change(path, 'create', inode);
      this.note({ what: 'create', site: 'create', path });
    }
    return new RecordedFile(this, path, this.#inode(path));
  }

  async rename(from: string, to: string, site: Site): Promise<void> {
    this.check(site, from);
    const inode = this.#inode(from);
    this.#change(to, site, inode, from);
    this.note({ what: 'rename', site, path: to });
  }

  async remove(path: string, site: Site): Promise<void> {
    this.check(site, path);
    if (!this.#names.has(path)) return;
    this.#change(path, site, undefined);
    this.note({ what: 'remove', site, path });
  }

  async syncDirectory(directory: string, site: Site): Promise<void> {
    this.note({ what: 'syncDirectory', site, path: directory });
    this.check(site, directory);
    for (const pending of this.#pendingNames) {
      if (pending.directory === directory) change(this.#durableNames, pending);
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
    if (!fault || (fault.sites.length > 0 && !fault.sites.includes(site))) return;
    this.#fault = undefined;
    throw systemError(fault.code, path);
  }

  /** Throws where a read touches a bad block. */
  checkRead(path: string, from: number, end: number): void {
    const met = this.#badBlocks.find((bad) => bad.path === path && from < bad.end && end > bad.from);
    if (met) throw systemError(met.code, path);
  }

  #isDirectory(path: string): boolean {
    return path === '/' || this.#names.get(path)?.isDirectory === true;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw systemError('ENOENT', path);
    return inode;
  }

  #change(path: string, site: Site | 'create', inode: Inode | undefined, from?: string): void {
    const pending = { directory: directoryOf(path), site, path, from, inode };
    change(this.#names, pending);
    this.#pendingNames.push(pending);
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
    this.#medium.checkRead(this.path, position, position + into.length);
    const got = this.#inode.current.subarray(position, position + into.length);
    into.set(got);
    this.#medium.reads?.push(position, digestOf(got, 0, got.length));
    return got.length;
  }

  async write(bytes: Uint8Array, position: number, site: Site): Promise<void> {
    this.#medium.check(site, this.path);
    this.#inode.write(bytes, position, site);
    this.#medium.note({ what: 'write', site, path: this.path });
  }

  async sync(site: Site): Promise<void> {
    this.#medium.note({ what: 'sync', site, path: this.path });
    this.#medium.check(site, this.path);
    this.#inode.sync();
  }

  /** The write is seen at once, its sync comes with a later turn of the event loop. */
  writeDurable(bytes: Uint8Array, position: number, site: Site, done: Done): void {
    this.#inode.write(bytes, position, site);
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
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** What was in a directory that is gone cannot be reached any more. */
function forgetBelow(names: Map<string, Inode>, directory: string): void {
  for (const path of names.keys()) if (path.startsWith(`${directory}/`)) names.delete(path);
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, path });
}
