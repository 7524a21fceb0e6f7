/**
 * The log of the file backend: group commit, one group outstanding on the medium.
 *
 * 1. One write is outstanding at a time, a group's or a root's. Behind a group's, the next group may be
 *    sealed and queued already, so that the medium never waits for JavaScript; the queue (write-queue.ts)
 *    begins it only when the one before is durable. What is committed meanwhile gathers in one open group,
 *    which is closed when its turn comes or when it is full.
 * 2. So sealing ahead adds no crash state: nothing of group n+1 is on the medium before group n is durable,
 *    and a power cut leaves at most the last group incomplete, as recovery.ts takes it. What changes is that
 *    group n may be durable, and n+1 begun, before anyone heard of n: durable and not answered, as after
 *    any cut between a write and its answer.
 * 3. A root says what is durable, and is written only when no group is under way.
 * 4. Items become durable in the order staged; `durableThrough` moves when a write is durable, never before.
 * 5. A promise that finds no room in the log goes into the root, so a full log never stops an election.
 * 6. After a failed write nothing is written any more, a queued group neither, and the failure is told once
 *    (contract 23).
 *
 * | state    | what may be trusted                          | leaves it by           |
 * |----------|----------------------------------------------|------------------------|
 * | running  | everything                                   | fail, stop             |
 * | failed   | items through durableThrough                 | stop                   |
 * | stopped  | the same; no write is under way              | –                      |
 */
import type { Ballot, BatchKind, Digest, Slot } from '../../types.js';
import { exhausted, STORE_NUMBER_MAX } from '../numbers.js';
import type { Geometry } from './geometry.js';
import { GroupBuilder } from './group-builder.js';
import { contentBytesIn } from './group-layout.js';
import type { FileMedium } from './medium.js';
import type { RecoveredLog } from './recovery.js';
import type { Root, RootFile } from './root-file.js';
import type { SpareFile } from './scan.js';
import { recycle, SEQUENCE_MAX, type Segment, segmentName } from './segment.js';
import { Space } from './space.js';
import type { VoteEntry, VoteIndex } from './vote-index.js';
import type { WriteQueue } from './write-queue.js';

/** Write the root: it gives up segments, remembers a trim, and holds promises without room in the log. */
interface RootJob {
  readonly root: true;
  promised: Ballot;
  lastItem: number;
  /** The hint of the last commit that ends with this write. */
  learnedThrough: Slot;
}

type Job = GroupBuilder | RootJob;

export interface LogParts {
  readonly medium: FileMedium;
  readonly queue: WriteQueue;
  readonly directory: string;
  readonly incarnation: number;
  readonly geometry: Geometry;
  readonly rootFile: RootFile;
  /** The root as it is on the medium. */
  readonly root: Root;
  readonly log: RecoveredLog;
  readonly spares: readonly SpareFile[];
}

/** Free segments, the reserve aside, below which the log looks for some to give up without a trim. */
const FREE_WANTED = 2;

/** Groups under way: one outstanding on the medium and one sealed behind it. */
const GROUPS_UNDER_WAY_MAX = 2;

/** Segments that are left for what empties the log when votes find it exhausted. */
const SEQUENCES_KEPT: number = 2 ** 20;

export class GroupLog {
  onDurable: (throughItem: number) => void = () => {};
  onFailure: (error: Error) => void = () => {};
  durableThrough = 0;
  items = 0;
  groups = 0;
  bytesWritten = 0;
  barriers = 0;

  readonly space: Space;
  readonly index: VoteIndex;
  readonly #parts: LogParts;
  readonly #contentBytesMax: number;
  readonly #builders: GroupBuilder[] = [];
  readonly #queue: Job[] = [];
  #open: GroupBuilder;
  #state: 'running' | 'failed' | 'stopped' = 'running';
  /** Groups handed to the write queue and not reported. */
  #groupsUnderWay = 0;
  #rootUnderWay = false;
  #idle: (() => void)[] = [];
  /** Items staged since the last commit. */
  #uncommitted = 0;
  #root: Root;
  #nextNumber: number;
  #durableGroupEnd: number;
  #link: number;
  /** The highest ballot and the highest slot among all items written or under way. */
  #promised: Ballot;
  #highestVoted: Slot;
  #learnedThrough: Slot;
  #checkpointId: number;
  #nextSequence: number;
  #recycling: Promise<void> = Promise.resolve();

