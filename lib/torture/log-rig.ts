/**
 * One log under torture: the production log over the recording medium, the expectation kept beside it, and an
 * explorer that judges every moment of it. Workloads (log-*-workload.ts) say what is done with it.
 *
 * 1. During an operation nothing of it has been answered; behind it, what the store calls durable has.
 * 2. After the first violation nothing more is done.
 * 3. Exploring changes nothing: with or without it a seed does the same to the log.
 */
import {
  BETWEEN_OPERATIONS,
  CrashExplorer,
  type CrashPoint,
  type FormatImageOptions,
  formatImage,
  type OpenRecordingOptions,
  openRecording,
  type Recording,
} from '../storage/pmem-recording.js';
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import { type HistoryOptions, type HistoryResult, SiteCounts, type Violation } from './history.js';
import { Expectation, type Group, stageGroup } from './log-contents.js';
import { attempt, contentsOf, hintTooHigh, judgePoint, type Verdict } from './log-judge.js';

export const RECORD_BYTES_MAX: number = 4 << 10;
const RECORD_OVERHEAD_BYTES = 192;
const ITEM_BYTES = 40;
/** More moments than a history has: exploring seeds of different histories never meet. */
const MOMENTS_MAX = 2 ** 20;
/** An image or fence number that none has. */
const NEVER: number = 2 ** 40;
const IDENTITY = { clusterId: '0'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) } as const;

function itemsOf({ promise, votes }: Group): number {
  return votes.length + (promise === 0 ? 0 : 1);
}

/** Bytes of the record that a group makes. */
export function recordBytesOf(group: Group): number {
  const payloads = group.votes.reduce((sum, { lengthBytes }) => sum + Math.ceil(lengthBytes / 8) * 8, 0);
  return Math.ceil((RECORD_OVERHEAD_BYTES + itemsOf(group) * ITEM_BYTES + payloads) / 64) * 64;
}

/**
 * The group as it becomes durable: in as few records as hold it, one behind the other, each whole or not at
 * all. Between two of them a crash leaves the first ones: a promise without the vote it came with, say.
 */
export function recordsOf(group: Group): Group[] {
  const records: Group[] = [{ promise: group.promise, votes: [] }];
  for (const vote of group.votes) {
    const { promise, votes } = records.at(-1)!;
    const longer = { promise, votes: [...votes, vote] };
    if (recordBytesOf(longer) <= RECORD_BYTES_MAX) records[records.length - 1] = longer;
    else records.push({ promise: 0, votes: [vote] });
  }
  return records;
}

export class LogRig {
  storage!: Storage;
  recording!: Recording;
  expectation: Expectation = new Expectation();
  violation: Violation | undefined;
  /** The medium forgets at power loss; set before `begin`. */
  forgets = false;
  /** The highest slot learned that the log was told of. */
  learned: Slot = 0;
  readonly #options: HistoryOptions;
  readonly #workload: string;
  readonly #explorer = new CrashExplorer();
  readonly #sites = new SiteCounts();
  #operations = 0;
  #moments = 0;
  #kills = 0;
  #x86Images = 0;
  #exhaustive = 0;
  #exploring = true;
  #items = 0;
  #closing = false;
  /** The last item of each record in `expectation.written`. */
  #lastItems: number[] = [];

  constructor(workload: string, options: HistoryOptions) {
    this.#workload = workload;
    this.#options = options;
  }

  formatOptions(logBytes: number, incarnation: number = this.#options.seed + 1): FormatImageOptions {
    return { identity: IDENTITY, logBytes, recordBytesMax: RECORD_BYTES_MAX, incarnation };
  }

  begin(logBytes: number, pipeline: 'two-fence' | 'fused'): void {
    const image = formatImage(this.formatOptions(logBytes));
    this.step('open', () => this.open(image, pipeline));
  }

