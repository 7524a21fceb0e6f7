/**
 * The root file: where the log begins and what is true of everything before that.
 *
 * 1. Two pages, each with one sector of content, so a power cut leaves a page old or new, never between.
 * 2. The valid page of the highest generation counts. A page is never overwritten while it is the only one
 *    that holds what counts: A is written durably before B, and a root counts as written when both hold it.
 * 3. So a page that rots later costs nothing, and space that a root gave up is reused only when no page
 *    remembers it any more (contract 24).
 */
import { join } from 'node:path';
import type { Ballot, Slot } from '../../types.js';
import { digestOf } from '../crc64.js';
import { type Done, type FileMedium, type MediumFile, PAGE_BYTES, systemCode } from './medium.js';
import { readPastBad } from './scan.js';
import { getU64, putU64, viewOf } from './words.js';
import type { WriteQueue } from './write-queue.js';

export const ROOT_NAME = 'root';
const MAGIC_LOW = 0x524c_4449;
const MAGIC_HIGH = 0x2054_4f4f;
const DIGEST_AT = 504;

export interface Root {
  readonly generation: number;
  /** The segment the log begins in, the number of its first group, and the digest that group links to. */
  readonly headSegment: number;
  readonly headGroup: number;
  readonly headLink: number;
  /** Every group below this number was durable when the root was written. */
  readonly nextGroup: number;
  /** Covers every group before the head, and promises that found no room in the log. */
  readonly promised: Ballot;
  readonly trimThrough: Slot;
  readonly checkpointId: number;
  readonly learnedThrough: Slot;
  readonly highestVoted: Slot;
  readonly clean: boolean;
}

function encode(page: Uint8Array, root: Root, incarnation: number): void {
  const view = viewOf(page);
  view.setUint32(0, MAGIC_LOW, true);
  view.setUint32(4, MAGIC_HIGH, true);
  putU64(view, 8, incarnation);
  putU64(view, 16, root.generation);
  putU64(view, 24, root.headSegment);
  putU64(view, 32, root.headGroup);
  putU64(view, 40, root.headLink);
  putU64(view, 48, root.promised);
  putU64(view, 56, root.trimThrough);
  putU64(view, 64, root.checkpointId);
  putU64(view, 72, root.learnedThrough);
  putU64(view, 80, root.highestVoted);
  putU64(view, 88, root.nextGroup);
  view.setUint32(96, root.clean ? 1 : 0, true);
  putU64(view, DIGEST_AT, digestOf(page, 0, DIGEST_AT));
}

function decode(page: Uint8Array, incarnation: number): Root | undefined {
  const view = viewOf(page);
  const valid =
    view.getUint32(0, true) === MAGIC_LOW &&
    view.getUint32(4, true) === MAGIC_HIGH &&
    getU64(view, DIGEST_AT) === digestOf(page, 0, DIGEST_AT) &&
    getU64(view, 8) === incarnation;
  if (!valid) return undefined;
  return {
    generation: getU64(view, 16),
    headSegment: getU64(view, 24),
    headGroup: getU64(view, 32),
    headLink: getU64(view, 40),
    promised: getU64(view, 48) as Ballot,
    trimThrough: getU64(view, 56),
    checkpointId: getU64(view, 64),
    learnedThrough: getU64(view, 72),
    highestVoted: getU64(view, 80),
    nextGroup: getU64(view, 88),
    clean: view.getUint32(96, true) === 1,
  };
}

export class RootFile {
  readonly #file: MediumFile;
  readonly #incarnation: number;
  readonly #page: Uint8Array;

  private constructor(medium: FileMedium, file: MediumFile, incarnation: number) {
    this.#file = file;
    this.#incarnation = incarnation;
    this.#page = medium.allocate(PAGE_BYTES);
  }

  /** Makes the file with `root` in both pages. Its directory entry is the caller's to sync. */
  static async create(medium: FileMedium, directory: string, root: Root, incarnation: number): Promise<void> {
    const file = await medium.open(join(directory, ROOT_NAME), 'create');
    const page = new Uint8Array(PAGE_BYTES);
    encode(page, root, incarnation);
    try {
      await file.write(page, 0, 'root');
      await file.write(page, PAGE_BYTES, 'root');
      await file.sync('root');
    } finally {
      await file.close();
    }
  }

  /** Undefined where there is no such file: as good as one with two bad pages. */
  static async open(
    medium: FileMedium,
    directory: string,
    incarnation: number,
  ): Promise<RootFile | undefined> {
    const file = await medium.open(join(directory, ROOT_NAME), 'write').catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
      return undefined;
    });
    return file && new RootFile(medium, file, incarnation);
  }

  /**
   * The root that counts; undefined when neither page is valid. After the death of a process it may be seen
   * and not be durable: whoever opens the store writes both pages anew before anything is answered.
   * @throws where the system is short of memory or descriptors: nothing is known of the pages then
   */
  async read(): Promise<Root | undefined> {
    let best: Root | undefined;
    for (const at of [0, PAGE_BYTES]) {
      const page = new Uint8Array(PAGE_BYTES);
      // A page that the device cannot read is a bad one: the other may hold.
      await readPastBad(this.#file, page, at);
      const root = decode(page, this.#incarnation);
      if (root && root.generation > (best?.generation ?? 0)) best = root;
    }
    return best;
  }

  /** Whether both pages hold generation `generation`. */
  async isWhole(generation: number): Promise<boolean> {
    for (const at of [0, PAGE_BYTES]) {
      const page = new Uint8Array(PAGE_BYTES);
      await readPastBad(this.#file, page, at);
      if (decode(page, this.#incarnation)?.generation !== generation) return false;
    }
    return true;
  }

  /** Writes `root` to both pages through `queue`, one after the other. One call at a time. */
  write(root: Root, queue: WriteQueue, done: Done): void {
    encode(this.#page, root, this.#incarnation);
    queue.write(this.#file, this.#page, 0, 'root', (error) => {
      if (error) done(error);
      else queue.write(this.#file, this.#page, PAGE_BYTES, 'root', done);
    });
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
