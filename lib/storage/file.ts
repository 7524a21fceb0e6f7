/**
 * The file backend: the storage contract on an ordinary disk, exact with one durable write per group.
 *
 * 1. `formatFile` writes a store once; `openFile` never formats. A directory has a store if it has an
 *    identity.
 * 2. Before `openFile` resolves, everything it says was recovered is durable, what a torn group left
 *    behind is pre-filled again, and the root says "in use".
 * 3. A store whose outcome is `lost` is never written again: staging throws ERR_INDELIBLE_STORE_CORRUPT.
 *
 * docs/format-file.md has the bytes; file/log.ts writes, file/recovery.ts says what is found.
 */
import { join } from 'node:path';
import { argumentError, ErrorCode, IndelibleError } from '../errors.js';
import type { Ballot, BatchKind, Digest, DurabilityClass, Identity, Opening, Slot } from '../types.js';
import { digestOf } from './crc64.js';
import { preferNativeDigest } from './crc64-native.js';
import { makeDurableDirectory } from './file/directories.js';
import { type Geometry, geometryOf } from './file/geometry.js';
import {
  drawIncarnation,
  IDENTITY_NAME,
  markUnfinished,
  readIdentity,
  UNFINISHED_NAME,
  writeIdentity,
} from './file/identity-file.js';
import { GroupLog } from './file/log.js';
import { type FileMedium, isShortage, PAGE_BYTES, SECTOR_BYTES, systemCode } from './file/medium.js';
import { RealMedium } from './file/real-medium.js';
import { type RecoveredLog, recoverLog } from './file/recovery.js';
import { ROOT_NAME, type Root, RootFile } from './file/root-file.js';
import { type Scan, scanLog } from './file/scan.js';
import { LogScrub } from './file/scrub.js';
import { fillPattern, prefill, segmentName, sequenceOf } from './file/segment.js';
import type { VoteIndex } from './file/vote-index.js';
import { SerialQueue, type WriteQueue } from './file/write-queue.js';
import { checkNumber, checkVote, exhausted } from './numbers.js';
import { checkShape, type StoreShape } from './shape.js';
import type { Recovered, ScrubProgress, Storage, StorageCounters } from './storage.js';

/** Errors of the system become ERR_INDELIBLE_STORE_IO; all others stay what they are. */
function asStoreError(error: unknown, directory: string): unknown {
  if (systemCode(error) === undefined || error instanceof IndelibleError || !(error instanceof Error))
    return error;
  return new IndelibleError(ErrorCode.storeIo, `the file store in ${directory}: ${error.message}`, {
    cause: error,
    path: directory,
  });
}

const FIRST_ROOT: Root = {
  generation: 1,
  headSegment: 1,
  headGroup: 1,
  headLink: 0,
  nextGroup: 1,
  promised: 0 as Ballot,
  trimThrough: 0,
  checkpointId: 0,
  learnedThrough: 0,
  highestVoted: 0,
  clean: true,
};

/** Refuses a directory with a store, or with parts of one; removes what an unfinished format left. */
async function clearForFormat(medium: FileMedium, directory: string): Promise<void> {
  const names = await medium.list(directory);
  const parts = names.filter((name) => name === ROOT_NAME || sequenceOf(name) !== undefined);
  if (names.includes(IDENTITY_NAME) || (parts.length > 0 && !names.includes(UNFINISHED_NAME))) {
    const what = names.includes(IDENTITY_NAME) ? 'a store' : 'parts of a store';
    throw new IndelibleError(ErrorCode.storeExists, `${directory} holds ${what} already`, {
      path: directory,
    });
  }
  await markUnfinished(medium, directory);
  for (const name of parts) await medium.remove(join(directory, name), 'identity');
}

/**
 * Makes a store in `directory` (created if need be): all its space is taken and written now. Durable when it
 * resolves; if it fails or is interrupted there is no store, and it can be run again.
 * @throws ERR_INDELIBLE_STORE_EXISTS, ERR_INDELIBLE_STORE_LOCKED, ERR_INDELIBLE_STORE_IO (a full disk too);
 * RangeError
 */
