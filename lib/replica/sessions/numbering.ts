/**
 * Which number of a session each of its holder's requests has. Requests have *positions*, which only rise; a
 * request gets its number when it gets a place, so that what never gets one leaves no gap.
 *
 * 1. Numbers of bound requests rise with their positions.
 * 2. A bound request keeps its number, for as long as an earlier copy of it may have been executed.
 */
import type { SessionTerms } from './session-terms.js';

/** Consecutive positions with consecutive numbers. */
interface Segment {
  readonly position: number;
  count: number;
  readonly sequence: number;
}

export class Numbering {
  /** 0: there is none. */
  session = 0;
  /** The last number whose request has its answer, with all before it. */
  answeredThrough = 0;
  /** Requests before this position are bound, or need no number any more. */
  boundEnd = 0;
  private segments: Segment[] = [];
  private next = 1;

  /** The requests from `position` on belong to that session, of which the holder has these answers. */
  begin(session: number, position: number, answeredThrough = 0): void {
    this.session = session;
    this.answeredThrough = answeredThrough;
    this.segments = [];
    this.unbind(position);
  }

  /** Requests from `position` on are certainly not executed: they get their numbers anew. */
  unbind(position: number): void {
    this.segments = this.segments.filter((segment) => segment.position < position);
    const last = this.segments.at(-1);
    if (last !== undefined) last.count = Math.min(last.count, position - last.position);
    this.next = last === undefined ? this.answeredThrough + 1 : last.sequence + last.count;
    this.boundEnd = position;
  }

  /** Requests get a place: those that have no number get one. */
  bind(position: number, count: number): SessionTerms {
    const from = Math.max(position, this.boundEnd);
    const more = position + count - from;
    if (more > 0) {
      const last = this.segments.at(-1);
      if (last !== undefined && last.position + last.count === from) last.count += more;
      else this.segments.push({ position: from, count: more, sequence: this.next });
      this.next += more;
      this.boundEnd = position + count;
    }
    const { session, answeredThrough } = this;
    return { session, sequence: this.numberOf(position), answeredThrough };
  }

  /** All requests before `position` have their answers. */
  answered(position: number): void {
    for (const { position: at, count, sequence } of this.segments) {
      if (at >= position) break;
      this.answeredThrough = sequence + Math.min(count, position - at) - 1;
    }
    this.passed(position);
  }

  /** No request before `position` is asked again, answered or not. */
  passed(position: number): void {
    const { segments } = this;
    while (segments.length > 0 && segments[0]!.position + segments[0]!.count <= position) segments.shift();
  }

  private numberOf(position: number): number {
    const of = this.segments.find((segment) => position < segment.position + segment.count)!;
    return of.sequence + position - of.position;
  }
}
