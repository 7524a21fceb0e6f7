/** Batches with sessions, and a machine that counts: what tests of sessions share. */
import { BATCH_HEADER_BYTES, SESSIONS_VERSION, writeBatchHeader } from '../../../lib/replica/batch.js';
import { NOBODY, type RequestRun } from '../../../lib/replica/runs.js';
import { Outcome, type Requester } from '../../../lib/replica/service.js';
import { sessionBytesMax, writeSessionRuns } from '../../../lib/replica/sessions/session-runs.js';
import {
  SESSION_NEW,
  type SessionBounds,
  type SessionTerms,
} from '../../../lib/replica/sessions/session-terms.js';
import type { CommandView, ResultWriter, StateMachine } from '../../../lib/replica/state-machine.js';
import { type Ballot, type Batch, BatchKind, type Digest } from '../../../lib/types.js';

export const BOUNDS: SessionBounds = { sessionsMax: 8, answerKibMax: 16, idleSeconds: 60 };
export const OPEN: SessionTerms = { session: SESSION_NEW, sequence: 0, answeredThrough: 0 };

/** Commands of one run; without terms they belong to no session. */
export interface TestRun {
  readonly texts: readonly string[];
  readonly terms?: SessionTerms;
  readonly requester?: Requester;
}

export const termsOf = (session: number, sequence: number, answeredThrough = 0): SessionTerms => ({
  session,
  sequence,
  answeredThrough,
});

let batches = 0;

/** The bytes of a batch of these runs, and its runs. */
export function batchOf(
  runs: readonly TestRun[],
  timeMs = 1,
  bounds: SessionBounds = BOUNDS,
): { readonly batch: Batch; readonly runs: readonly RequestRun[] } {
  const texts = runs.flatMap((run) => run.texts);
  const body = texts.flatMap((text) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(Buffer.byteLength(text));
    return [length, Buffer.from(text)];
  });
  const commands = Buffer.concat([Buffer.alloc(BATCH_HEADER_BYTES), ...body]);
  const all = Buffer.concat([commands, Buffer.alloc(sessionBytesMax(runs.length))]);
  let first = 0;
  const asked = runs.map(({ texts: each, terms, requester = NOBODY }) => {
    const run = { requester, first, count: each.length, deadlineMs: Number.POSITIVE_INFINITY, terms };
    first += each.length;
    return run;
  });
  const bytes = all.subarray(0, writeSessionRuns(all, commands.length, asked, bounds));
  batches++;
  const stamp = { count: texts.length, timeMs, ballot: 65537 as Ballot, sequence: batches };
  writeBatchHeader(bytes, stamp, bytes.length === commands.length ? 1 : SESSIONS_VERSION);
  return { batch: { kind: BatchKind.commands, digest: batches as Digest, bytes }, runs: asked };
}

/** Answers each command with how many it has executed, itself included. */
export class Counting implements StateMachine {
  readonly executed: string[] = [];
  /** What an answer is made as long as. */
  answerBytes = 0;
  execute(command: CommandView, result: ResultWriter): void {
    const text = command.text();
    if (text === 'throw') throw new Error('on purpose');
    this.executed.push(text);
    result.writeText(`${this.executed.length}`.padEnd(this.answerBytes));
  }
  query(): boolean {
    return true;
  }
  checkpoint(): Iterable<Uint8Array> {
    return [Buffer.from(this.executed.join())];
  }
  restore(chunks: Iterable<Uint8Array>): void {
    const text = Buffer.concat([...chunks]).toString();
    this.executed.splice(0, this.executed.length, ...(text === '' ? [] : text.split(',')));
  }
  digest(): string {
    return this.executed.join();
  }
}

/** Remembers what it hears: an answer, or what became of the request instead. */
export class Listening implements Requester {
  readonly heard: (string | Outcome)[] = [];
  outcome(
    _first: number,
    count: number,
    outcome: Outcome,
    results: Uint8Array,
    start: number,
    _end: number,
  ): void {
    const bytes = Buffer.from(results.buffer, results.byteOffset, results.length);
    let at = start;
    for (let i = 0; i < count; i++) {
      if (outcome !== Outcome.done) {
        this.heard.push(outcome);
        continue;
      }
      const length = bytes.readUInt32LE(at);
      this.heard.push(bytes.toString('latin1', at + 4, at + 4 + length).trim());
      at += 4 + length;
    }
  }
  drain(): void {}
}