export async function formatFile(
  directory: string,
  shape: StoreShape,
  medium: FileMedium = new RealMedium(),
): Promise<void> {
  checkShape(shape);
  const geometry = geometryOf(shape);
  const incarnation = drawIncarnation();
  try {
    await makeDurableDirectory(medium, directory);
    const unlock = await medium.lock(directory);
    try {
      await clearForFormat(medium, directory);
      for (let sequence = 1; sequence <= geometry.segments; sequence++) {
        const file = await medium.open(join(directory, segmentName(sequence)), 'create');
        await prefill(file, incarnation, sequence, geometry.segmentBytes).finally(() => file.close());
      }
      await RootFile.create(medium, directory, FIRST_ROOT, incarnation);
      await medium.syncDirectory(directory, 'identity');
      await writeIdentity(medium, directory, { shape, incarnation });
    } finally {
      await unlock();
    }
  } catch (error) {
    throw asStoreError(error, directory);
  }
}

/** Pre-fills again what lies behind the tail, durably. */
async function refill(log: RecoveredLog): Promise<void> {
  for (const { segment, pages } of log.refills) {
    const page = new Uint8Array(PAGE_BYTES);
    for (const at of pages) {
      fillPattern(page, segment.key, at / SECTOR_BYTES);
      await segment.file.write(page, at, 'segment.refill');
    }
    await segment.file.sync('segment.refill');
  }
}

/** What is true now, on both pages: in use, with everything recovered counted in. */
async function beginUse(rootFile: RootFile, queue: WriteQueue, root: Root, log: RecoveredLog): Promise<Root> {
  const { recovered } = log;
  const next: Root = {
    ...root,
    generation: root.generation + 1,
    nextGroup: log.nextNumber,
    promised: recovered.promised,
    trimThrough: recovered.trimThrough,
    checkpointId: recovered.checkpointId,
    learnedThrough: recovered.learnedThrough,
    highestVoted: recovered.highestVoted,
    clean: false,
  };
  await new Promise<void>((resolve, reject) => {
    rootFile.write(next, queue, (error) => (error ? reject(error) : resolve()));
  });
  return next;
}

async function closeAll(scan: Scan | undefined, rootFile: RootFile | undefined): Promise<void> {
  const { scanned = [], spares = [] } = scan ?? {};
  const files = [...scanned.map(({ segment }) => segment.file), ...spares.map(({ file }) => file)];
  await Promise.allSettled([rootFile?.close(), ...files.map((file) => file.close())]);
}

async function openLocked(
  medium: FileMedium,
  directory: string,
  unlock: () => Promise<void>,
  expect: Partial<Identity>,
): Promise<FileStorage> {
  // A process that was killed may have left names that are seen and not durable.
  await medium.syncDirectory(directory, 'segment.recovered');
  const { incarnation, shape, isWhole } = await readIdentity(medium, directory);
  checkIdentity(directory, shape.identity, expect);
  if (!isWhole) await writeIdentity(medium, directory, { shape, incarnation });
  const geometry = geometryOf(shape);
  const rootFile = await RootFile.open(medium, directory, incarnation);
  let scan: Scan | undefined;
  let queue: WriteQueue | undefined;
  try {
    const root = await rootFile?.read();
    if (root && root.generation >= Number.MAX_SAFE_INTEGER) throw exhausted(directory);
    const headSegment = root?.headSegment ?? 0;
    scan = await scanLog(medium, directory, incarnation, geometry.segmentBytes, headSegment);
    const found = scan;
    const log = recoverLog(found, root, geometry);
    const common = {
      durability: medium.claim?.(directory).durability ?? 'power',
      shape,
      geometry,
      recovered: log.recovered,
      index: log.index,
      directory,
      incarnation,
      generation: root && log.recovered.outcome !== 'lost' ? root.generation + 1 : 0,
      rootFile,
    };
    const close = async (): Promise<void> => {
      queue?.close();
      await closeAll(found, rootFile);
      await unlock();
    };
    if (!rootFile || !root || log.recovered.outcome === 'lost')
      return new FileStorage({ ...common, close, log: undefined });
    await refill(log);
    queue = medium.writeQueue?.() ?? new SerialQueue();
    const inUse = await beginUse(rootFile, queue, root, log);
    const { spares } = found;
    const parts = { medium, queue, directory, incarnation, geometry, rootFile, root: inUse, log, spares };
    const groupLog = new GroupLog(parts);
    return new FileStorage({ ...common, close, log: groupLog });
  } catch (error) {
    queue?.close();
    await closeAll(scan, rootFile);
    throw error;
  }
}

/**
 * Opens the store in `directory` and recovers it. One that is not as `expect` says is refused unwritten.
 * @throws ERR_INDELIBLE_STORE_MISSING, _LOCKED, _FOREIGN, _VERSION, _CORRUPT (the identity is lost), _IO
 */
