/** Whose the requests of a batch are: runs of requests, one after the other. */
import type { Requester } from './service.js';

/** Consecutive requests of one requester, next to each other in a batch. */
export interface RequestRun {
  requester: Requester;
  readonly first: number;
  count: number;
}

/** A requester that has gone away: its outcomes are dropped. */
export const NOBODY: Requester = { outcome: () => {}, drain: () => {} };

/** Forgets `requester` in these runs. */
export function abandonRuns(runs: readonly RequestRun[], requester: Requester): void {
  for (const run of runs) if (run.requester === requester) run.requester = NOBODY;
}
