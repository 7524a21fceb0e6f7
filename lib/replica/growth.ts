/**
 * What is refused while disks are short of room: commands that grow the state. What shrinks it, or only reads
 * it, goes on.
 *
 * 1. Requesters hear in the order asked: of one that asks for growth nothing that waits is executed, and
 *    nobody is refused before what was proposed has its outcome.
 */
import { COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import type { Executor } from './executor.js';
import type { RequestRun } from './runs.js';
import { Outcome, type Requester } from './service.js';
import type { Lines } from './sessions/lines.js';
import { SESSION_NEW } from './sessions/session-terms.js';
import type { Submissions } from './submissions.js';

/** Whether the command bytes[start, end) may grow the state. */
export type Grows = (bytes: Uint8Array, start: number, end: number) => boolean;

/** Refuses what waits and grows the state. False: that has to wait for what was proposed before. */
export function refuseGrowth(
  submissions: Submissions,
  lines: Pick<Lines, 'refuseGrowth'>,
  executor: Pick<Executor, 'outcomes' | 'pendingSlots'>,
  grows: Grows,
): boolean {
  const growing = requestersOf(submissions, grows);
  if (growing.size === 0) return true;
  if (executor.pendingSlots > 0) return false;
  lines.refuseGrowth(grows);
  const refused = submissions.takeOut((run) => isPlain(run) && growing.has(run.requester));
  executor.outcomes.answer(refused, Outcome.diskFull);
  return true;
}

function requestersOf(submissions: Submissions, grows: Grows): ReadonlySet<Requester> {
  const growing = new Set<Requester>();
  submissions.visit((run, bytes, start, end) => {
    const { requester } = run;
    if (run.terms?.session === SESSION_NEW) return;
    for (let at = start; at < end && !growing.has(requester); ) {
      const from = at + COMMAND_HEADER_BYTES;
      at = from + commandLength(bytes, at, end);
      if (grows(bytes, from, at)) growing.add(requester);
    }
  });
  return growing;
}

/** Neither of a line, which refuses by itself what its own requesters ask, nor a session that is opened. */
function isPlain({ requester, terms }: RequestRun): boolean {
  return requester.bind === undefined && terms?.session !== SESSION_NEW;
}