  constructor(parts: LogParts) {
    const { geometry, log, medium, root, spares } = parts;
    this.#parts = parts;
    this.space = new Space(geometry, log.used, log.free, log.tailOffset);
    this.index = log.index;
    if (log.heldFrom !== undefined) this.space.hold(log.heldFrom, log.recovered.highestVoted);
    this.#open = new GroupBuilder(medium.allocate(geometry.groupBytesMax));
    this.#contentBytesMax = contentBytesIn(geometry.groupBytesMax);
    this.#root = root;
    this.#nextNumber = log.nextNumber;
    this.#durableGroupEnd = log.nextNumber;
    this.#link = log.link;
    this.#promised = log.recovered.promised;
    this.#highestVoted = log.recovered.highestVoted;
    this.#learnedThrough = log.recovered.learnedThrough;
    this.#checkpointId = log.recovered.checkpointId;
    this.#nextSequence = 1 + Math.max(...this.space.segments.map(({ sequence }) => sequence));
    for (const { file, name } of spares) this.#recycle(file, name);
  }

  /** Where it was when it failed: nothing more is written. */
  get failed(): boolean {
    return this.#state === 'failed';
  }

  stageVote(
    slot: Slot,
    ballot: Ballot,
    kind: BatchKind,
    digest: Digest,
    bytes: Uint8Array,
    start: number,
    end: number,
    mayUseReserve: boolean,
  ): boolean {
    const lengthBytes = end - start;
    this.#refuseAbove(STORE_NUMBER_MAX, SEQUENCE_MAX - SEQUENCES_KEPT);
    this.#closeIfFull(lengthBytes);
    const contentBytesMax = mayUseReserve ? this.space.contentBytesMax : this.space.ordinaryBytesMax;
    if (this.#open.contentWith(lengthBytes) > contentBytesMax) {
      this.#giveUpSegments();
      this.#pump();
      return false;
    }
    const entry: VoteEntry = {
      slot,
      ballot,
      kind,
      digest,
      lengthBytes,
      builder: undefined,
      segment: undefined,
      at: 0,
      available: true,
      before: undefined,
    };
    this.#open.addVote(entry, bytes, start, end);
    this.index.put(entry);
    this.#staged(this.#open);
    return true;
  }

