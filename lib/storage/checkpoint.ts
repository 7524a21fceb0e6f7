/**
 * Checkpoints: durable images of the state machine through a slot, in a directory of their own.
 *
 * 1. A checkpoint is written aside, synced, read back from the device and verified, renamed, its directory
 *    synced; only then is it announced (`newest`) and may a trim rely on it (contracts 24 and 25).
 * 2. At every crash point the old one or the new one is whole. The newest two are kept.
 * 3. One from a peer is installed only if it is of this cluster, newer, and verified to the last byte
 *    (contract 26).
 * 4. A checkpoint that fails to be written or received leaves the store as it was.
 */
import { join } from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import type { Configuration, Slot } from '../types.js';
import { CheckpointFile } from './checkpoint-file.js';
import {
  BLOCK_BYTES_MAX,
  BLOCK_FRAME_BYTES,
  type CheckpointMeta,
  encodeFooter,
  encodeHeader,
  invalidCheckpoint,
  PartChain,
  sealBlock,
} from './checkpoint-format.js';
import { CheckpointReceiver } from './checkpoint-receiver.js';
import { preferNativeDigest } from './crc64-native.js';
import { type FileMedium, type MediumFile, systemCode } from './file/medium.js';
import { RealMedium } from './file/real-medium.js';
import { getU64, viewOf } from './file/words.js';

const SITE = 'checkpoint';
const WRITING = 'writing';
const RECEIVING = 'receiving';
const KEPT = 2;
const NAME = /^checkpoint-(\d{16})-(\d{16})$/;

function nameOf(meta: CheckpointMeta): string {
  const digits = (value: number): string => String(value).padStart(16, '0');
  return `checkpoint-${digits(meta.throughSlot)}-${digits(meta.checkpointId)}`;
}

/** A system error as ERR_INDELIBLE_STORE_IO; any other error (of ours, of a state machine) as it is. */
function ioError(path: string, cause: unknown): unknown {
  if (cause instanceof IndelibleError || !(cause instanceof Error) || systemCode(cause) === undefined)
    return cause;
  return new IndelibleError(ErrorCode.storeIo, `checkpoint ${path}: ${cause.message}`, { cause, path });
}

/** Writes header, blocks and footer; each block's write lets the event loop turn. */
async function writeBody(
  file: MediumFile,
  meta: CheckpointMeta,
  chunks: Iterable<Uint8Array>,
): Promise<void> {
  const header = encodeHeader(meta);
  await file.write(header, 0, SITE);
  const chain = new PartChain();
  chain.add(getU64(viewOf(header), header.length - 8));
  const block = new Uint8Array(BLOCK_BYTES_MAX + BLOCK_FRAME_BYTES);
  let at = header.length;
  let blocks = 0;
  let stateBytes = 0;
  let filled = 0;
  const flush = async (): Promise<void> => {
    const sealed = sealBlock(block, blocks, filled);
    chain.add(getU64(viewOf(sealed), sealed.length - 8));
    await file.write(sealed, at, SITE);
    at += sealed.length;
    blocks++;
    stateBytes += filled;
    filled = 0;
  };
  for (const chunk of chunks) {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + BLOCK_BYTES_MAX - filled);
      block.set(part, 8 + filled);
      filled += part.length;
      taken += part.length;
      if (filled === BLOCK_BYTES_MAX) await flush();
    }
  }
  if (filled > 0) await flush();
  await file.write(encodeFooter(blocks, stateBytes, chain.value), at, SITE);
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
  await medium.makeDirectory(directory);
  if ((await medium.list(directory)).some((name) => NAME.test(name))) {
    throw new IndelibleError(ErrorCode.storeExists, `${directory} holds checkpoints already`, {
      path: directory,
    });
  }
  const store = new CheckpointStore(directory, clusterId, medium, []);
  const meta = { clusterId, checkpointId: 0, throughSlot: 0, configuration, chainDigest: 0, timeMs: 0 };
  await store.write(meta, []);
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
  for (const name of [WRITING, RECEIVING]) {
    await medium.remove(join(directory, name), 'checkpoint.remove');
  }
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
  const sentence = `no checkpoint in ${directory} is whole: ${problems.join('; ')}`;
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

export class CheckpointStore {
  readonly directory: string;
  readonly clusterId: string;
  /** Why newer checkpoint files were passed over at open, for a person. */
  readonly problems: string[] = [];
  readonly #medium: FileMedium;
  /** Names of all checkpoint files, newest first. */
  #names: string[];
  #newest: CheckpointFile | undefined;
  /** Replaced, but still read by peers until the next one replaces it. */
  #previous: CheckpointFile | undefined;
  /** Writes and installations happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Use {@link openCheckpoints}. */
  constructor(directory: string, clusterId: string, medium: FileMedium, names: string[]) {
    this.directory = directory;
    this.clusterId = clusterId;
    this.#medium = medium;
    this.#names = names;
  }

