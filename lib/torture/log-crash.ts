/**
 * Random histories of the production log over the recording medium, judged at every fence and every
 * operation boundary. One seed is one history; the same seed gives the same images and the same verdict.
 *
 * 1. Groups of votes, promises, trims, drains; restarts after an orderly close, a power cut and kill -9, in
 *    any order; fused and not; the log laps its area many times over.
 * 2. At every fence and after every operation: crash images, opened by the production recovery
 *    (log-judge.ts). After an operation also what kill -9 leaves, and a power cut after that.
 * 3. Now and then the medium fails instead (log-damage.ts).
 */
import { Random } from '../simulation/random.js';
import {
  formatImage,
  type OpenRecordingOptions,
  openRecording,
  type Recording,
} from '../storage/pmem-recording.js';
import type { Storage } from '../storage/storage.js';
import { Expectation, type Group, stageGroup, type TortureVote } from './log-contents.js';
import { checkDamage, checkMixture, type Moment } from './log-damage.js';
import { attempt, contentsOf, Judge, LENGTHS } from './log-judge.js';

export interface LogCrashOptions {
  readonly seed: number;
  readonly operations: number;
  readonly imagesPerFence: number;
}

export interface LogCrashResult {
  /** What was violated, with the operation at which; undefined if nothing was. */
  readonly violation: string | undefined;
  readonly operations: number;
  readonly groups: number;
  readonly restarts: number;
  readonly trims: number;
  readonly laps: number;
  readonly images: number;
  readonly damages: number;
  /** Fences at which images were taken, by site. */
  readonly fences: Readonly<Record<string, number>>;
}

const LOG_BYTES = 64 << 10;
const RECORD_BYTES_MAX = 4 << 10;
/** About one lap and a half of the groups that `#advance` writes. */
const ADVANCE_GROUPS_MAX = 56;
const MOMENTS_MAX = 12;
const OPERATIONS_BETWEEN_DAMAGES = 5;

/** Runs one history. Needs the addon. */
export function checkLogCrashes(options: LogCrashOptions): LogCrashResult {
  return new History(options).run();
}

class History {
  readonly #options: LogCrashOptions;
  readonly #random: Random;
  readonly #judge: Judge;
  #storage!: Storage;
  #recording!: Recording;
  #fused = false;
  /**
   * One history in three rarely trims and votes for the same slots again: live votes must be copied forward.
   */
  readonly #crowded: boolean;
  readonly #trimShare: number;
  readonly #freshShare: number;
  #expectation = new Expectation();
  #moments: Moment[] = [];
  #slot = 0;
  #items = 0;
  /** Of the groups written to get to where a history begins. */
  #ballot = 0;
  /** The last item of each group in `#expectation.written`. */
  #lastItems: number[] = [];
  #violation: string | undefined;
  #groups = 0;
  #restarts = 0;
  #trims = 0;
  #laps = 0;
  #damages = 0;
  readonly #fences: Record<string, number> = {};

  constructor(options: LogCrashOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#judge = new Judge(options.imagesPerFence);
    this.#crowded = options.seed % 3 === 0;
    this.#trimShare = this.#crowded ? 1 : 12;
    this.#freshShare = this.#crowded ? 0.15 : 0.8;
  }

  run(): LogCrashResult {
    const identity = { clusterId: '0'.repeat(32), replicaId: 1, storeUuid: '1'.repeat(32) };
    const incarnation = this.#options.seed + 1;
    const image = formatImage({
      identity,
      logBytes: LOG_BYTES,
      recordBytesMax: RECORD_BYTES_MAX,
      incarnation,
    });
    this.#step('open', () => this.#open(image));
    this.#advance();
    let operations = 0;
    for (; operations < this.#options.operations && this.#violation === undefined; operations++) {
      this.#operation();
      if (operations % OPERATIONS_BETWEEN_DAMAGES === 0) this.#damage();
      if (this.#violation !== undefined) this.#violation = `operation ${operations}: ${this.#violation}`;
    }
    return {
      violation: this.#violation,
      operations,
      groups: this.#groups,
      restarts: this.#restarts,
      trims: this.#trims,
      laps: this.#laps + this.#storage.counters.laps,
      images: this.#judge.images,
      damages: this.#damages,
      fences: this.#fences,
    };
  }

  /** Moves on unjudged, so that histories begin anywhere in the area, and many just before its end. */
  #advance(): void {
    this.#recording.sampleAtFences(0, 0);
    for (let left = this.#random.below(ADVANCE_GROUPS_MAX); left > 0; left--) {
      this.#write(++this.#slot);
      if (left % 10 === 0 || left === 1) this.#storage.trim(this.#slot, this.#slot);
    }
    this.#expectation.trim = this.#slot;
    this.#expectation.trimWritten = this.#slot;
    this.#expectation.answered.forget(this.#slot);
    if (this.#crowded) this.#crowd();
    this.#recording.sampleAtFences(this.#options.imagesPerFence, this.#seed());
  }

  /** Fills the log: a few votes that stay, and behind them the same slots voted for again and again. */
  #crowd(): void {
    const first = this.#slot + 1;
    this.#slot += 6;
    for (let turn = 0; this.#storage.usedBytes < this.#storage.capacityBytes - 2 * RECORD_BYTES_MAX; turn++) {
      this.#write(...(turn < 3 ? [first + turn, first + 3] : [first + 3 + (turn % 3)]));
    }
  }

