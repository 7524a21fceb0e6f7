/**
 * Checkpoints: durable images of the state machine through a slot, in a directory of their own.
 *
 * 1. A checkpoint is written aside, synced, read back from the device and verified, renamed, its directory
 *    synced; only then is it announced (`newest`) and may a trim rely on it (contracts 24 and 25).
 * 2. At every crash point the old one or the new one is whole. The newest two are kept, and those that are
 *    held, of which there are at most {@link HELD_MAX} more.
 * 3. One from a peer is installed only if it is of this cluster and its configurations, newer, and verified
 *    to the last byte (contract 26).
 * 4. A checkpoint that fails to be written leaves the store as it was. What has arrived of a peer's stays
 *    until it is whole, found wrong, or no longer wanted: `partial` goes on with it, after a restart too.
 */
import { join } from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Configuration } from '../types.js';
import { WriteAttempt, writeBody } from './checkpoint-body.js';
import { CheckpointFile, type FileName } from './checkpoint-file.js';
import { type CheckpointMeta, invalidCheckpoint } from './checkpoint-format.js';
import { CheckpointReceiver } from './checkpoint-receiver.js';
import { preferNativeDigest } from './crc64-native.js';
import { makeDurableDirectory } from './file/directories.js';
import type { DiskSpace } from './file/disk-space.js';
import { type FileMedium, systemCode } from './file/medium.js';
import { RealMedium } from './file/real-medium.js';

const SITE = 'checkpoint';
const WRITING = 'writing';
const RECEIVING = 'receiving';
const KEPT = 2;
/** Most checkpoints that are kept beyond the newest two because somebody holds them. */
export const HELD_MAX = 2;
/** Milliseconds that closing waits for a write or sync that does not return. */
const CLOSE_MS_MAX = 2000;
const NAME = /^checkpoint-(\d{16})-(\d{16})$/;

function nameOf(meta: Pick<CheckpointMeta, 'checkpointId' | 'throughSlot'>): string {
  const digits = (value: number): string => String(value).padStart(16, '0');
  return `checkpoint-${digits(meta.throughSlot)}-${digits(meta.checkpointId)}`;
}

/** A system error as ERR_INDELIBLE_STORE_IO; any other error (of ours, of a state machine) as it is. */
function ioError(path: string, cause: unknown): unknown {
  if (cause instanceof IndelibleError || !(cause instanceof Error) || systemCode(cause) === undefined)
    return cause;
  return new IndelibleError(ErrorCode.storeIo, `checkpoint ${path}: ${cause.message}`, { cause, path });
}

/**
 * Makes `directory` and writes checkpoint 0 in it: slot 0, `configuration`, no state.
 * @throws ERR_INDELIBLE_STORE_EXISTS where a checkpoint is already
 */
export async function formatCheckpoints(
  directory: string,
  clusterId: string,
  configuration: Configuration,
  medium: FileMedium = new RealMedium(),
): Promise<void> {
  const meta = { clusterId, checkpointId: 0, throughSlot: 0, configuration, chainDigest: 0, timeMs: 0 };
  await writeFirstCheckpoint(directory, meta, [], medium);
}

/**
 * Makes `directory` and writes the first checkpoint in it: one that a cluster begins with.
 * @throws ERR_INDELIBLE_STORE_EXISTS where a checkpoint is already; whatever `chunks` throws
 */
export async function writeFirstCheckpoint(
  directory: string,
  meta: CheckpointMeta,
  chunks: Iterable<Uint8Array>,
  medium: FileMedium = new RealMedium(),
): Promise<void> {
  await makeDurableDirectory(medium, directory);
  if ((await medium.list(directory)).some((name) => NAME.test(name))) {
    throw new IndelibleError(ErrorCode.storeExists, `${directory} holds checkpoints already`, {
      path: directory,
    });
  }
  const store = new CheckpointStore(directory, meta.clusterId, medium, []);
  await store.write(meta, chunks);
  await store.close();
}

