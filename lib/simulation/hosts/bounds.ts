/**
 * Bounds of one replica's process: what it holds in memory, and how long it lets a request wait. Looked at
 * again and again, whatever else happens.
 */
import { must } from '../violation.js';
import { COMMAND_BYTES_MIN } from './counting-machine.js';
import type { HostProcess } from './host-process.js';
import type { HostScale } from './host-scale.js';
import type { HostSurroundings } from './host-surroundings.js';
import { PACE_MIN } from './machine-clock.js';

/** A connection to a leader that is silent is given up after this long, and so are requests on it. */
const SILENT_MS = 4000;
/** Connecting, turns, what is noticed only at the next tick. */
const SLACK_MS = 500;
/** Learned slots that came at once, beyond the bound, in largest records. */
const AT_ONCE = 4;

/** @throws where more is held than the bounds allow. */
export function mustHoldLittle({ id, host, pendingBytes }: HostProcess, scale: HostScale): void {
  const { waitingBytesMax, unloggedBytesMax } = scale.tuning;
  const { commandsMax, paddingBytesMax } = scale.workload;
  const { waitingCommandBytes: commands, waitingQueryBytes: queries } = host.load;
  const bodyBytesMax = commandsMax * (4 + COMMAND_BYTES_MIN + paddingBytesMax) + 64;
  const { recordBytesMax } = scale;
  const held: readonly (readonly [what: string, bytes: number, bytesMax: number])[] = [
    ['of commands that wait', commands, waitingBytesMax + bodyBytesMax],
    ['of queries that wait', queries, waitingBytesMax + bodyBytesMax],
    ['given to the store and not durable', pendingBytes, unloggedBytesMax + recordBytesMax],
    ['learned and not logged', host.core.learner.unloggedBytes, unloggedBytesMax + AT_ONCE * recordBytesMax],
  ];
  for (const [what, bytes, bytesMax] of held) {
    must(
      bytes <= bytesMax,
      'memory',
      () => `replica ${id} holds ${bytes} bytes ${what}, of at most ${bytesMax}`,
    );
  }
}

/**
 * How long a request may wait, in any state, in time in which its process runs: for a leader, twice; then at
 * it, for a slot and for its outcome, or for it to be found silent.
 */
function waitMsMax({ tuning }: HostScale): number {
  const { leaderWaitMs, requestTimeoutMs } = tuning;
  return 2 * leaderWaitMs + Math.max(2 * requestTimeoutMs, SILENT_MS) + SLACK_MS;
}

/** @throws where a request has waited for too long. */
export function mustAnswerInTime(process: HostProcess, around: HostSurroundings): void {
  const msMax = waitMsMax(around.scale) / PACE_MIN;
  for (const { bounded } of process.requesters) {
    for (const line of bounded) {
      const { waitedMs } = line;
      around.waited(waitedMs / msMax);
      must(
        waitedMs <= msMax,
        'deadline',
        () =>
          `a ${line.type} at replica ${process.id} has waited for ${waitedMs.toFixed(0)} ms, of at most ` +
          `${msMax.toFixed(0)}; ${process.description}`,
      );
    }
  }
}