  result(): HistoryResult {
    for (const [site, count] of Object.entries(this.#explorer.distinct())) {
      if (count > 0) this.#sites.at(site).distinct = count;
    }
    this.recording?.release();
    return {
      seed: this.#options.seed,
      workload: this.#workload,
      violation: this.violation,
      operations: this.#operations,
      sites: this.#sites.bySite,
      kills: this.#kills,
      x86Images: this.#x86Images,
      exhaustive: this.#exhaustive,
    };
  }

  /** Does what `action` does without looking: to get to where it becomes interesting. */
  quietly(action: () => void): void {
    this.#exploring = false;
    action();
    this.#exploring = true;
  }

  /** Does something with the log, then judges every fence it passed and the moment behind it. */
  step(name: string, action: () => void): void {
    if (this.violation !== undefined) return;
    this.#operations++;
    this.#beginExploring();
    const failed = attempt(action);
    if (typeof failed === 'string') return this.blame(name, failed);
    this.recording.exploreAtFences();
    // Until the operation returned nothing of it was answered.
    const during = this.expectation.copy();
    for (const point of this.recording.takeExplored()) this.#judge(name, point, this.#legal(during));
    this.#answer();
    this.recording.takeTrace();
    const { powerBreach, untracedStore } = this.recording;
    // Where a fence makes nothing durable, PoWER's rule is about nothing.
    if (powerBreach !== '' && !this.forgets) this.blame(name, powerBreach);
    if (untracedStore) this.blame(name, 'a store went past the medium');
    if (this.#exploring && this.violation === undefined) this.#boundary(name);
  }

  /** A violation that no single image shows. */
  blame(operation: string, what: string): void {
    this.violation ??= {
      moment: this.#moments,
      image: undefined,
      site: BETWEEN_OPERATIONS,
      operation,
      what,
      trail: '',
      x86: undefined,
    };
  }

  /** Recovers the log, whose contents then count as answered. */
  open(image: OpenRecordingOptions['image'], pipeline: 'two-fence' | 'fused'): void {
    const medium = this.forgets ? ({ volatile: 'forgets' } as const) : {};
    const { storage, recording } = openRecording({ image, pipeline, watch: true, ...medium });
    this.recording?.release();
    this.storage = storage;
    this.recording = recording;
    const why = this.expectation.violation(storage);
    if (why !== undefined) throw new Error(why);
    const { trimThrough } = storage.recovered;
    this.#closing = false;
    this.expectation.answered = contentsOf(storage);
    this.expectation.written = [];
    this.expectation.trim = trimThrough;
    this.expectation.trimWritten = trimThrough;
    this.#lastItems = [];
    this.#items = 0;
  }

  /** Writes a group; one of several records only where there is room for all. False: there was no room. */
  append(group: Group, learnedThrough: Slot): boolean {
    const records = recordsOf(group);
    const before = this.expectation.written.length;
    this.expectation.written.push(...records);
    if (itemsOf(group) === 0 || !stageGroup(this.storage, group)) {
      this.expectation.written.length = before;
      return false;
    }
    for (const record of records) {
      this.#items += itemsOf(record);
      this.#lastItems.push(this.#items);
    }
    this.learned = Math.max(this.learned, learnedThrough);
    this.storage.commit(learnedThrough);
    return true;
  }

  trim(through: Slot): void {
    if (through <= this.expectation.trim) return;
    this.expectation.trimWritten = through;
    this.storage.trim(through, through);
  }

  /** Closes in order. Closing is asynchronous by contract only: whether it worked shows in what is found. */
  close(): void {
    this.step('close', () => {
      this.#closing = true;
      void this.storage.close();
    });
  }

  /** Ends an append at its first fence, so that kill -9 leaves bytes that are visible and not durable. */
  dieMidway(group: Group): void {
    if (this.violation !== undefined) return;
    if (this.storage.capacityBytes - this.storage.usedBytes < RECORD_BYTES_MAX) return;
    this.expectation.written.push(group);
    this.recording.failNextFence();
    const write = (): boolean => {
      const staged = stageGroup(this.storage, group);
      this.storage.commit(0);
      return staged;
    };
    if (attempt(write) === true) return this.blame('append', 'a failed fence is not told of');
    if (attempt(write) === true) this.blame('append', 'the log takes more after a failed fence');
  }

  /** Formats over `image` in place; every crash leaves the old contents, no region, or a whole empty one. */
  format(image: Uint8Array, logBytes: number, incarnation: number, old: Expectation | undefined): void {
    if (this.violation !== undefined) return;
    this.#operations++;
    const format = this.formatOptions(logBytes, incarnation);
    const empty = new Expectation();
    const legal: Verdict = (storage) => {
      if (storage === 'foreign') return undefined;
      const why = empty.violation(storage);
      return why === undefined || old === undefined ? why : old.violation(storage);
    };
    for (const point of this.#explorer.format(image, format, this.#native())) {
      this.#judge('format', point, legal);
    }
  }

  #legal(expectation: Expectation): Verdict {
    return (storage) => {
      if (storage === 'foreign') return 'the region is gone';
      if (this.forgets && storage.recovered.outcome === 'lost') return undefined;
      if (this.forgets && !this.#closing) return 'what a power cut may have taken is believed';
      return expectation.violation(storage) ?? hintTooHigh(storage, this.learned);
    };
  }

  #native(): Parameters<CrashExplorer['format']>[2] {
    const { seed, thoroughness, only } = this.#options;
    const image = only?.image;
    return {
      ...thoroughness,
      forgets: this.forgets,
      seed: (seed % 2 ** 30) * MOMENTS_MAX + this.#moments,
      ...(image === undefined ? {} : { onlyImage: image }),
    };
  }

  #looksAt(moment: number): boolean {
    const { only } = this.#options;
    return only === undefined || only.moment === moment;
  }

  #beginExploring(): void {
    // The first step opens the log; there is nothing to explore before.
    if (!this.#exploring || this.recording === undefined) return;
    const { only } = this.#options;
    if (only === undefined) return this.recording.exploreAtFences(this.#explorer, this.#native());
    const fence = only.moment < this.#moments ? NEVER : only.moment - this.#moments;
    this.recording.exploreAtFences(this.#explorer, this.#native(), fence);
  }

  #boundary(name: string): void {
    if (this.#looksAt(this.#moments)) {
      const point = this.recording.explore(this.#explorer, this.#native());
      this.#judge(name, point, this.#legal(this.expectation));
    } else {
      this.#moments++;
    }
  }

  #judge(operation: string, point: CrashPoint, verdict: Verdict): void {
    const { site, images, kills, innerImages } = point;
    const moment = this.#moments++;
    const count = this.#sites.at(site);
    count.moments++;
    count.images += images + kills;
    count.innerImages += innerImages;
    this.#kills += kills;
    this.#x86Images += point.x86Images;
    this.#exhaustive += point.exhaustive ? 1 : 0;
    if (this.violation !== undefined) return;
    const finding = judgePoint(point, verdict, this.forgets ? { volatile: 'came back' } : {});
    if (finding !== undefined) this.violation = { ...finding, moment, site, operation };
  }

  /** What the store calls durable is answered now; a trim that returned is done. */
  #answer(): void {
    const expectation = this.expectation;
    while (this.#lastItems.length > 0 && this.#lastItems[0]! <= this.storage.durableThrough) {
      this.#lastItems.shift();
      expectation.answered.apply(expectation.written.shift()!);
    }
    expectation.trim = expectation.trimWritten;
    expectation.answered.forget(expectation.trim);
  }
}
