/**
 * The damage campaign of the file backend: sectors and pages of a store flipped, zeroed, old or misplaced,
 * each opened by the production recovery and held against docs/format-file.md's table.
 *
 * | place                                              | what recovery may say                            |
 * |----------------------------------------------------|--------------------------------------------------|
 * | one copy of identity, root or segment header; unread | `intact`, with exactly what was there          |
 * | payload of a vote that counts                      | `damaged`: the vote known, its bytes unavailable |
 * | descriptors, CRCs, a group's header                | `damaged`: slots uncertain, the promise known    |
 * | header of the last group; the page at the tail; segment headers at or behind it | `lost`              |
 * | both copies of the identity; both of the root      | refused; `lost`                                  |
 *
 * Old bytes may also bring an older state back, and are counted where they do.
 */
import { Random } from '../simulation/random.js';
import { PAGE_BYTES, SECTOR_BYTES } from '../storage/file/medium.js';
import { RecordingMedium } from '../storage/file/recording-medium.js';
import { formatFile, openFile } from '../storage/file.js';
import type { Storage } from '../storage/storage.js';
import type { DamageTally, Verdict } from './damage-tally.js';
import { FileMap } from './file-map.js';
import { type FileSizes, sizesOf } from './file-sizes.js';
import { Contents, type Group, stageGroup } from './log-contents.js';
import { judgeRecovered } from './log-damage.js';

const DIRECTORY = '/d/store';
const SMALL = { logBytes: 128 << 10, recordBytesMax: 8 << 10 };
const LENGTH_MAX = 4000;
const LENGTHS = [0, 1, 64, 500, 1500] as const;
const GROUPS_MAX = 30;
const MOMENTS = 4;

interface FileFault {
  readonly kind: string;
  readonly what: string;
  readonly allowed: ReadonlySet<Verdict>;
  readonly apply: (medium: RecordingMedium) => void;
}

interface Moment {
  readonly medium: RecordingMedium;
  /** What it holds, behind what it held item by item since the moment before: the store may part a group. */
  readonly contents: readonly Contents[];
}

/**
 * Judges the faults of one history, at most `imagesMax` of them.
 * @returns what was violated, or undefined
 */
export async function damageFile(
  seed: number,
  imagesMax: number,
  tally: DamageTally,
): Promise<string | undefined> {
  const random = new Random(seed);
  const sizes = sizesOf(seed, SMALL, LENGTH_MAX);
  const moments = await takeHistory(sizes, random.fork());
  const all = await faultsOf(moments, random.fork());
  const chosen = random.fork();
  for (const fault of all.length <= imagesMax ? all : chosen.sample(all, imagesMax)) {
    const { verdict, why } = await judge(fault, moments);
    if (why !== undefined) return `${fault.what}: ${why}`;
    if (!fault.allowed.has(verdict)) {
      return `${fault.what}: ${verdict}, where ${[...fault.allowed].join(' or ')} was due`;
    }
    tally.count(fault.kind, verdict);
  }
  return undefined;
}

async function judge(
  fault: FileFault,
  moments: readonly Moment[],
): Promise<{ verdict: Verdict; why: string | undefined }> {
  const now = moments.at(-1)!;
  const medium = now.medium.killed();
  fault.apply(medium);
  let storage: Awaited<ReturnType<typeof openFile>>;
  try {
    storage = await openFile(DIRECTORY, medium);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const isRefusal = code === 'ERR_INDELIBLE_STORE_CORRUPT' || code === 'ERR_INDELIBLE_STORE_FOREIGN';
    return { verdict: 'refused', why: isRefusal ? undefined : message };
  }
  const states = moments.flatMap(({ contents }) => contents);
  const { verdict, why } = judgeRecovered(storage, now.contents.at(-1)!, states.slice(0, -1));
  await storage.abandon();
  return { verdict, why };
}

/** One store at several moments, the last one its end: in use, or closed in order. */
async function takeHistory({ shape, effort, largeLength }: FileSizes, random: Random): Promise<Moment[]> {
  const medium = new RecordingMedium();
  await formatFile(DIRECTORY, shape, medium);
  const storage = await openFile(DIRECTORY, medium);
  const contents = new Contents();
  const moments: Moment[] = [{ medium: medium.killed(), contents: [contents.copy()] }];
  let slot = 0;
  let items = 0;
  const groups = 1 + random.below(Math.ceil(GROUPS_MAX * effort));
  for (let index = 0; index < groups; index++) {
    const ballot = contents.promised + 1 + random.below(2);
    const votes: Group['votes'][number][] = [];
    for (let count = 1 + random.below(3); count > 0; count--) {
      const lengthBytes = random.chance(0.2) ? largeLength(random) : random.pick(LENGTHS);
      votes.push({ slot: ++slot, ballot, lengthBytes });
    }
    if (!stageGroup(storage, { promise: 0, votes })) break;
    const states = votes.map((vote) => {
      contents.apply({ promise: 0, votes: [vote] });
      return contents.copy();
    });
    items += votes.length;
    await durable(storage, items);
    if (random.chance(0.2)) storage.trim(Math.max(0, slot - random.below(5)), slot);
    await settled(storage);
    moments.push({ medium: medium.killed(), contents: states });
    if (moments.length > MOMENTS) moments.shift();
  }
  if (random.chance(0.5)) await storage.close();
  else await storage.abandon();
  moments.push({ medium: medium.killed(), contents: [contents.copy()] });
  return moments;
}

