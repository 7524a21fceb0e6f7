/** Whose the requests of a batch are: runs of requests, one after the other. */
import type { Requester } from './service.js';
import type { SessionTerms } from './sessions/session-terms.js';

/** One that asks within a session of its own, and says so when its requests get their place. */
export interface RunRequester extends Requester {
  /** Requests `first` … `first + count − 1` get a place now: their terms. */
  readonly bind?: (first: number, count: number) => SessionTerms;
}

/** Consecutive requests of one requester, next to each other in a batch. */
export interface RequestRun {
  requester: RunRequester;
  readonly first: number;
  count: number;
  /** It gets no place after this moment, and has an outcome soon after, by the monotonic clock. */
  readonly deadlineMs: number;
  /** Of commands that were asked within a session; undefined: `requester` says, if it is of one. */
  readonly terms?: SessionTerms | undefined;
}

/** A requester that has gone away: its outcomes are dropped. */
export const NOBODY: Requester = { outcome: () => {}, drain: () => {} };

/** The same, of one that has given up what it asked: nothing of it is proposed any more. */
const GONE: Requester = { ...NOBODY, isLeaderOnly: true, hasGivenUp: true };

/** Whether nobody waits for the outcome. */
export function isNobody(requester: Requester): boolean {
  return requester === NOBODY || requester === GONE;
}

/** Forgets `requester` in these runs. */
export function abandonRuns(runs: readonly RequestRun[], requester: Requester): void {
  const heir = requester.hasGivenUp === true ? GONE : NOBODY;
  for (const run of runs) if (run.requester === requester) run.requester = heir;
}
