/**
 * What a run of commands says of its session (wire/client-messages.ts), and which sessions are kept.
 */
import { areTerms, SESSION_NEW, type SessionTerms } from '../../wire/client-messages.js';

export { areTerms, SESSION_NEW, type SessionTerms };

/** Which sessions are kept: the leader's, written into each batch, so that all replicas keep the same. */
export interface SessionBounds {
  /** Sessions that are kept; whoever was used longest ago goes first. */
  readonly sessionsMax: number;
  /** Bytes of answers that are kept of all sessions together, in KiB. A sixteenth of them is for any one. */
  readonly answerKibMax: number;
  /** A session that is not used for so long, in seconds of replicated time, is forgotten. */
  readonly idleSeconds: number;
}

/** The most that a batch may ask for. */
export const SESSIONS_MAX: number = 1 << 20;
export const ANSWER_KIB_MAX: number = 1 << 20;

/** Whether `next` goes on where a run of `count` commands with these terms ends. */
export function continuesTerms(
  terms: SessionTerms | undefined,
  count: number,
  next: SessionTerms | undefined,
): boolean {
  if (terms === undefined || next === undefined) return terms === next;
  return (
    terms.session === next.session &&
    terms.session !== SESSION_NEW &&
    terms.sequence + count === next.sequence
  );
}