  #write(...slots: number[]): void {
    this.#ballot++;
    const votes = slots.map((slot) => ({ slot, ballot: this.#ballot, lengthBytes: 1500 / slots.length }));
    const group = { promise: 0, votes };
    stageGroup(this.#storage, group);
    this.#storage.commit(0);
    this.#expectation.answered.apply(group);
    this.#items += slots.length;
  }

  #operation(): void {
    const what = this.#random.below(100);
    if (what < 84 - this.#trimShare) this.#step('append', () => this.#append());
    else if (what < 84) this.#step('trim', () => this.#trim());
    else if (what < 88) this.#step('drain', () => this.#storage.drain());
    else this.#restart(what % 4);
  }

  /** Does something with the log, then judges every fence it passed and the boundary behind it. */
  #step(name: string, action: () => void): void {
    if (this.#violation !== undefined) return;
    const failed = attempt(() => action());
    if (typeof failed === 'string') {
      this.#violation = `${name}: ${failed}`;
      return;
    }
    // Until the operation returned nothing of it was answered.
    const during = this.#expectation.copy();
    for (const { site, image } of this.#recording.takeSamples()) {
      this.#fences[site] = (this.#fences[site] ?? 0) + 1;
      this.#violation ??= prefixed(
        `${name}, crash at ${site}`,
        this.#judge.crash(image, during, this.#seed()),
      );
    }
    this.#answer();
    this.#boundary(name);
  }

  #boundary(name: string): void {
    const images = this.#recording.outstanding === 0 ? 1 : this.#options.imagesPerFence;
    for (let index = 0; index < images && this.#violation === undefined; index++) {
      const image = this.#recording.crashImage(this.#seed());
      this.#violation = prefixed(
        `crash after ${name}`,
        this.#judge.crash(image, this.#expectation, this.#seed()),
      );
    }
    if (this.#violation !== undefined || this.#recording.outstanding === 0) return;
    const killed = this.#recording.killImage();
    this.#violation = prefixed(
      `kill -9 after ${name}`,
      this.#judge.crash(killed.seen, this.#expectation, this.#seed()),
    );
  }

  #append(): void {
    const group = this.#group();
    const free = this.#storage.capacityBytes - this.#storage.usedBytes;
    // Half a group would be another group: ask for one vote only where a whole group may not fit.
    const fitting = free < RECORD_BYTES_MAX ? { promise: 0, votes: group.votes.slice(0, 1) } : group;
    const items = fitting.votes.length + (fitting.promise === 0 ? 0 : 1);
    this.#expectation.written.push(fitting);
    if (items === 0 || !stageGroup(this.#storage, fitting)) {
      this.#expectation.written.pop();
      this.#trim();
      return;
    }
    this.#items += items;
    this.#lastItems.push(this.#items);
    this.#groups++;
    this.#storage.commit(Math.max(0, this.#slot - 2));
  }

