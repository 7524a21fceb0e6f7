/**
 * What a batch of version 3 says of sessions, behind its commands: for each run of them whose they are, and
 * which sessions are kept.
 *
 * ```
 * commands, as in batch.ts
 * per run:  u32 commands, u32 zero, f64 session, f64 sequence of its first command, f64 answered through
 * u32 sessions at most, u32 KiB of answers at most, u32 seconds without use at most, u32 number of runs
 * ```
 * All little-endian. Together the runs have exactly the commands of the batch.
 */
import { BATCH_HEADER_BYTES, malformed, readWord } from '../batch.js';
import type { RequestRun } from '../runs.js';
import {
  ANSWER_KIB_MAX,
  areTerms,
  continuesTerms,
  SESSIONS_MAX,
  type SessionBounds,
  type SessionTerms,
} from './session-terms.js';

const RUN_BYTES = 32;
const BOUNDS_BYTES = 16;
const NONE: SessionTerms = { session: 0, sequence: 0, answeredThrough: 0 };

/** Most bytes that `runs` runs take behind their commands. */
export function sessionBytesMax(runs: number): number {
  return BOUNDS_BYTES + runs * RUN_BYTES;
}

/** The terms of a run that is about to get its place; undefined: it belongs to no session. */
export function boundTerms({ requester, first, count, terms }: RequestRun): SessionTerms | undefined {
  return terms ?? requester.bind?.(first, count);
}

/**
 * Writes what `runs` say of sessions to batch[end, …), which has room for it.
 * @returns where that ends; `end` itself if none of them says anything
 */
export function writeSessionRuns(
  batch: Buffer,
  end: number,
  runs: readonly RequestRun[],
  bounds: SessionBounds,
): number {
  let at = end;
  let written = 0;
  let isInSession = false;
  let open: SessionTerms | undefined;
  let count = 0;
  const seal = (): void => {
    const { session, sequence, answeredThrough } = open ?? NONE;
    at = batch.writeUInt32LE(count, at);
    at = batch.writeUInt32LE(0, at);
    at = batch.writeDoubleLE(session, at);
    at = batch.writeDoubleLE(sequence, at);
    at = batch.writeDoubleLE(answeredThrough, at);
    written++;
  };
  for (const run of runs) {
    const terms = boundTerms(run);
    if (terms !== undefined) isInSession = true;
    if (count > 0 && continuesTerms(open, count, terms)) {
      count += run.count;
      continue;
    }
    if (count > 0) seal();
    open = terms;
    count = run.count;
  }
  if (!isInSession) return end;
  seal();
  at = batch.writeUInt32LE(bounds.sessionsMax, at);
  at = batch.writeUInt32LE(bounds.answerKibMax, at);
  at = batch.writeUInt32LE(bounds.idleSeconds, at);
  return batch.writeUInt32LE(written, at);
}

/** The runs of a batch, one after the other: nothing is allocated for any of them. */
export class SessionRuns implements SessionTerms {
  /** Of the run it stands at. */
  count = 0;
  session = 0;
  sequence = 0;
  answeredThrough = 0;
  readonly bounds: { sessionsMax: number; answerKibMax: number; idleSeconds: number } = {
    sessionsMax: 0,
    answerKibMax: 0,
    idleSeconds: 0,
  };
  private view: DataView = new DataView(new ArrayBuffer(0));
  private at = 0;

  /**
   * Stands in front of the first run of a batch of `count` commands.
   * @returns where its commands end
   * @throws ERR_INDELIBLE_STORE_CORRUPT for bytes that no replica of this version proposes
   */
  begin(bytes: Uint8Array, count: number): number {
    const boundsAt = bytes.length - BOUNDS_BYTES;
    if (boundsAt < BATCH_HEADER_BYTES) throw malformed('a batch of sessions has no runs');
    const runs = readWord(bytes, boundsAt + 12);
    if (runs > (boundsAt - BATCH_HEADER_BYTES) / RUN_BYTES) {
      throw malformed(`a batch of ${bytes.length} bytes cannot hold ${runs} runs`);
    }
    const { bounds } = this;
    bounds.sessionsMax = readWord(bytes, boundsAt);
    bounds.answerKibMax = readWord(bytes, boundsAt + 4);
    bounds.idleSeconds = readWord(bytes, boundsAt + 8);
    if (!areBounds(bounds)) throw malformed('a batch has bounds of sessions that no replica has');
    const end = boundsAt - runs * RUN_BYTES;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = end;
    let commands = 0;
    for (let i = 0; i < runs; i++) {
      this.next();
      commands += this.count;
      if (this.count === 0 || !areTerms(this, this.count)) {
        throw malformed('a run of a batch has terms that no session has');
      }
    }
    if (commands !== count) throw malformed(`runs of ${commands} commands, in a batch of ${count}`);
    this.at = end;
    this.count = 0;
    return end;
  }

  /** Goes on to the next run; there is one while commands are left. */
  next(): void {
    const { view, at } = this;
    this.count = view.getUint32(at, true);
    this.session = view.getFloat64(at + 8, true);
    this.sequence = view.getFloat64(at + 16, true);
    this.answeredThrough = view.getFloat64(at + 24, true);
    this.at = at + RUN_BYTES;
  }
}

/** Whether a replica may be opened with these bounds. */
export function areBounds({ sessionsMax, answerKibMax, idleSeconds }: SessionBounds): boolean {
  const isWithin = (value: number, max: number): boolean =>
    Number.isInteger(value) && value >= 1 && value <= max;
  return (
    isWithin(sessionsMax, SESSIONS_MAX) &&
    isWithin(answerKibMax, ANSWER_KIB_MAX) &&
    isWithin(idleSeconds, 2 ** 32 - 1)
  );
}