/**
 * Opens the newest valid checkpoint in `directory`; invalid newer ones are passed over and named in
 * `problems`.
 * @throws ERR_INDELIBLE_STORE_MISSING where no checkpoint is, ERR_INDELIBLE_CHECKPOINT_INVALID where none is
 * valid
 */
export async function openCheckpoints(
  directory: string,
  clusterId: string,
  medium: FileMedium = new RealMedium(),
): Promise<CheckpointStore> {
  preferNativeDigest();
  const candidates = await candidatesIn(directory, medium);
  const store = new CheckpointStore(directory, clusterId, medium, candidates);
  await store.adoptNewest();
  await medium.remove(join(directory, WRITING), 'checkpoint.remove');
  return store;
}

/**
 * What the newest checkpoint file in `directory` says of itself that says anything. Nothing is written, and
 * nothing behind its header is read.
 * @throws ERR_INDELIBLE_STORE_MISSING where no checkpoint is, ERR_INDELIBLE_CHECKPOINT_INVALID where none has
 * a good header, ERR_INDELIBLE_STORE_VERSION
 */
export async function readNewestMeta(
  directory: string,
  medium: FileMedium = new RealMedium(),
): Promise<CheckpointMeta> {
  preferNativeDigest();
  const problems: string[] = [];
  for (const name of await candidatesIn(directory, medium)) {
    try {
      return await CheckpointFile.readMeta(medium, join(directory, name));
    } catch (error) {
      if (error instanceof IndelibleError && error.code === ErrorCode.storeVersion) throw error;
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw noneIsWhole(directory, problems);
}

function noneIsWhole(directory: string, problems: readonly string[]): IndelibleError {
  const sentence = `every checkpoint in ${directory} is damaged: ${problems.join('; ')}`;
  return new IndelibleError(ErrorCode.checkpointInvalid, sentence, { path: directory });
}

/** Names of checkpoint files, newest first. @throws ERR_INDELIBLE_STORE_MISSING where there is none */
async function candidatesIn(directory: string, medium: FileMedium): Promise<string[]> {
  const names = await medium.list(directory).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw ioError(directory, error);
    return [];
  });
  const candidates = names.filter((name) => NAME.test(name)).sort((a, b) => (a < b ? 1 : -1));
  if (candidates.length > 0) return candidates;
  throw new IndelibleError(ErrorCode.storeMissing, `there is no checkpoint in ${directory}`, {
    path: directory,
  });
}

/** A checkpoint's file in the directory, and what is known of it. */
interface Kept {
  readonly name: string;
  /** Undefined before it was first read. */
  file: CheckpointFile | undefined;
  holds: number;
}

export class CheckpointStore {
  readonly directory: string;
  readonly clusterId: string;
  /** Why newer checkpoint files were passed over at open, for a person. */
  readonly problems: string[] = [];
  readonly #medium: FileMedium;
  /** All checkpoint files, newest first. */
  #kept: Kept[];
  #newest: CheckpointFile | undefined;
  #attempt: WriteAttempt | undefined;
  /** Whatever changes the directory happens one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Use {@link openCheckpoints}. */
  constructor(directory: string, clusterId: string, medium: FileMedium, names: readonly string[]) {
    this.directory = directory;
    this.clusterId = clusterId;
    this.#medium = medium;
    this.#kept = names.map((name) => ({ name, file: undefined, holds: 0 }));
  }

