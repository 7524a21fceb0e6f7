/**
 * Writing a back-up file.
 *
 * 1. It is written aside, each part checked before it is written; then synced, read back from the device and
 *    verified whole, and only then given its name, with its directory synced.
 * 2. So under its name there is a whole back-up or nothing, whatever was interrupted and whenever.
 * 3. What is there already is never written over.
 */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { ErrorCode, IndelibleError } from '../errors.js';
import { preferNativeDigest } from '../storage/crc64-native.js';
import { type FileMedium, type MediumFile, systemCode } from '../storage/file/medium.js';
import { RealMedium } from '../storage/file/real-medium.js';
import { BackupContent } from './backup-content.js';
import { BackupFile } from './backup-file.js';
import {
  type BackupDescription,
  digestAtEnd,
  encodeFooter,
  encodeHeader,
  encodePart,
  newChain,
  type PartKind,
} from './backup-format.js';

/** Synced so often that little waits for the last sync, and that the disk's own pace is felt early. */
const SYNC_BYTES: number = 16 << 20;

/** @throws ERR_INDELIBLE_STORE_EXISTS where anything has the name `path` */
export async function mustBeFree(path: string, medium: FileMedium): Promise<void> {
  try {
    await (await medium.open(path, 'read')).close();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    if (systemCode(error) !== 'EISDIR') throw ioError(path, error);
  }
  throw new IndelibleError(ErrorCode.storeExists, `${path} is there already; nothing was written`, { path });
}

export class BackupWriter {
  readonly path: string;
  readonly #aside: string;
  readonly #file: MediumFile;
  readonly #medium: FileMedium;
  readonly #content: BackupContent;
  readonly #chain: ReturnType<typeof newChain>;
  #at: number;
  #syncAt = SYNC_BYTES;
  #parts = 0;

  private constructor(
    path: string,
    file: MediumFile,
    medium: FileMedium,
    description: BackupDescription,
    header: Uint8Array,
  ) {
    this.path = path;
    this.#aside = file.path;
    this.#file = file;
    this.#medium = medium;
    this.#content = new BackupContent(description, file.path);
    this.#chain = newChain(digestAtEnd(header));
    this.#at = header.length;
  }

  /** @throws ERR_INDELIBLE_STORE_EXISTS where `path` is there already, ERR_INDELIBLE_STORE_IO */
  static async create(
    path: string,
    description: BackupDescription,
    medium: FileMedium = new RealMedium(),
  ): Promise<BackupWriter> {
    preferNativeDigest();
    await mustBeFree(path, medium);
    const aside = `${path}.writing-${randomBytes(4).toString('hex')}`;
    const header = encodeHeader(description);
    const file = await medium.open(aside, 'create').catch((error: unknown) => {
      throw ioError(path, error);
    });
    const writer = new BackupWriter(path, file, medium, description, header);
    await writer.#guarded(() => file.write(header, 0, 'backup'));
    return writer;
  }

  /** The log is whole through this slot. */
  get slot(): number {
    return this.#content.slot;
  }

  /** Bytes of the checkpoint so far. */
  get checkpointBytes(): number {
    return this.#content.checkpointBytes;
  }

  /** Bytes written so far. */
  get lengthBytes(): number {
    return this.#at;
  }

  /**
   * Appends the next part.
   * @throws ERR_INDELIBLE_BACKUP_INVALID, _CHECKPOINT_INVALID for what cannot be a part of it, _STORE_IO;
   * nothing is left then
   */
  async add(kind: PartKind, bytes: Uint8Array): Promise<void> {
    await this.#guarded(async () => {
      this.#content.take(kind, bytes);
      const part = encodePart(kind, this.#parts, bytes);
      this.#chain.add(digestAtEnd(part));
      this.#parts++;
      await this.#file.write(part, this.#at, 'backup');
      this.#at += part.length;
      if (this.#at < this.#syncAt) return;
      await this.#file.sync('backup');
      this.#syncAt = this.#at + SYNC_BYTES;
    });
  }

  /**
   * Closes it, verifies it and gives it its name. It is durable when this resolves.
   * @throws as `add`; nothing is left then
   */
  async finish(): Promise<void> {
    await this.#guarded(async () => {
      this.#content.end();
      const footer = encodeFooter(this.#parts, this.#at, this.#chain.value);
      await this.#file.write(footer, this.#at, 'backup');
      await this.#file.sync('backup');
      await this.#file.close();
      await (await BackupFile.open(this.#aside, this.#medium)).close();
      await mustBeFree(this.path, this.#medium);
      await this.#medium.rename(this.#aside, this.path, 'backup');
      await this.#medium.syncDirectory(dirname(this.path), 'backup');
    });
  }

  /** Leaves nothing. Idempotent. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {});
    await this.#medium.remove(this.#aside, 'backup').catch(() => {});
  }

  async #guarded(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      await this.abandon();
      throw ioError(this.path, error);
    }
  }
}

/** Copies what `parts` gives into a new back-up. @throws as {@link BackupWriter}, and what `parts` throws */
export async function writeBackup(
  path: string,
  description: BackupDescription,
  parts: AsyncIterable<readonly [PartKind, Uint8Array]> | Iterable<readonly [PartKind, Uint8Array]>,
  medium?: FileMedium,
): Promise<number> {
  const writer = await BackupWriter.create(path, description, medium);
  try {
    for await (const [kind, bytes] of parts) await writer.add(kind, bytes);
    await writer.finish();
    return writer.lengthBytes;
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** A system error as ERR_INDELIBLE_STORE_IO; any other error as it is. */
export function ioError(path: string, cause: unknown): unknown {
  if (cause instanceof IndelibleError || !(cause instanceof Error) || systemCode(cause) === undefined)
    return cause;
  return new IndelibleError(ErrorCode.storeIo, `${path}: ${cause.message}`, { cause, path });
}