  stagePromise(ballot: Ballot): void {
    this.#refuseAbove(Number.MAX_SAFE_INTEGER - GROUPS_UNDER_WAY_MAX, SEQUENCE_MAX);
    this.#closeIfFull(0);
    // Promises have the root where there is no room: the reserve is for what has no other place.
    if (this.#open.contentWith(0) <= this.space.ordinaryBytesMax) {
      this.#open.addPromise(ballot);
      this.#staged(this.#open);
      return;
    }
    if (this.#open.items.length > 0) this.#closeOpen();
    const job = this.#rootJob();
    if (ballot > job.promised) job.promised = ballot;
    this.#staged(job);
  }

  commit(learnedThrough: Slot): void {
    if (this.#uncommitted === 0) return;
    this.#uncommitted = 0;
    // The hint speaks of everything staged so far: it may not become durable before the last of it.
    const last = this.#open.items.length > 0 ? this.#open : this.#queue.at(-1);
    if (last !== undefined) last.learnedThrough = Math.max(last.learnedThrough, learnedThrough);
    this.#open.committed = this.#open.items.length > 0;
    this.#pump();
    this.#open.advance();
  }

  trim(through: Slot, checkpointId: number): void {
    this.#refuseAbove(Number.MAX_SAFE_INTEGER - GROUPS_UNDER_WAY_MAX, SEQUENCE_MAX);
    this.index.trim(through);
    this.#checkpointId = checkpointId;
    this.#rootJob();
    this.#pump();
  }

  /** Every group below this number is durable. */
  get durableGroupEnd(): number {
    return this.#durableGroupEnd;
  }

  get highestVoted(): Slot {
    return this.#highestVoted;
  }

  /** Writes a group that says nothing new, if none is coming: behind it the promise is known. */
  repeatPromise(): void {
    if (this.#open.items.length > 0 || this.#queue.length > 0 || this.#busy) return;
    if (this.#state !== 'running' || this.#open.contentWith(0) > this.space.ordinaryBytesMax) return;
    this.#open.addPromise(this.#promised);
    this.#open.committed = true;
    this.#pump();
  }

  /** False while a root is being written that may let go of segments in use now. */
  get keepsSegments(): boolean {
    return !this.#rootUnderWay;
  }

  /** Writes the root again as it is. */
  repeatRoot(): void {
    this.#rootJob();
    this.#pump();
  }

  /** The root as it was last made durable. */
  get root(): Root {
    return this.#root;
  }

  /** Resolves when everything committed is durable, or has failed. */
  async settled(): Promise<void> {
    if (this.#uncommitted > 0) this.commit(0);
    while (this.#state === 'running' && (this.#busy || this.#queue.length > 0 || this.#open.committed)) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** Ends all writing; what is under way is waited for, what is queued is dropped. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#queue.length = 0;
    while (this.#busy) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#recycling;
  }

  /** The root that says the store was closed in order. Only when settled and stopped. */
  writeCleanRoot(): Promise<void> {
    const root = this.#nextRoot([], true);
    return new Promise((resolve, reject) => {
      this.#parts.rootFile.write(root, this.#parts.queue, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** No number of the log's own is written that the next open could not take. */
  #refuseAbove(count: number, sequence: number): void {
    const highest = Math.max(this.#nextNumber, this.#root.generation);
    if (highest < count && this.#nextSequence <= sequence) return;
    throw exhausted(this.#parts.directory);
  }

  get #busy(): boolean {
    return this.#rootUnderWay || this.#groupsUnderWay > 0;
  }

  #staged(where: Job): void {
    this.items++;
    this.#uncommitted++;
    where.lastItem = this.items;
  }

  /** Starts a new group if the open one cannot take an item of `lengthBytes` more. */
  #closeIfFull(lengthBytes: number): void {
    if (this.#open.items.length > 0 && this.#open.contentWith(lengthBytes) > this.#contentBytesMax) {
      this.#closeOpen();
    }
  }

  #closeOpen(): void {
    const builder = this.#open;
    const { segment, offset } = this.space.place(builder.extent);
    builder.segment = segment;
    builder.offset = offset;
    this.#queue.push(builder);
    const { geometry, medium } = this.#parts;
    this.#open = this.#builders.pop() ?? new GroupBuilder(medium.allocate(geometry.groupBytesMax));
  }

  /** The root write at the end of the queue, put there if need be. */
  #rootJob(): RootJob {
    const last = this.#queue.at(-1);
    if (last && 'root' in last) return last;
    const job: RootJob = { root: true, promised: this.#promised, lastItem: 0, learnedThrough: 0 };
    this.#queue.push(job);
    return job;
  }

  #giveUpSegments(): void {
    if (
      this.space.freeSegments >= FREE_WANTED + this.#parts.geometry.reservedSegments ||
      this.space.releasable(this.index.trimThrough).length === 0
    )
      return;
    if (!this.#queue.some((job) => 'root' in job)) this.#rootJob();
  }

  /** Begins the writes whose turn it is, of what is committed or queued. */
  #pump(): void {
    while (this.#state === 'running' && this.#hasTurn(this.#queue[0] ?? this.#open)) {
      if (this.#queue.length === 0) {
        if (!this.#open.committed) return;
        this.#closeOpen();
      }
      const job = this.#queue.shift()!;
      if ('root' in job) this.#writeRoot(job);
      else this.#writeGroup(job);
    }
  }

  #hasTurn(job: Job): boolean {
    if ('root' in job) return !this.#busy;
    return !this.#rootUnderWay && this.#groupsUnderWay < GROUPS_UNDER_WAY_MAX;
  }

  #writeGroup(builder: GroupBuilder): void {
    const segment = builder.segment!;
    for (const item of builder.items) {
      const ballot = typeof item === 'number' ? item : item.ballot;
      if (ballot > this.#promised) this.#promised = ballot;
      if (typeof item !== 'number' && item.slot > this.#highestVoted) this.#highestVoted = item.slot;
    }
    const number = this.#nextNumber++;
    this.#learnedThrough = Math.max(this.#learnedThrough, builder.learnedThrough);
    if (segment.firstGroup === 0) {
      segment.firstGroup = number;
      segment.firstLink = this.#link;
    }
    const { bytes, digest } = builder.seal({
      incarnation: this.#parts.incarnation,
      number,
      link: this.#link,
      promised: this.#promised,
      learnedThrough: this.#learnedThrough,
      trimThrough: this.index.trimThrough,
      checkpointId: this.#checkpointId,
      highestVoted: this.#highestVoted,
    });
    this.#link = digest;
    this.#groupsUnderWay++;
    this.#parts.queue.write(segment.file, bytes, builder.offset, 'group', (error) => {
      this.#groupsUnderWay--;
      if (error) return this.fail(error);
      const { lastItem } = builder;
      this.groups++;
      this.#durableGroupEnd = number + 1;
      this.bytesWritten += bytes.length;
      this.barriers++;
      this.#settle(builder, segment);
      this.#finish(lastItem);
    });
  }

  #settle(builder: GroupBuilder, segment: Segment): void {
    for (const item of builder.items) {
      if (typeof item !== 'number') this.index.settle(item, segment, builder.offset + item.at);
    }
    segment.pending--;
    builder.reset();
    this.#builders.push(builder);
  }

  #writeRoot(job: RootJob): void {
    const released = this.space.releasable(this.index.trimThrough);
    if (job.promised > this.#promised) this.#promised = job.promised;
    this.#learnedThrough = Math.max(this.#learnedThrough, job.learnedThrough);
    const root = this.#nextRoot(released, false);
    const { queue, rootFile } = this.#parts;
    this.#rootUnderWay = true;
    rootFile.write(root, queue, (error) => {
      this.#rootUnderWay = false;
      if (error) return this.fail(error);
      this.#root = root;
      this.barriers += 2;
      this.space.release(released);
      for (const { file, sequence } of released) this.#recycle(file, segmentName(sequence));
      this.#finish(job.lastItem);
    });
  }

  /** Only when nothing is under way: it counts every group sealed so far as durable. */
  #nextRoot(released: readonly Segment[], clean: boolean): Root {
    const head = this.space.headAfter(released);
    return {
      generation: this.#root.generation + 1,
      headSegment: head.sequence,
      // A head without groups is where the next one goes.
      headGroup: head.firstGroup || this.#nextNumber,
      headLink: head.firstGroup ? head.firstLink : this.#link,
      nextGroup: this.#nextNumber,
      promised: this.#promised,
      trimThrough: this.index.trimThrough,
      checkpointId: this.#checkpointId,
      learnedThrough: this.#learnedThrough,
      highestVoted: this.#highestVoted,
      clean,
    };
  }

  /**
   * A write is durable: the next one starts before the owner hears of it, so that the device does not wait.
   */
  #finish(lastItem: number): void {
    if (this.#state === 'running') {
      if (lastItem > this.durableThrough) this.durableThrough = lastItem;
      this.#giveUpSegments();
      this.#pump();
      if (lastItem > 0) this.onDurable(this.durableThrough);
    }
    this.#wake();
  }

  /** From a write's end or from the background, where a write may be under way and is left to end. */
  fail(error: Error): void {
    const first = this.#state === 'running';
    if (first) this.#state = 'failed';
    this.#parts.queue.halt(error);
    this.#queue.length = 0;
    this.#wake();
    if (first) this.onFailure(error);
  }

  #wake(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Pre-fills a file anew in the background, one after the other, and adds it to the free segments. */
  #recycle(file: Segment['file'], name: string): void {
    const { directory, geometry, incarnation, medium } = this.#parts;
    if (this.#nextSequence > SEQUENCE_MAX) return;
    const sequence = this.#nextSequence++;
    this.#recycling = this.#recycling.then(async () => {
      if (this.#state !== 'running') return;
      try {
        const segment = await recycle(
          medium,
          directory,
          file,
          name,
          incarnation,
          sequence,
          geometry.segmentBytes,
        );
        this.barriers++;
        this.space.add(segment);
      } catch (error) {
        this.fail(error as Error);
      }
    });
  }
}
