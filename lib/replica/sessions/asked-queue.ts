/**
 * Requests that have no outcome, the oldest first. Each has a position; positions only rise, and those that
 * are taken out leave gaps.
 */
import { COMMAND_HEADER_BYTES, commandLength } from '../batch.js';
import { isNobody, NOBODY } from '../runs.js';
import type { Requester } from '../service.js';
import type { Retained } from './retained-bytes.js';

/** Consecutive requests of one requester. */
export interface Asked {
  requester: Requester;
  /** The requester's number of the first of them. */
  first: number;
  count: number;
  position: number;
  readonly deadlineMs: number;
  /** Their bytes, a body, and in front of it those of `taken` more, which have their answers. */
  readonly retained: Retained;
  taken: number;
}

/** Answered places that may stay in front before the rest is moved up. */
const ANSWERED_MAX = 256;

export class AskedQueue {
  /** The position of what is asked next. */
  end = 0;
  /** Bytes of all that is in it. */
  bytes = 0;
  private all: Asked[] = [];
  private at = 0;

  get oldest(): Asked | undefined {
    return this.all[this.at];
  }
  /** The position of the oldest request; `end` if there is none. */
  get head(): number {
    return this.oldest?.position ?? this.end;
  }
  /** The deadline of the oldest request; Infinity if there is none. */
  get deadlineMs(): number {
    return this.oldest?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  push(requester: Requester, first: number, count: number, deadlineMs: number, retained: Retained): void {
    this.all.push({ requester, first, count, position: this.end, deadlineMs, retained, taken: 0 });
    this.end += count;
    this.bytes += retained.end - retained.start;
  }

  /** The oldest `count` requests, all of one entry, go. @returns whether that was the last of the entry */
  take(count: number): boolean {
    const oldest = this.oldest!;
    oldest.first += count;
    oldest.position += count;
    oldest.count -= count;
    oldest.taken += count;
    if (oldest.count > 0) return false;
    this.bytes -= oldest.retained.end - oldest.retained.start;
    this.at++;
    if (this.at === this.all.length || this.at > ANSWERED_MAX) {
      this.all.splice(0, this.at);
      this.at = 0;
    }
    return true;
  }

  /** Those from `position` on. */
  *from(position: number): Generator<Asked, void, void> {
    for (let i = this.at; i < this.all.length; i++) {
      const each = this.all[i]!;
      if (each.position >= position) yield each;
    }
  }

  /** The requesters of those whose deadline is over, which stay as nobody's. `told` is called for each. */
  expire(nowMs: number, told: (overdue: Asked) => void): void {
    for (const each of [...this.from(0)]) {
      if (each.deadlineMs > nowMs || isNobody(each.requester)) continue;
      const overdue = { ...each };
      each.requester = NOBODY;
      told(overdue);
    }
  }

  /** Takes out those of which `isOut` says so. @returns them, in order */
  takeOut(isOut: (asked: Asked) => boolean): readonly Asked[] {
    const left = this.all.slice(this.at);
    const out: Asked[] = [];
    const kept: Asked[] = [];
    for (const each of left) (isOut(each) ? out : kept).push(each);
    this.all = kept;
    this.at = 0;
    for (const { retained } of out) this.bytes -= retained.end - retained.start;
    return out;
  }

  forget(requester: Requester): void {
    for (const each of this.from(0)) if (each.requester === requester) each.requester = NOBODY;
  }
}

/** Where the bytes of the first request begin that has no answer. */
export function startOf({ retained, taken }: Asked): number {
  let at = retained.start;
  for (let i = 0; i < taken; i++) {
    at += COMMAND_HEADER_BYTES + commandLength(retained.block.bytes, at, retained.end);
  }
  return at;
}