  #group(): Group {
    const random = this.#random;
    const promised = this.#expectation.all().promised;
    const promise = random.below(4) === 0 ? promised + 1 + random.below(2) : 0;
    const ballot = Math.max(promise, promised + random.below(2), 1);
    const count = promise !== 0 && random.below(2) === 0 ? 0 : 1 + random.below(4);
    const votes: TortureVote[] = [];
    let bytes = 0;
    for (let index = 0; index < count; index++) {
      const lengthBytes = LENGTHS[random.below(LENGTHS.length)]!;
      bytes += lengthBytes;
      if (bytes > 3000) break;
      if (random.chance(this.#freshShare) || this.#slot === this.#expectation.trim) this.#slot++;
      const back = random.below(Math.min(this.#slot - this.#expectation.trim, 3));
      votes.push({ slot: this.#slot - back, ballot, lengthBytes });
    }
    return { promise: votes.length === 0 ? Math.max(promise, ballot) : promise, votes };
  }

  #trim(): void {
    const { trim } = this.#expectation;
    const through = this.#slot - this.#random.below(Math.min(this.#slot - trim, 12) + 1);
    if (through <= trim) return;
    this.#expectation.trimWritten = through;
    this.#trims++;
    this.#storage.trim(through, through);
  }

  /** What the store calls durable is answered now; a trim that returned is done. */
  #answer(): void {
    const expectation = this.#expectation;
    while (this.#lastItems.length > 0 && this.#lastItems[0]! <= this.#storage.durableThrough) {
      this.#lastItems.shift();
      expectation.answered.apply(expectation.written.shift()!);
    }
    expectation.trim = expectation.trimWritten;
    expectation.answered.forget(expectation.trim);
  }

  #restart(kind: number): void {
    this.#restarts++;
    // Closing is asynchronous by contract only; whether it worked shows in what the next open finds.
    if (kind === 0) this.#step('close', () => void this.#storage.close());
    if (kind === 1) this.#dieMidway();
    const image = kind === 1 ? this.#recording.killImage() : this.#recording.crashImage(this.#seed());
    this.#fused = this.#random.below(2) === 0;
    this.#laps += this.#storage.counters.laps;
    this.#step('open', () => this.#open(image));
    if (kind === 0 && this.#violation === undefined && !this.#storage.recovered.clean) {
      this.#violation = 'an orderly close is not found as one';
    }
  }

  /** Ends an append at its first fence, so that kill -9 leaves bytes that are visible and not durable. */
  #dieMidway(): void {
    if (this.#violation !== undefined) return;
    const group = this.#group();
    if (this.#storage.capacityBytes - this.#storage.usedBytes < RECORD_BYTES_MAX) return;
    this.#expectation.written.push(group);
    this.#recording.failNextFence();
    attempt(() => {
      stageGroup(this.#storage, group);
      this.#storage.commit(0);
    });
    this.#recording.takeSamples();
  }

  #open(image: OpenRecordingOptions['image']): void {
    const sample = { imagesPerFence: this.#options.imagesPerFence, seed: this.#seed() };
    const pipeline = this.#fused ? 'fused' : 'two-fence';
    const { storage, recording } = openRecording({ image, pipeline, sample });
    this.#recording?.release();
    this.#storage = storage;
    this.#recording = recording;
    const why = this.#expectation.violation(storage);
    if (why !== undefined) throw new Error(why);
    // Inside recovery the old expectation holds; from the first answer on, what was recovered must stay.
    for (const { site, image: inner } of recording.takeSamples()) {
      this.#fences[site] = (this.#fences[site] ?? 0) + 1;
      const inside = this.#judge.crash(inner, this.#expectation, this.#seed());
      if (inside !== undefined) throw new Error(`crash at ${site}: ${inside}`);
    }
    this.#expectation.answered = contentsOf(storage);
    this.#expectation.written = [];
    this.#expectation.trim = storage.recovered.trimThrough;
    this.#expectation.trimWritten = this.#expectation.trim;
    this.#slot = Math.max(this.#slot, this.#expectation.trim);
    this.#lastItems = [];
    this.#items = 0;
  }

  /** Media faults strike what a power cut left: what was answered must not pass for torn then. */
  #damage(): void {
    if (this.#violation !== undefined) return;
    this.#damages++;
    const now: Moment = {
      image: this.#recording.crashImage(this.#seed()),
      legal: this.#expectation.states(),
    };
    this.#violation =
      checkDamage(now, this.#moments, this.#random) ?? checkMixture(now.image, this.#slot, this.#random);
    this.#moments.push(now);
    if (this.#moments.length > MOMENTS_MAX) this.#moments.shift();
  }

  #seed(): number {
    return this.#random.bits();
  }
}

function prefixed(prefix: string, why: string | undefined): string | undefined {
  return why === undefined ? undefined : `${prefix}: ${why}`;
}
