/**
 * What one store was asked to keep, what it said it kept, and whether what it found after a power cut agrees
 * with both.
 *
 * Items become durable in order, and each whole. So after a cut the store must hold what it held at the last
 * recovery and, of the items staged since, exactly the first n, for an n no less than what it called durable.
 * Above the trim point, that is: the trim point is one that was asked for, and never lower than before.
 */
import { createHash } from 'node:crypto';
import { voteBytes } from './vote-bytes.js';
import type { RecoveredReport, StagedItem, WriterLine } from './writer-lines.js';

/** What a check of a recovery adds up to. */
export interface Verdict {
  /** Undefined when all is right. */
  readonly violation: string | undefined;
  /** Items found that had not been answered, and those staged that are not there. */
  readonly unanswered: number;
  readonly dropped: number;
}

export class VoteHistory {
  /** As of the last recovery. */
  #votes = new Map<number, number>();
  #promised = 0;
  #trimThrough = 0;
  /** Since then. */
  #items: StagedItem[] = [];
  #durable = 0;
  readonly #trims = new Set<number>();

  get staged(): number {
    return this.#items.length;
  }

  get durable(): number {
    return this.#durable;
  }

  /** Takes in what the writer told; a recovery is not taken in, but checked by {@link judge}. */
  hear(line: WriterLine): void {
    if (line.staged !== undefined) this.#items.push(...line.staged);
    if (line.refused !== undefined) this.#items.length -= line.refused;
    if (line.trim !== undefined) this.#trims.add(line.trim);
    if (line.durable !== undefined) this.#durable = line.durable;
  }

  /** Compares a recovery with the history, and begins the next history from it. */
  judge(found: RecoveredReport): Verdict {
    const [present, violation] = this.#check(found);
    const verdict: Verdict = {
      violation,
      unanswered: Math.max(0, present - this.#durable),
      dropped: Math.max(0, this.#items.length - present),
    };
    this.#votes = new Map(found.votes.map(([slot, ballot]) => [slot, ballot]));
    this.#promised = found.promised;
    this.#trimThrough = found.trimThrough;
    this.#items = [];
    this.#durable = 0;
    this.#trims.clear();
    return verdict;
  }

  #check(found: RecoveredReport): [present: number, violation: string | undefined] {
    if (found.outcome !== 'intact') return [0, `recovery calls the log ${found.outcome}: ${found.reason}`];
    if (found.trimThrough !== this.#trimThrough && !this.#trims.has(found.trimThrough)) {
      return [0, `the trim point is ${found.trimThrough}, which nobody asked for`];
    }
    if (found.trimThrough < this.#trimThrough) return [0, `the trim point fell from ${this.#trimThrough}`];
    for (const [slot, ballot, hash] of found.votes) {
      const expected = createHash('sha1').update(voteBytes(slot, ballot)).digest('hex');
      if (hash !== expected) return [0, `the vote for slot ${slot} at ballot ${ballot} has other bytes`];
    }
    return this.#matchPrefix(found);
  }

  /** Finds the n of which the store holds the first n items. */
  #matchPrefix(found: RecoveredReport): [present: number, violation: string | undefined] {
    const there = new Map<number, number>();
    for (const [slot, ballot] of found.votes) there.set(slot, ballot);
    const expected = new Map<number, number>();
    const wrong = new Set<number>(there.keys());
    const put = (slot: number, ballot: number): void => {
      if (slot <= found.trimThrough) return;
      expected.set(slot, ballot);
      if (there.get(slot) === ballot) wrong.delete(slot);
      else wrong.add(slot);
    };
    for (const [slot, ballot] of this.#votes) put(slot, ballot);
    let promised = this.#promised;
    const fits: number[] = [];
    for (let n = 0; ; n++) {
      if (n >= this.#durable && wrong.size === 0 && promised === found.promised) fits.push(n);
      const item = this.#items[n];
      if (item === undefined) break;
      const [slot, ballot] = item;
      promised = Math.max(promised, ballot);
      if (slot !== 0) put(slot, ballot);
    }
    const present = fits.at(-1);
    if (present !== undefined) return [present, undefined];
    const sample = [...wrong]
      .slice(0, 5)
      .map((slot) => `${slot}: ${there.get(slot)} for ${expected.get(slot)}`);
    return [
      0,
      `what is there is no history through at least item ${this.#durable} of ${this.#items.length} ` +
        `(promised ${found.promised}; with all items, slots differ: ${sample.join(', ') || 'none'})`,
    ];
  }
}
