/**
 * What a log should hold, kept beside it: groups of votes and promises as plain values, and the states that
 * recovery may legally find.
 */
import { digestOf } from '../native/log.js';
import type { Storage } from '../storage/storage.js';
import type { Ballot, Digest, Slot } from '../types.js';

export interface TortureVote {
  readonly slot: Slot;
  readonly ballot: number;
  readonly lengthBytes: number;
}

/** What is staged and committed as one, atomic if one record holds it; `promise` is 0 where there is none. */
export interface Group {
  readonly promise: number;
  readonly votes: readonly TortureVote[];
  /** Votes that everything else waits for. */
  readonly mayUseReserve?: boolean;
}

/** Bytes that tell one vote from another, and a part of a batch from another part. */
export function bytesOf(vote: TortureVote): Uint8Array {
  const bytes = new Uint8Array(vote.lengthBytes);
  let state = (Math.imul(vote.slot, 0x9e3779b1) ^ Math.imul(vote.ballot, 0x85ebca6b)) >>> 0;
  for (let at = 0; at < bytes.length; at++) {
    if (at % 4 === 0) state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> (8 * (3 - (at % 4)));
  }
  return bytes;
}

export class Contents {
  promised = 0;
  readonly votes: Map<Slot, TortureVote>;

  constructor(promised = 0, votes: Iterable<readonly [Slot, TortureVote]> = []) {
    this.promised = promised;
    this.votes = new Map(votes);
  }

  copy(): Contents {
    return new Contents(this.promised, this.votes);
  }

  apply(group: Group): void {
    this.promised = Math.max(this.promised, group.promise);
    for (const vote of group.votes) {
      this.promised = Math.max(this.promised, vote.ballot);
      this.votes.set(vote.slot, vote);
    }
  }

  forget(through: Slot): void {
    for (const slot of this.votes.keys()) {
      if (slot <= through) this.votes.delete(slot);
    }
  }

  /** Why `storage` does not hold exactly this; undefined if it does. */
  difference(storage: Storage): string | undefined {
    const { recovered } = storage;
    if (recovered.promised !== this.promised) {
      return `promised ${recovered.promised}, not ${this.promised}`;
    }
    if (recovered.votes.length !== this.votes.size) {
      return `${recovered.votes.length} votes, not ${this.votes.size}`;
    }
    for (const found of recovered.votes) {
      const vote = this.votes.get(found.slot);
      if (vote === undefined) return `a vote at slot ${found.slot} that is not there`;
      if (vote.ballot !== found.ballot)
        return `slot ${found.slot} at ballot ${found.ballot}, not ${vote.ballot}`;
      const bytes = storage.readVote(found.slot);
      if (bytes === undefined || Buffer.compare(bytes, bytesOf(vote)) !== 0) {
        return `slot ${found.slot} has other bytes`;
      }
    }
    return undefined;
  }
}

/** Stages a group; false when the log has no room for all of it. */
export function stageGroup(storage: Storage, group: Group): boolean {
  const { mayUseReserve } = group;
  if (group.promise !== 0 && !storage.stagePromise(group.promise as Ballot)) return false;
  for (const vote of group.votes) {
    const bytes = bytesOf(vote);
    const digest = digestOf(bytes, 0, bytes.length) as Digest;
    const kind = bytes.length === 0 ? 0 : 1;
    const { slot, ballot } = vote;
    if (!storage.stageVote(slot, ballot as Ballot, kind, digest, bytes, 0, bytes.length, mayUseReserve))
      return false;
  }
  return true;
}

/**
 * What may be recovered: what was answered, then some first ones of the groups written and not yet answered;
 * the trim point old or new. Nothing else, byte for byte.
 */
export class Expectation {
  answered: Contents = new Contents();
  /** Each of them one record. */
  written: Group[] = [];
  trim: Slot = 0;
  trimWritten: Slot = 0;

  copy(): Expectation {
    const copy = new Expectation();
    copy.answered = this.answered.copy();
    copy.written = [...this.written];
    copy.trim = this.trim;
    copy.trimWritten = this.trimWritten;
    return copy;
  }

  /** The states that may be recovered, the trim point aside. */
  states(): Contents[] {
    const states = [this.answered.copy()];
    for (const group of this.written) {
      const next = states.at(-1)!.copy();
      next.apply(group);
      states.push(next);
    }
    return states;
  }

  /** Everything written, as if all of it had been answered. */
  all(): Contents {
    const contents = this.answered.copy();
    for (const group of this.written) contents.apply(group);
    return contents;
  }

  /** Why what was recovered is none of the legal states; undefined if it is one. */
  violation(storage: Storage): string | undefined {
    const { outcome, reason, trimThrough } = storage.recovered;
    if (outcome !== 'intact') return `a crash was taken for damage: ${outcome} (${reason})`;
    if (trimThrough !== this.trim && trimThrough !== this.trimWritten) {
      return `trim point ${trimThrough}, neither ${this.trim} nor ${this.trimWritten}`;
    }
    const candidate = this.answered.copy();
    candidate.forget(trimThrough);
    let why = candidate.difference(storage);
    for (const group of this.written) {
      if (why === undefined) return undefined;
      candidate.apply(group);
      candidate.forget(trimThrough);
      why = candidate.difference(storage);
    }
    return why;
  }
}