  /** The newest whole checkpoint. */
  get newest(): CheckpointFile {
    if (!this.#newest) throw new IndelibleError(ErrorCode.storeClosed, 'the checkpoint store is closed');
    return this.#newest;
  }

  /** The file system that checkpoints are written to; undefined where the medium tells nothing of it. */
  async space(): Promise<DiskSpace | undefined> {
    const space = await this.#medium.space?.(this.directory);
    return this.#closed ? undefined : space;
  }

  /** The checkpoint file a peer asked for by name, while it is still here; verified if it was not before. */
  async find({ checkpointId, throughSlot, digest }: FileName): Promise<CheckpointFile | undefined> {
    const name = nameOf({ checkpointId, throughSlot });
    const kept = this.#kept.find((each) => each.name === name);
    if (kept === undefined) return undefined;
    if (kept.file === undefined) await this.#queue(() => this.#openOlder(kept));
    return kept.file?.digest === digest && this.#kept.includes(kept) ? kept.file : undefined;
  }

  /** The same, if it has been read already. */
  findOpen({ checkpointId, throughSlot, digest }: FileName): CheckpointFile | undefined {
    const name = nameOf({ checkpointId, throughSlot });
    const file = this.#kept.find((each) => each.name === name)?.file;
    return file?.digest === digest ? file : undefined;
  }

  /** Keeps a checkpoint although newer ones come, until the result is called. */
  hold(file: CheckpointFile): () => void {
    const kept = this.#kept.find((each) => each.file === file);
    if (kept === undefined) return () => {};
    kept.holds++;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      kept.holds--;
      // A file that cannot be removed goes with the next checkpoint.
      this.#queue(() => this.#dropOld()).catch(() => {});
    };
  }

