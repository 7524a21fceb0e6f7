/**
 * Judges what a crash could leave of a file store, by the production recovery.
 *
 * Of every image:
 *  1. what is found is legal (file-ledger.ts), or where the store was being formatted, nothing at all;
 *  2. it is durable once `openFile` has resolved: a power cut behind it and a second recovery find the same.
 * Of some, besides:
 *  3. a power cut at the syncs inside that recovery leaves an image as good;
 *  4. the store takes a group behind it, at whose syncs a power cut leaves what was found or that with the
 *     group, and which is there after one more recovery.
 * What cannot be opened for lack of an identity is formatted again.
 */
import { ErrorCode } from '../errors.js';
import { LOG_RECORDS_MIN } from '../limits.js';
import type { RecordingMedium } from '../storage/file/recording-medium.js';
import { type FileStorage, formatFile, openFile } from '../storage/file.js';
import { BETWEEN_OPERATIONS } from '../storage/pmem-recording.js';
import type { StoreShape } from '../storage/shape.js';
import { fewChoices } from './choices.js';
import { FileLedger } from './file-ledger.js';
import { type Group, stageGroup } from './log-contents.js';
import { LENGTHS } from './log-lengths.js';

export const DIRECTORY = '/d/store';

/** A first or second crash: the medium as it was at a sync about to take effect. */
export interface Cut {
  readonly site: string;
  readonly medium: RecordingMedium;
}

export interface FileJudgeOptions {
  readonly shape: StoreShape;
  readonly innerImages: number;
}

export class FileJudge {
  innerImages = 0;
  /** Images of which recovery read other bytes than of any before, by site. */
  readonly distinct: Map<string, number> = new Map();
  readonly #seen = new Set<string>();
  readonly #options: FileJudgeOptions;

  constructor(options: FileJudgeOptions) {
    this.#options = options;
  }

  /** @returns what was violated, or undefined. The image is used up. */
  async judge(
    image: RecordingMedium,
    ledger: FileLedger,
    site: string,
    deep: boolean,
    seed: number,
  ): Promise<string | undefined> {
    const cuts: Cut[] = [];
    if (deep) watch(image, cuts);
    const opened = await this.#open(image, site);
    image.onEvent = () => {};
    if (typeof opened === 'string') return opened;
    if (opened === undefined) return this.#formatAgain(image, ledger);
    const why = ledger.violation(opened);
    await opened.abandon();
    if (why !== undefined) return why;
    const found = new FileLedger();
    found.restart(opened);
    found.learned = ledger.learned;
    return (
      (await this.#inside(cuts, ledger, 'inside recovery', seed)) ??
      (await this.#goOn(image.cut(image.units().map(() => 0)), found, deep, seed))
    );
  }

  /** The store, or why there is none: undefined where none was formatted yet. */
  async #open(image: RecordingMedium, site: string): Promise<FileStorage | string | undefined> {
    image.reads = [];
    try {
      return await openFile(DIRECTORY, image);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== ErrorCode.storeMissing) return `recovery fails: ${message}`;
      return undefined;
    } finally {
      const key = image.reads.join();
      image.reads = undefined;
      if (!this.#seen.has(key)) this.distinct.set(site, (this.distinct.get(site) ?? 0) + 1);
      this.#seen.add(key);
    }
  }

  async #formatAgain(image: RecordingMedium, ledger: FileLedger): Promise<string | undefined> {
    if (ledger.formatted) return 'the store is gone';
    // Other segments than before: what is left of the first formatting is no part of the second.
    const { shape } = this.#options;
    try {
      const recordBytesMax = 2 * shape.recordBytesMax;
      const logBytes = Math.max(shape.logBytes, LOG_RECORDS_MIN * recordBytesMax);
      await formatFile(DIRECTORY, { ...shape, logBytes, recordBytesMax }, image);
    } catch (error) {
      return `formatting again fails: ${(error as Error).message}`;
    }
    return this.#finds(image.cut(image.units().map(() => 0)), new FileLedger(), 'after a second formatting');
  }

  /** Second-level crashes: each leaves what `ledger` allows. */
  async #inside(cuts: readonly Cut[], ledger: FileLedger, where: string, seed: number) {
    for (const [index, { site, medium }] of cuts.entries()) {
      for (const pick of fewChoices(medium.units(), this.#options.innerImages, seed + index)) {
        this.innerImages++;
        const why = await this.#finds(medium.cut(pick), ledger, `a crash at ${site} ${where}`);
        if (why !== undefined) return why;
      }
    }
    return undefined;
  }

  async #finds(image: RecordingMedium, ledger: FileLedger, where: string): Promise<string | undefined> {
    const site = /^a crash at (\S+) /.exec(where)?.[1] ?? BETWEEN_OPERATIONS;
    const opened = await this.#open(image, site);
    if (typeof opened === 'string') return `${where}: ${opened}`;
    if (opened === undefined) return ledger.formatted ? `${where}: the store is gone` : undefined;
    const why = ledger.violation(opened);
    await opened.abandon();
    return why === undefined ? undefined : `${where}: ${why}`;
  }

  async #goOn(image: RecordingMedium, found: FileLedger, deep: boolean, seed: number) {
    if (!deep) return this.#finds(image, found, 'at the second recovery');
    const storage = await this.#open(image, BETWEEN_OPERATIONS);
    if (storage === undefined || typeof storage === 'string') return storage ?? 'the store is gone';
    const changed = found.violation(storage);
    const cuts: Cut[] = [];
    watch(image, cuts);
    if (changed === undefined) await this.#append(storage, found, seed);
    image.onEvent = () => {};
    await storage.abandon();
    if (changed !== undefined) return `at the second recovery: ${changed}`;
    const before = found.copy();
    before.answered = 0;
    return (
      (await this.#inside(cuts, before, 'writing behind a recovery', seed)) ??
      (await this.#finds(image.cut(image.units().map(() => 0)), found, 'after writing behind a recovery'))
    );
  }

  /** Writes a group behind a recovery, and counts it as answered when it is durable. */
  async #append(storage: FileStorage, ledger: FileLedger, seed: number): Promise<void> {
    const { promised, highestVoted, trimThrough } = storage.recovered;
    const ballot = promised + 1;
    const slot = Math.max(highestVoted, trimThrough) + 1;
    const vote = { slot, ballot, lengthBytes: LENGTHS[seed % LENGTHS.length]! };
    const group: Group = { promise: 0, votes: seed % 5 === 0 ? [] : [vote] };
    storage.stagePromise(ballot as Parameters<FileStorage['stagePromise']>[0]);
    ledger.items.push({ promise: ballot });
    if (stageGroup(storage, group)) ledger.items.push(...group.votes);
    storage.commit(0);
    while (storage.durableThrough < ledger.items.length) await turn();
    ledger.answered = ledger.items.length;
  }
}

/** Keeps the medium as it is at every sync from now on. */
export function watch(medium: RecordingMedium, cuts: Cut[]): void {
  medium.onEvent = ({ what, site }) => {
    if (what === 'sync' || what === 'syncDirectory') cuts.push({ site, medium: medium.killed() });
  };
}

/** One turn of the event loop, in which a durable write may end. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
