/**
 * One whole, verified back-up, open for reading.
 *
 * 1. A {@link BackupFile} exists only after every byte of its file was read back from the device and checked,
 *    with what the parts must be of each other (backup-content.ts).
 * 2. What is read afterwards is checked again.
 */
import type { CheckpointMeta } from '../storage/checkpoint-format.js';
import { Forward } from '../storage/checkpoint-scan.js';
import { CheckpointStream } from '../storage/checkpoint-stream.js';
import { preferNativeDigest } from '../storage/crc64-native.js';
import type { FileMedium, MediumFile } from '../storage/file/medium.js';
import { RealMedium } from '../storage/file/real-medium.js';
import type { Batch, Slot } from '../types.js';
import { BackupContent, decodeLogPart, type LoggedBatch } from './backup-content.js';
import {
  type BackupDescription,
  checkFooter,
  decodeHeader,
  decodePart,
  FOOTER_BYTES,
  headerLength,
  invalidBackup,
  newChain,
  PART_BYTES_MAX,
  PART_FRAME_BYTES,
  PART_HEAD_BYTES,
  PartKind,
  partHead,
} from './backup-format.js';
import type { History } from './history.js';

/** Where a part lies. */
interface Place {
  readonly number: number;
  readonly at: number;
  readonly lengthBytes: number;
  /** Of a part of the log: its first slot. */
  readonly from: Slot;
}

interface Found {
  readonly description: BackupDescription;
  readonly meta: CheckpointMeta;
  readonly log: readonly Place[];
  readonly checkpoint: readonly Place[];
  readonly lengthBytes: number;
}

export class BackupFile implements History {
  readonly path: string;
  readonly description: BackupDescription;
  readonly meta: CheckpointMeta;
  readonly lengthBytes: number;
  readonly #file: MediumFile;
  readonly #found: Found;
  /** The part of the log that was read last. */
  #part: Place | undefined;
  #batches: readonly LoggedBatch[] = [];

  private constructor(file: MediumFile, found: Found) {
    this.path = file.path;
    this.#file = file;
    this.#found = found;
    this.description = found.description;
    this.meta = found.meta;
    this.lengthBytes = found.lengthBytes;
  }

  /**
   * Opens and verifies.
   * @throws ERR_INDELIBLE_BACKUP_INVALID, _CHECKPOINT_INVALID, _STORE_VERSION, system errors
   */
  static async open(path: string, medium: FileMedium = new RealMedium()): Promise<BackupFile> {
    preferNativeDigest();
    const file = await medium.open(path, 'read');
    try {
      return new BackupFile(file, await scan(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get throughSlot(): Slot {
    return this.description.throughSlot;
  }

  *chunks(): Generator<Uint8Array, void, void> {
    const stream = new CheckpointStream(this.path);
    for (const place of this.#found.checkpoint) yield* stream.take(this.#read(place));
    stream.end();
  }

  batch(slot: Slot): Batch {
    let batch = this.#batchOf(slot);
    if (batch === undefined) {
      this.#part = this.#found.log.findLast(({ from }) => from <= slot);
      this.#batches = this.#part === undefined ? [] : decodeLogPart(this.#read(this.#part), this.path);
      batch = this.#batchOf(slot);
    }
    if (batch !== undefined) return batch;
    throw invalidBackup(this.path, `it does not have slot ${slot}`);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #batchOf(slot: Slot): Batch | undefined {
    return this.#part === undefined ? undefined : this.#batches[slot - this.#part.from];
  }

  #read({ number, at, lengthBytes }: Place): Uint8Array {
    const part = new Uint8Array(lengthBytes + PART_FRAME_BYTES);
    if (this.#file.readSync(part, at) < part.length)
      throw invalidBackup(this.path, `it ends within part ${number}`);
    return decodePart(part, number, this.path).bytes;
  }
}

/** Reads it all, front to back, and checks it. */
async function scan(file: MediumFile): Promise<Found> {
  const { path } = file;
  const end = await file.length();
  // One window holds the largest part; more than the file has is not needed.
  const forward = new Forward(file, Math.min(Math.max(end, 1), PART_BYTES_MAX + PART_FRAME_BYTES));
  const headerBytes = headerLength(await forward.take(0, 16, end), path);
  const { description, digest } = decodeHeader(await forward.take(0, headerBytes, end), path);
  const content = new BackupContent(description, path);
  const chain = newChain(digest);
  const log: Place[] = [];
  const checkpoint: Place[] = [];
  let at = headerBytes;
  for (let number = 0; ; number++) {
    const head = partHead(await forward.take(at, PART_HEAD_BYTES, end), number, path);
    const whole = head.footer ? FOOTER_BYTES : head.lengthBytes + PART_FRAME_BYTES;
    const bytes = await forward.take(at, whole, end);
    if (bytes.length < whole) throw invalidBackup(path, `it ends within part ${number}`);
    if (head.footer) {
      checkFooter(bytes, at, chain.value, path);
      if (at + whole !== end) throw invalidBackup(path, 'something stands behind the footer');
      return { description, meta: content.end(), log, checkpoint, lengthBytes: end };
    }
    const part = decodePart(bytes, number, path);
    const from = content.slot + 1;
    content.take(part.kind, part.bytes);
    chain.add(part.digest);
    const places = part.kind === PartKind.log ? log : checkpoint;
    places.push({ number, at, lengthBytes: head.lengthBytes, from });
    at += whole;
  }
}