export async function openFile(
  directory: string,
  medium: FileMedium = new RealMedium(),
  expect: Partial<Identity> = {},
): Promise<FileStorage> {
  preferNativeDigest();
  try {
    const names: readonly string[] = await medium.list(directory).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return [];
      throw error;
    });
    if (!names.includes(IDENTITY_NAME)) {
      throw new IndelibleError(ErrorCode.storeMissing, `there is no file store in ${directory}`, {
        path: directory,
      });
    }
    const unlock = await medium.lock(directory);
    try {
      return await openLocked(medium, directory, unlock, expect);
    } catch (error) {
      await unlock();
      throw error;
    }
  } catch (error) {
    throw asStoreError(error, directory);
  }
}

/** Whose store this is, with nothing written and no lock taken. @throws as {@link openFile} does */
export async function identifyFile(
  directory: string,
  medium: FileMedium = new RealMedium(),
): Promise<Identity> {
  preferNativeDigest();
  try {
    return (await readIdentity(medium, directory)).shape.identity;
  } catch (error) {
    throw asStoreError(error, directory);
  }
}

function checkIdentity(directory: string, found: Identity, expected: Partial<Identity>): void {
  for (const key of ['clusterId', 'replicaId', 'storeUuid'] as const) {
    const wanted = expected[key];
    if (wanted === undefined || wanted === found[key]) continue;
    const sentence = `the ${key} of the store in ${directory} is ${found[key]}, not ${wanted}`;
    throw new IndelibleError(ErrorCode.storeForeign, sentence, { path: directory });
  }
}

interface FileStorageParts {
  readonly durability: DurabilityClass;
  readonly shape: StoreShape;
  readonly geometry: Geometry;
  readonly recovered: Recovered;
  readonly index: VoteIndex;
  readonly directory: string;
  readonly incarnation: number;
  readonly generation: number;
  /** Undefined where there is none: then the store is lost. */
  readonly rootFile: RootFile | undefined;
  /** Undefined for a lost store. */
  readonly log: GroupLog | undefined;
  readonly close: () => Promise<void>;
}

export class FileStorage implements Storage {
  readonly mode = 'file';
  readonly durability: DurabilityClass;
  readonly identity: Identity;
  readonly opening: Omit<Opening, 'nonce'>;
  readonly recovered: Recovered;
  readonly batchBytesMax: number;
  readonly #parts: FileStorageParts;
  readonly #log: GroupLog | undefined;
  #closing: Promise<void> | undefined;
  #scrubbing: Promise<void> | undefined;
  #scrub: LogScrub | undefined;
  #passes = 0;
  #trims = 0;

  /** Use {@link openFile}. */
  constructor(parts: FileStorageParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.durability = parts.durability;
    this.identity = parts.shape.identity;
    this.opening = { incarnation: parts.incarnation, generation: parts.generation };
    this.recovered = parts.recovered;
    this.batchBytesMax = parts.geometry.batchBytesMax;
    this.onDurable = () => {};
    this.onFailure = () => {};
  }

  get onDurable(): (throughItem: number) => void {
    return this.#log?.onDurable ?? (() => {});
  }