  /**
   * Writes a checkpoint of the state that `chunks` gives, pulling them over several turns of the event loop.
   * It is durable and verified when this resolves.
   * @throws ERR_INDELIBLE_STORE_IO and whatever `chunks` throws; the store is then as before
   */
  write(
    meta: CheckpointMeta,
    chunks: Iterable<Uint8Array>,
    attempt: WriteAttempt = new WriteAttempt(),
  ): Promise<CheckpointFile> {
    const path = join(this.directory, WRITING);
    return this.#queue(async () => {
      this.#attempt = attempt;
      let written: CheckpointFile | undefined;
      try {
        const file = await this.#medium.open(path, 'create');
        try {
          await writeBody(file, meta, chunks, attempt);
        } finally {
          await file.close();
        }
        written = await CheckpointFile.open(this.#medium, path, () => attempt.step());
        return await this.#install(written);
      } catch (error) {
        await written?.close();
        await this.#medium.remove(path, 'checkpoint.remove').catch(() => {});
        throw ioError(path, error);
      } finally {
        this.#attempt = undefined;
      }
    });
  }

  /**
   * Starts to receive a peer's checkpoint of `lengthBytes`; what has arrived of another one is dropped.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID if it is not newer than {@link newest}
   */
  async receive(name: FileName, lengthBytes: number): Promise<CheckpointReceiver> {
    const path = join(this.directory, RECEIVING);
    if (name.throughSlot <= this.newest.meta.throughSlot) {
      const what = `a checkpoint through slot ${name.throughSlot} is not newer than this replica's`;
      throw invalidCheckpoint(path, what);
    }
    const file = await this.#medium.open(path, 'create').catch((error: unknown) => {
      throw ioError(path, error);
    });
    return new CheckpointReceiver(file, name, lengthBytes, (meta) => this.#mustSuit(meta, path));
  }

  /**
   * What has arrived of a peer's checkpoint, through the last byte that is as it was sent: read back from the
   * device. Undefined, and removed, where nothing of it can be used.
   */
  async partial(): Promise<CheckpointReceiver | undefined> {
    const path = join(this.directory, RECEIVING);
    try {
      const file = await this.#medium.open(path, 'write');
      return await CheckpointReceiver.resume(file, (meta) => {
        this.#mustSuit(meta, path);
        this.#mustBeNewer(meta, path);
      });
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') await this.dropPartial();
      return undefined;
    }
  }

  /** Removes what has arrived of a peer's checkpoint. */
  async dropPartial(): Promise<void> {
    await this.#medium.remove(join(this.directory, RECEIVING), 'checkpoint.remove').catch(() => {});
  }

  /**
   * Makes a peer's checkpoint, received whole, the newest one of this store.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID if a newer one has come meanwhile; ERR_INDELIBLE_STORE_IO
   */
  adopt(received: CheckpointFile): Promise<CheckpointFile> {
    const { path } = received;
    return this.#queue(async () => {
      try {
        this.#mustBeNewer(received.meta, path);
        return await this.#install(received);
      } catch (error) {
        await received.close();
        await this.dropPartial();
        throw ioError(path, error);
      }
    });
  }

  /** Ends a write under way before its next block. What hangs in the system is waited for by nobody. */
  stop(): void {
    this.#closed = true;
    this.#attempt?.stop();
  }

  /** Waits for a write under way, for a bounded time, then closes the files. Idempotent. */
  async close(): Promise<void> {
    this.stop();
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS_MAX);
    });
    await Promise.race([this.#last, enough]);
    clearTimeout(timer);
    const files = this.#kept.map(({ file }) => file);
    this.#kept = [];
    this.#newest = undefined;
    for (const file of files) await file?.close();
  }

  /** Verifies the files found, newest first, and takes the first good one. Called once, at open. */
  async adoptNewest(): Promise<void> {
    for (const kept of this.#kept) {
      const path = join(this.directory, kept.name);
      try {
        const file = await CheckpointFile.open(this.#medium, path);
        this.#mustBeOfCluster(file.meta, path);
        this.#newest = file;
        kept.file = file;
        return;
      } catch (error) {
        if (error instanceof IndelibleError && error.code === ErrorCode.storeForeign) throw error;
        this.problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw noneIsWhole(this.directory, this.problems);
  }

  async #openOlder(kept: Kept): Promise<void> {
    if (kept.file !== undefined || !this.#kept.includes(kept)) return;
    const opened = CheckpointFile.open(this.#medium, join(this.directory, kept.name));
    kept.file = await opened.catch(() => undefined);
  }

  /** Gives a synced and verified file its name, announces it, drops what is no longer kept. */
  async #install(file: CheckpointFile): Promise<CheckpointFile> {
    const name = nameOf(file.meta);
    const target = join(this.directory, name);
    await this.#medium.rename(file.path, target, SITE);
    await this.#medium.syncDirectory(this.directory, SITE);
    file.path = target;
    const others = this.#kept.filter((each) => each.name !== name);
    this.#kept = [{ name, file, holds: 0 }, ...others];
    this.#newest = file;
    // This one is durable whether or not an older one can be removed, which the next one tries again.
    await this.#dropOld().catch(() => {});
    return file;
  }

  /** Removes all but the newest two and what is held, of that the newest. */
  async #dropOld(): Promise<void> {
    let held = 0;
    for (const kept of this.#kept.slice(KEPT)) {
      if (kept.holds > 0 && ++held <= HELD_MAX) continue;
      await this.#medium.remove(join(this.directory, kept.name), 'checkpoint.remove');
      this.#kept = this.#kept.filter((each) => each !== kept);
      await kept.file?.close();
    }
  }

  #mustBeOfCluster(meta: CheckpointMeta, path: string): void {
    if (meta.clusterId === this.clusterId) return;
    throw new IndelibleError(ErrorCode.storeForeign, `${path} is of cluster ${meta.clusterId}`, { path });
  }

  /** That a peer's checkpoint is one of this cluster, whose configurations are those known here. */
  #mustSuit(meta: CheckpointMeta, path: string): void {
    this.#mustBeOfCluster(meta, path);
    const { configuration } = this.newest.meta;
    // Another number is another time: members change, and who was told a later configuration catches up.
    if (meta.configuration.number !== configuration.number) return;
    if (canonical(meta.configuration) === canonical(configuration)) return;
    throw invalidCheckpoint(
      path,
      `configuration ${configuration.number} has other members there: ${canonical(meta.configuration)}, ` +
        `not ${canonical(configuration)}`,
    );
  }

  #mustBeNewer(meta: CheckpointMeta, path: string): void {
    if (meta.throughSlot > this.newest.meta.throughSlot) return;
    throw invalidCheckpoint(path, 'this replica has a newer one by now');
  }

  /** Runs `task` after those before it. */
  #queue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (this.#closed) throw new IndelibleError(ErrorCode.storeClosed, 'the checkpoint store is closed');
      return task();
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

function canonical({ members }: Configuration): string {
  const sorted = [...members].sort((a, b) => a.id - b.id);
  return sorted.map(({ id, storeUuid, role }) => `${id}=${storeUuid}${role ? ` ${role}` : ''}`).join(', ');
}
