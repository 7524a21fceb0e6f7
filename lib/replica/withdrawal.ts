/**
 * Requests that are taken out of a batch before it has a place: they are past their deadline, whoever asked
 * has given up, or wanted them executed by this replica as the leader and by no other.
 *
 * 1. A requester that was told *unknown* elsewhere may have asked for something newer since: what it gave up
 *    is not executed behind that.
 * 2. Only a batch that was never proposed is changed: its bytes are not anybody else's yet.
 */
import { BATCH_HEADER_BYTES, COMMAND_HEADER_BYTES, commandLength } from './batch.js';
import type { RequestRun } from './runs.js';
import type { Submission } from './submissions.js';

/** Takes the runs of whom `isOut` says so out of `submission`. @returns them, in order. */
export function withdraw(submission: Submission, isOut: (run: RequestRun) => boolean): readonly RequestRun[] {
  const { bytes, end, runs } = submission;
  if (!runs.some(isOut)) return [];
  const out: RequestRun[] = [];
  let keptEnd = BATCH_HEADER_BYTES;
  let keptRuns = 0;
  let at = BATCH_HEADER_BYTES;
  for (const run of runs) {
    let stop = at;
    for (let i = 0; i < run.count; i++) stop += COMMAND_HEADER_BYTES + commandLength(bytes, stop, end);
    if (isOut(run)) {
      out.push(run);
      submission.count -= run.count;
    } else {
      bytes.copyWithin(keptEnd, at, stop);
      keptEnd += stop - at;
      runs[keptRuns++] = run;
    }
    at = stop;
  }
  runs.length = keptRuns;
  submission.bytes = bytes.subarray(0, keptEnd);
  submission.end = keptEnd;
  return out;
}
