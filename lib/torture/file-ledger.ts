/**
 * What a file store should hold, kept beside it: its items in the order staged, and how many were answered.
 *
 * A power cut leaves the items of some first groups, and the store decides what a group is. So what may be
 * recovered is what the items through k make, for some k from the last answered one to the last staged one;
 * and nothing else, byte for byte.
 */
import type { Storage } from '../storage/storage.js';
import type { Slot } from '../types.js';
import { bytesOf, Contents, type Group, type TortureVote } from './log-contents.js';

/** A vote, or a promise. */
export type Item = TortureVote | { readonly promise: number };

export function asGroup(item: Item): Group {
  return 'promise' in item ? { promise: item.promise, votes: [] } : { promise: 0, votes: [item] };
}

export class FileLedger {
  base: Contents = new Contents();
  items: Item[] = [];
  answered = 0;
  /** Every trim point that may be found. */
  trims: Set<Slot> = new Set([0]);
  learned: Slot = 0;
  /** False while formatting is under way: there may be no store yet. */
  formatted = true;

  copy(): FileLedger {
    const copy = new FileLedger();
    copy.base = this.base.copy();
    copy.items = [...this.items];
    copy.answered = this.answered;
    copy.trims = new Set(this.trims);
    copy.learned = this.learned;
    copy.formatted = this.formatted;
    return copy;
  }

  /** Everything staged, as if all of it were durable. */
  all(): Contents {
    const contents = this.base.copy();
    for (const item of this.items) contents.apply(asGroup(item));
    return contents;
  }

  /** From now on what `storage` recovered is what was answered. */
  restart(storage: Storage): void {
    const { promised, trimThrough, votes } = storage.recovered;
    this.base = new Contents(promised);
    for (const { slot, ballot, lengthBytes } of votes)
      this.base.votes.set(slot, { slot, ballot, lengthBytes });
    this.items = [];
    this.answered = 0;
    this.trims = new Set([trimThrough]);
  }

  /** Why what was recovered is not legal; undefined if it is. */
  violation(storage: Storage): string | undefined {
    const { outcome, reason, trimThrough, checkpointId, learnedThrough } = storage.recovered;
    if (outcome !== 'intact') return `a crash was taken for damage: ${outcome} (${reason})`;
    if (!this.trims.has(trimThrough)) return `trim point ${trimThrough}, never asked for`;
    if (checkpointId !== trimThrough) return `checkpoint ${checkpointId} for the trim point ${trimThrough}`;
    if (learnedThrough > this.learned) return `learned through ${learnedThrough}, told ${this.learned}`;
    const contents = this.base.copy();
    for (const item of this.items.slice(0, this.answered)) contents.apply(asGroup(item));
    contents.forget(trimThrough);
    const answered = difference(contents, storage);
    let why = answered;
    for (const item of this.items.slice(this.answered)) {
      if (why === undefined) break;
      contents.apply(asGroup(item));
      contents.forget(trimThrough);
      why = difference(contents, storage);
    }
    return why === undefined ? wrongBytes(storage) : answered;
  }
}

function difference(contents: Contents, storage: Storage): string | undefined {
  const { promised, votes } = storage.recovered;
  if (promised !== contents.promised) return `promised ${promised}, not ${contents.promised}`;
  for (const found of votes) {
    const vote = contents.votes.get(found.slot);
    if (vote === undefined) return `a vote at slot ${found.slot} that is not there`;
    if (vote.ballot !== found.ballot)
      return `slot ${found.slot} at ballot ${found.ballot}, not ${vote.ballot}`;
    if (vote.lengthBytes !== found.lengthBytes) return `slot ${found.slot} has another length`;
  }
  if (votes.length !== contents.votes.size) return `${votes.length} votes, not ${contents.votes.size}`;
  return undefined;
}

function wrongBytes(storage: Storage): string | undefined {
  for (const found of storage.recovered.votes) {
    const bytes = storage.readVote(found.slot);
    if (bytes === undefined || Buffer.compare(bytes, bytesOf(found)) !== 0) {
      return `slot ${found.slot} has other bytes`;
    }
  }
  return undefined;
}