async function durable(storage: Storage, items: number): Promise<void> {
  storage.commit(0);
  while (storage.durableThrough < items) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets what goes on in the background, the root's writes and the refilling of segments, come to its end. */
async function settled(storage: Storage): Promise<void> {
  for (let still = 0, barriers = -1; still < 8; still++) {
    if (storage.counters.barriers !== barriers) still = 0;
    barriers = storage.counters.barriers;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function faultsOf(moments: readonly Moment[], random: Random): Promise<FileFault[]> {
  const now = moments.at(-1)!.medium.killed();
  const map = await FileMap.of(now, DIRECTORY);
  const old = moments.slice(0, -1).map(({ medium }) => medium);
  const faults = new BlockFaults(now, map);
  for (const path of map.paths) {
    const whole = now.bytesOf(path).slice();
    for (const at of map.fieldsOf(path)) faults.flip(path, at, 1 << random.below(8));
    for (const length of [SECTOR_BYTES, PAGE_BYTES]) {
      for (let at = 0; at < whole.length; at += length) {
        if (length === SECTOR_BYTES) faults.flip(path, at + random.below(length), 1 << random.below(8));
        else faults.unreadable(path, at);
        faults.put('zeroed', path, at, new Uint8Array(length), []);
        const from = random.below(whole.length / length) * length;
        faults.put('misplaced', path, at, whole.slice(from, from + length), []);
        for (const medium of old) {
          if (!map.existedIn(medium, path)) continue;
          const bytes = medium.bytesOf(path).slice(at, at + length);
          faults.put('stale', path, at, bytes, ['older', 'lost', 'uncertain']);
        }
      }
    }
  }
  return [...faults.all, ...goneFaults(map)];
}

/** Faults of sectors and pages, with what may come of each. */
class BlockFaults {
  readonly all: FileFault[] = [];
  readonly #now: RecordingMedium;
  readonly #map: FileMap;

  constructor(now: RecordingMedium, map: FileMap) {
    this.#now = now;
    this.#map = map;
  }

  /** Bytes that lie where others should; nothing where they are the same. */
  put(kind: string, path: string, at: number, bytes: Uint8Array, extra: readonly Verdict[]): void {
    const before = this.#now.bytesOf(path).subarray(at, at + bytes.length);
    const changed: number[] = [];
    for (let sector = 0; sector < bytes.length; sector += SECTOR_BYTES) {
      const end = sector + SECTOR_BYTES;
      if (Buffer.compare(before.subarray(sector, end), bytes.subarray(sector, end)) !== 0) {
        changed.push(at + sector);
      }
    }
    if (changed.length === 0) return;
    this.all.push({
      kind: `${kind}, ${bytes.length} B`,
      what: `${kind}: ${bytes.length} bytes at ${at} of ${path}`,
      allowed: new Set([...this.#map.meaningOf(path, changed), ...extra]),
      apply: (medium) => medium.spoil(path, at, bytes),
    });
  }

  flip(path: string, at: number, bit: number): void {
    const flipped = Uint8Array.of(this.#now.bytesOf(path)[at]! ^ bit);
    this.all.push({
      kind: 'flipped bit',
      what: `bit ${bit} at ${at} of ${path}`,
      allowed: this.#map.meaningOf(path, [at - (at % SECTOR_BYTES)]),
      apply: (medium) => medium.spoil(path, at, flipped),
    });
  }

  /** A page whose reads end in EIO. */
  unreadable(path: string, page: number): void {
    const sectors = Array.from({ length: PAGE_BYTES / SECTOR_BYTES }, (_, at) => page + at * SECTOR_BYTES);
    this.all.push({
      kind: 'unreadable (EIO), 4096 B',
      what: `EIO on reads of the page at ${page} of ${path}`,
      allowed: this.#map.meaningOf(path, sectors),
      apply: (medium) => medium.failReads(path, page, page + PAGE_BYTES),
    });
  }
}

/** Both copies of what there are two of, and files that are gone. */
function goneFaults(map: FileMap): FileFault[] {
  const zeros = new Uint8Array(2 * PAGE_BYTES);
  const zero = (name: string) => (medium: RecordingMedium) => {
    medium.spoil(`${DIRECTORY}/${name}`, 0, zeros);
  };
  const rot = (name: string) => (medium: RecordingMedium) => {
    for (const at of [60, PAGE_BYTES + 60]) {
      const path = `${DIRECTORY}/${name}`;
      medium.spoil(path, at, Uint8Array.of(medium.bytesOf(path)[at]! ^ 1));
    }
  };
  const gone = (path: string) => (medium: RecordingMedium) => void medium.remove(path, 'root');
  const refused = new Set<Verdict>(['refused']);
  const lost = new Set<Verdict>(['lost']);
  return [
    { kind: 'both identities', what: 'both identities zeroed', allowed: refused, apply: zero('identity') },
    { kind: 'both identities', what: 'both identities flipped', allowed: refused, apply: rot('identity') },
    { kind: 'both roots', what: 'both roots zeroed', allowed: lost, apply: zero('root') },
    { kind: 'both roots', what: 'both roots flipped', allowed: lost, apply: rot('root') },
    { kind: 'file gone', what: 'no root', allowed: lost, apply: gone(`${DIRECTORY}/root`) },
    ...map.segments.map(({ path, allowed }): FileFault => {
      return { kind: 'file gone', what: `no ${path}`, allowed: new Set(allowed), apply: gone(path) };
    }),
  ];
}