  set onDurable(listener: (throughItem: number) => void) {
    if (this.#log) this.#log.onDurable = listener;
  }

  get onFailure(): (error: Error) => void {
    return this.#log?.onFailure ?? (() => {});
  }

  set onFailure(listener: (error: Error) => void) {
    if (!this.#log) return;
    this.#log.onFailure = (error) => listener(asStoreError(error, this.#parts.directory) as Error);
  }

  get durableThrough(): number {
    return this.#log?.durableThrough ?? 0;
  }

  get capacityBytes(): number {
    const { segments, reservedSegments, segmentBytes } = this.#parts.geometry;
    return (segments - reservedSegments) * (segmentBytes - PAGE_BYTES);
  }

  get usedBytes(): number {
    return this.#log?.space.usedBytes ?? this.capacityBytes;
  }

  get counters(): StorageCounters {
    const log = this.#log;
    return {
      items: log?.durableThrough ?? 0,
      groups: log?.groups ?? 0,
      bytesWritten: log?.bytesWritten ?? 0,
      barriers: log?.barriers ?? 0,
      trims: this.#trims,
      laps: log?.space.laps ?? 0,
    };
  }

  stageVote(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
    mayUseReserve = false,
  ): boolean {
    const log = this.#writable();
    checkVote(slot, ballot);
    if (end - start > this.batchBytesMax) {
      throw argumentError(`a batch of ${end - start} bytes is above this store's ${this.batchBytesMax}`);
    }
    if (digestOf(bytes, start, end) !== digest) {
      throw new IndelibleError(
        ErrorCode.digestMismatch,
        `the batch for slot ${slot} does not have its digest`,
      );
    }
    return log.stageVote(slot, ballot, kind, digest, bytes, start, end, mayUseReserve);
  }

  stagePromise(ballot: Ballot): boolean {
    const log = this.#writable();
    checkNumber('a promised ballot', ballot);
    log.stagePromise(ballot);
    return true;
  }

  commit(learnedThrough: Slot): void {
    const log = this.#writable();
    checkNumber('learnedThrough', learnedThrough);
    log.commit(learnedThrough);
  }

  drain(): void {
    this.#writable();
  }

  readVote(slot: Slot, digest?: Digest): Uint8Array | undefined {
    if (this.#closing) throw new IndelibleError(ErrorCode.storeClosed, 'the store is closed');
    const entry = this.#parts.index.get(slot);
    if (!entry?.available || (digest !== undefined && entry.digest !== digest)) return undefined;
    if (entry.builder) return entry.builder.payloadOf(entry);
    const bytes = new Uint8Array(entry.lengthBytes);
    try {
      if (bytes.length > 0) entry.segment!.file.readSync(bytes, entry.at);
    } catch (error) {
      if (isShortage(error)) throw asStoreError(error, this.#parts.directory);
      // A block the device cannot read holds lost bytes: the vote is known, its batch is not available here.
      return undefined;
    }
    return digestOf(bytes, 0, bytes.length) === entry.digest ? bytes : undefined;
  }

  scrub(budgetBytes: number, done: (progress: ScrubProgress) => void): void {
    if (!this.#log && !this.#closing) return done({ bytes: 0, passes: 0, damage: undefined });
    const log = this.#writable();
    if (this.#scrubbing) return;
    this.#scrubbing = this.#scrubStep(log, budgetBytes).then(
      (progress) => {
        this.#scrubbing = undefined;
        if (!this.#closing && !log.failed) done(progress);
      },
      (error: Error) => log.fail(error),
    );
  }

  trim(through: Slot, checkpointId: number): void {
    const log = this.#writable();
    checkNumber('a trim point', through);
    checkNumber('a checkpoint id', checkpointId);
    if (through <= this.#parts.index.trimThrough) return;
    this.#trims++;
    log.trim(through, checkpointId);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close(true);
    return this.#closing;
  }

  /** Lets go of the store without the writes of a close, as the death of the process would; for tests. */
  abandon(): Promise<void> {
    this.#closing ??= this.#close(false);
    return this.#closing;
  }

  async #scrubStep(log: GroupLog, budgetBytes: number): Promise<ScrubProgress> {
    const { geometry, incarnation, rootFile } = this.#parts;
    this.#scrub ??= new LogScrub(log, geometry.segmentBytes, incarnation);
    const { bytes, damage, lastLost, passEnded } = await this.#scrub.step(budgetBytes);
    if (lastLost) log.repeatPromise();
    if (passEnded) {
      this.#passes++;
      const { generation } = log.root;
      // A root written meanwhile is whole, or is told of where it was written.
      if (rootFile && !(await rootFile.isWhole(generation)) && log.root.generation === generation)
        log.repeatRoot();
    }
    return { bytes, passes: this.#passes, damage };
  }

  async #close(inOrder: boolean): Promise<void> {
    const log = this.#log;
    try {
      await this.#scrubbing;
      if (log && inOrder) await log.settled();
      const clean = log && inOrder && !log.failed;
      await log?.stop();
      if (clean) await log.writeCleanRoot();
    } catch (error) {
      throw asStoreError(error, this.#parts.directory);
    } finally {
      await this.#parts.close();
    }
  }

  #writable(): GroupLog {
    if (this.#closing) throw new IndelibleError(ErrorCode.storeClosed, 'the store is closed');
    if (!this.#log) {
      throw new IndelibleError(ErrorCode.storeCorrupt, `the store is lost: ${this.recovered.reason}`);
    }
    if (this.#log.failed) {
      throw new IndelibleError(
        ErrorCode.storePoisoned,
        'the store failed earlier and accepts nothing more: open it again when the cause is repaired',
      );
    }
    return this.#log;
  }
}