  /** The newest whole checkpoint. */
  get newest(): CheckpointFile {
    if (!this.#newest) throw new IndelibleError(ErrorCode.storeClosed, 'the checkpoint store is closed');
    return this.#newest;
  }

  /** The checkpoint file a peer asked for by name, while it is still here. */
  find(checkpointId: number, throughSlot: Slot): CheckpointFile | undefined {
    return [this.#newest, this.#previous].find(
      (file) => file?.meta.checkpointId === checkpointId && file.meta.throughSlot === throughSlot,
    );
  }

  /**
   * Writes a checkpoint of the state that `chunks` gives, pulling them over several turns of the event loop.
   * It is durable and verified when this resolves.
   * @throws ERR_INDELIBLE_STORE_IO and whatever `chunks` throws; the store is then as before
   */
  write(meta: CheckpointMeta, chunks: Iterable<Uint8Array>): Promise<CheckpointFile> {
    return this.#inTurn(WRITING, async (path) => {
      const file = await this.#medium.open(path, 'create');
      try {
        await writeBody(file, meta, chunks);
        await file.sync(SITE);
      } finally {
        await file.close();
      }
      const written = await CheckpointFile.open(this.#medium, path);
      return this.#install(written);
    });
  }

  /**
   * Starts to receive a peer's checkpoint of `lengthBytes`; an unfinished earlier receipt is dropped.
   * @throws ERR_INDELIBLE_CHECKPOINT_INVALID if it is not newer than {@link newest}
   */
  async receive(checkpointId: number, throughSlot: Slot, lengthBytes: number): Promise<CheckpointReceiver> {
    const path = join(this.directory, RECEIVING);
    if (throughSlot <= this.newest.meta.throughSlot) {
      throw invalidCheckpoint(
        path,
        `a checkpoint through slot ${throughSlot} is not newer than this replica's`,
      );
    }
    const file = await this.#medium.open(path, 'create').catch((error: unknown) => {
      throw ioError(path, error);
    });
    return new CheckpointReceiver(file, checkpointId, throughSlot, lengthBytes, () =>
      this.#finishReceipt(checkpointId, throughSlot),
    );
  }

  /** Waits for a write under way, then closes the files. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#newest?.close();
    await this.#previous?.close();
    this.#newest = undefined;
    this.#previous = undefined;
  }

  /** Verifies the files found, newest first, and takes the first good one. Called once, at open. */
  async adoptNewest(): Promise<void> {
    for (const name of this.#names) {
      const path = join(this.directory, name);
      try {
        const file = await CheckpointFile.open(this.#medium, path);
        this.#checkCluster(file.meta, path);
        this.#newest = file;
        return;
      } catch (error) {
        if (error instanceof IndelibleError && error.code === ErrorCode.storeForeign) throw error;
        this.problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw noneIsWhole(this.directory, this.problems);
  }

  #finishReceipt(checkpointId: number, throughSlot: Slot): Promise<CheckpointFile> {
    return this.#inTurn(RECEIVING, async (path) => {
      const received = await CheckpointFile.open(this.#medium, path);
      try {
        const meta = received.meta;
        this.#checkCluster(meta, path);
        if (meta.checkpointId !== checkpointId || meta.throughSlot !== throughSlot) {
          throw invalidCheckpoint(path, 'it is another checkpoint than the one announced');
        }
        if (throughSlot <= this.newest.meta.throughSlot) {
          throw invalidCheckpoint(path, 'this replica has a newer one by now');
        }
      } catch (error) {
        await received.close();
        throw error;
      }
      return this.#install(received);
    });
  }

  /** Gives a synced and verified file its name, announces it, drops what is no longer kept. */
  async #install(file: CheckpointFile): Promise<CheckpointFile> {
    const name = nameOf(file.meta);
    const target = join(this.directory, name);
    try {
      await this.#medium.rename(file.path, target, SITE);
      await this.#medium.syncDirectory(this.directory, SITE);
    } catch (error) {
      await file.close();
      throw error;
    }
    file.path = target;
    await this.#previous?.close();
    this.#previous = this.#newest;
    this.#newest = file;
    const names = [name, ...this.#names.filter((other) => other !== name)];
    this.#names = names.slice(0, KEPT);
    for (const old of names.slice(KEPT)) {
      await this.#medium.remove(join(this.directory, old), 'checkpoint.remove');
    }
    return file;
  }

  #checkCluster(meta: CheckpointMeta, path: string): void {
    if (meta.clusterId === this.clusterId) return;
    throw new IndelibleError(ErrorCode.storeForeign, `${path} is of cluster ${meta.clusterId}`, { path });
  }

  /** Runs `task` after those before it, and removes what it leaves under `name` if it fails. */
  #inTurn(name: string, task: (path: string) => Promise<CheckpointFile>): Promise<CheckpointFile> {
    const path = join(this.directory, name);
    const result = this.#last.then(async () => {
      if (this.#closed) throw new IndelibleError(ErrorCode.storeClosed, 'the checkpoint store is closed');
      try {
        return await task(path);
      } catch (error) {
        await this.#medium.remove(path, 'checkpoint.remove').catch(() => {});
        throw ioError(path, error);
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }
}
