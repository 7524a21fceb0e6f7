/**
 * Anything in any order: groups of votes, promises, trims, drains; restarts after an orderly close, a power
 * cut and kill -9; fused and not; the log laps its area many times over. Now and then the medium fails
 * instead (log-damage.ts), which no crash may look like.
 */
import { Random } from '../simulation/random.js';
import type { HistoryOptions, HistoryResult } from './history.js';
import type { Group, TortureVote } from './log-contents.js';
import { checkDamage, checkMixture, type Moment } from './log-damage.js';
import { LENGTHS } from './log-lengths.js';
import { checkRepair, checkScrub } from './log-repair.js';
import { LogRig, RECORD_BYTES_MAX } from './log-rig.js';

const LOG_BYTES = 64 << 10;
/** About one lap and a half of the groups that `#advance` writes. */
const ADVANCE_GROUPS_MAX = 56;
const DAMAGED_MOMENTS_MAX = 12;
const OPERATIONS_BETWEEN_DAMAGES = 5;
const VOTE_BYTES_MAX = 3000;

export function randomWorkload(options: HistoryOptions, operations: number): HistoryResult {
  return new RandomWorkload(options).run(operations);
}

class RandomWorkload {
  readonly #random: Random;
  readonly #rig: LogRig;
  /**
   * One history in three rarely trims and votes for the same slots again: live votes must be copied forward.
   */
  readonly #crowded: boolean;
  readonly #trimShare: number;
  readonly #freshShare: number;
  #moments: Moment[] = [];
  #slot = 0;
  /** Of the groups written to get to where a history begins. */
  #ballot = 0;

  constructor(options: HistoryOptions) {
    this.#random = new Random(options.seed);
    this.#rig = new LogRig('random', options);
    this.#crowded = options.seed % 3 === 0;
    this.#trimShare = this.#crowded ? 1 : 12;
    this.#freshShare = this.#crowded ? 0.15 : 0.8;
  }

  run(operations: number): HistoryResult {
    this.#rig.begin(LOG_BYTES, 'two-fence');
    this.#rig.quietly(() => this.#advance());
    for (let operation = 0; operation < operations && this.#rig.violation === undefined; operation++) {
      this.#operation();
      if (operation % OPERATIONS_BETWEEN_DAMAGES === 0) this.#damage();
    }
    return this.#rig.result();
  }

  /** Moves on unjudged, so that histories begin anywhere in the area, and many just before its end. */
  #advance(): void {
    for (let left = this.#random.below(ADVANCE_GROUPS_MAX); left > 0; left--) {
      this.#write(++this.#slot);
      if (left % 10 === 0 || left === 1) this.#rig.step('trim', () => this.#rig.trim(this.#slot));
    }
    if (this.#crowded) this.#crowd();
  }

  /** Fills the log: a few votes that stay, and behind them the same slots voted for again and again. */
  #crowd(): void {
    const { storage } = this.#rig;
    const first = this.#slot + 1;
    this.#slot += 6;
    for (let turn = 0; storage.usedBytes < storage.capacityBytes - 2 * RECORD_BYTES_MAX; turn++) {
      this.#write(...(turn < 3 ? [first + turn, first + 3] : [first + 3 + (turn % 3)]));
    }
  }

  #write(...slots: number[]): void {
    this.#ballot++;
    const votes = slots.map((slot) => ({ slot, ballot: this.#ballot, lengthBytes: 1500 / slots.length }));
    this.#rig.step('append', () => this.#rig.append({ promise: 0, votes }, 0));
  }

  #operation(): void {
    const what = this.#random.below(100);
    if (what < 84 - this.#trimShare) this.#rig.step('append', () => this.#append());
    else if (what < 84) this.#rig.step('trim', () => this.#trim());
    else if (what < 88) this.#rig.step('drain', () => this.#rig.storage.drain());
    else this.#restart(what % 4);
  }

  #append(): void {
    const { storage } = this.#rig;
    const group = this.#group();
    const free = storage.capacityBytes - storage.usedBytes;
    // Half a group would be another group: ask for one vote only where a whole group may not fit.
    const fitting = free < RECORD_BYTES_MAX ? { promise: 0, votes: group.votes.slice(0, 1) } : group;
    if (!this.#rig.append(fitting, Math.max(0, this.#slot - 2))) this.#trim();
  }

  #group(): Group {
    const random = this.#random;
    const { expectation } = this.#rig;
    const promised = expectation.all().promised;
    const promise = random.below(4) === 0 ? promised + 1 + random.below(2) : 0;
    const ballot = Math.max(promise, promised + random.below(2), 1);
    const count = promise !== 0 && random.below(2) === 0 ? 0 : 1 + random.below(4);
    const votes: TortureVote[] = [];
    let bytes = 0;
    for (let index = 0; index < count; index++) {
      const lengthBytes = random.pick(LENGTHS);
      bytes += lengthBytes;
      if (bytes > VOTE_BYTES_MAX) break;
      if (random.chance(this.#freshShare) || this.#slot === expectation.trim) this.#slot++;
      const back = random.below(Math.min(this.#slot - expectation.trim, 3));
      votes.push({ slot: this.#slot - back, ballot, lengthBytes });
    }
    return { promise: votes.length === 0 ? Math.max(promise, ballot) : promise, votes };
  }

  #trim(): void {
    const { trim } = this.#rig.expectation;
    this.#rig.trim(this.#slot - this.#random.below(Math.min(this.#slot - trim, 12) + 1));
  }

  #restart(kind: number): void {
    const rig = this.#rig;
    if (kind === 0) rig.close();
    if (kind === 1) rig.dieMidway(this.#group());
    const image = kind === 1 ? rig.recording.killImage() : rig.recording.crashImage(this.#random.bits());
    const pipeline = this.#random.below(2) === 0 ? 'fused' : 'two-fence';
    rig.step('open', () => rig.open(image, pipeline));
    this.#slot = Math.max(this.#slot, rig.expectation.trim);
    if (kind === 0 && !rig.storage.recovered.clean) {
      rig.blame('open', 'an orderly close is not found as one');
    }
  }

  /** Media faults strike what a power cut left: what was answered must not pass for torn then. */
  #damage(): void {
    const rig = this.#rig;
    if (rig.violation !== undefined) return;
    const image = rig.recording.crashImage(this.#random.bits());
    const now: Moment = { image, legal: rig.expectation.states() };
    const why =
      checkRepair(image, now.legal) ??
      checkScrub(image) ??
      checkDamage(now, this.#moments, this.#random) ??
      checkMixture(image, this.#slot, this.#random);
    if (why !== undefined) rig.blame('media fault', why);
    this.#moments.push(now);
    if (this.#moments.length > DAMAGED_MOMENTS_MAX) this.#moments.shift();
  }
}
