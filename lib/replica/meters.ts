/**
 * What a replica measures of itself while it works: histograms and counters that cost about a microsecond a
 * turn and a slot, nothing a command, and allocate nothing. `metrics.ts` tells them when somebody asks.
 */
import { Histogram, secondsHistogram } from '../observe/histogram.js';
import type { Role } from '../paxos/effects.js';
import type { ReplicaId } from '../types.js';

/** Groups under way to a store that are timed; one that is further behind stalls, which tells more. */
const GROUPS_TIMED_MAX = 64;

/** What a replica has at hand at one moment. */
export interface Load {
  /** Bytes of requests that wait for a place, and of queries for their answers. */
  readonly waitingCommandBytes: number;
  readonly waitingQueryBytes: number;
  /** Slots proposed here whose outcome is open. */
  readonly openSlots: number;
  /** Bytes of votes that the store was given and has not made durable. */
  readonly unpersistedBytes: number;
  /** Queries answered here since open. */
  readonly queries: number;
  /** Requests that got each outcome but `done` here since open, by its number. */
  readonly outcomes: Float64Array;
}

export class Meters {
  /** From proposing a slot to its requesters being told, once for each command. */
  readonly commit: Histogram = secondsHistogram();
  /** From handing a group of votes and promises to the store to its being durable. */
  readonly persist: Histogram = secondsHistogram();
  readonly turn: Histogram = secondsHistogram();
  /** How much later than it was due each tick of the replica's clock came. */
  readonly loopDelay: Histogram = secondsHistogram();
  readonly checkpointWrite: Histogram = secondsHistogram();
  readonly batchCommands: Histogram = new Histogram(1, 20);
  readonly batchBytes: Histogram = new Histogram(64, 20);
  /** Times this replica asked for the lead, and got it. */
  elections = 0;
  leads = 0;
  /** Times another replica than before came to lead, as far as was seen here. */
  leaderChanges = 0;
  /** Checkpoints that became durable here: this replica's own, and those of peers. */
  checkpointsWritten = 0;
  checkpointsTaken = 0;
  /** When the newest of them did, by the monotonic clock; undefined if none has since open. */
  checkpointAtMs: number | undefined;
  private role: Role = 'follower';
  private leader: ReplicaId = 0;
  private readonly now: () => number;
  /** The last items of groups under way, and when each was handed over: a ring. */
  private readonly items = new Float64Array(GROUPS_TIMED_MAX);
  private readonly sinceMs = new Float64Array(GROUPS_TIMED_MAX);
  private oldest = 0;
  private underWay = 0;
  private tickedMs: number | undefined;

  /** @param now milliseconds by the monotonic clock */
  constructor(now: () => number) {
    this.now = now;
  }

  /** What the executor takes to tell how long a slot took. */
  nowMs(): number {
    return this.now();
  }

  answered(proposedMs: number, commands: number): void {
    this.commit.record((this.now() - proposedMs) * 1000, commands);
  }

  proposed(commands: number, bytes: number): void {
    this.batchCommands.record(commands);
    this.batchBytes.record(bytes / 64);
  }

  /** A group whose last item is `item` is handed to the store. */
  groupBegins(item: number): void {
    if (this.underWay === GROUPS_TIMED_MAX) return;
    const at = (this.oldest + this.underWay) % GROUPS_TIMED_MAX;
    this.items[at] = item;
    this.sinceMs[at] = this.now();
    this.underWay++;
  }

  /** Everything through `item` is durable. */
  durable(item: number): void {
    if (this.underWay === 0 || this.items[this.oldest]! > item) return;
    const nowMs = this.now();
    while (this.underWay > 0 && this.items[this.oldest]! <= item) {
      this.persist.record((nowMs - this.sinceMs[this.oldest]!) * 1000);
      this.oldest = (this.oldest + 1) % GROUPS_TIMED_MAX;
      this.underWay--;
    }
  }

  /** A tick, which is due every `tickMs`. */
  ticked(nowMs: number, tickMs: number): void {
    if (this.tickedMs !== undefined) this.loopDelay.record((nowMs - this.tickedMs - tickMs) * 1000);
    this.tickedMs = nowMs;
  }

  roleIs(role: Role, leader: ReplicaId): void {
    if (role === 'candidate' && this.role !== 'candidate') this.elections++;
    if (role === 'leader' && this.role !== 'leader') this.leads++;
    if (leader !== 0 && leader !== this.leader) {
      this.leaderChanges++;
      this.leader = leader;
    }
    this.role = role;
  }

  /** A checkpoint became durable: this replica's own (`from` 0, written in `tookMs`), or a peer's. */
  checkpointDurable(from: ReplicaId, tookMs: number): void {
    if (from === 0) {
      this.checkpointsWritten++;
      this.checkpointWrite.record(tookMs * 1000);
    } else {
      this.checkpointsTaken++;
    }
    this.checkpointAtMs = this.now();
  }
}
