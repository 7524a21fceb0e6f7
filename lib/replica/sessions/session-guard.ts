/**
 * Says of each command of a batch what its session makes of it, and keeps what it answers (contract 18).
 *
 * | the command is                           | step      | its requester hears                            |
 * |------------------------------------------|-----------|------------------------------------------------|
 * | of no session, or the next one of its    | `execute` | what the state machine answers                 |
 * | one that opens a session                 | `open`    | the session's number, as f64                   |
 * | executed before, its answer kept         | `repeat`  | that answer                                    |
 * | skipped before                           | `refuse`  | *skipped*                                      |
 * | executed before, its answer not kept     | `refuse`  | *answered before*                              |
 * | beyond the next one of its session       | `refuse`  | *out of order*: this copy is not executed      |
 * | of a session that is forgotten           | `refuse`  | *session gone*: this copy is not executed      |
 */
import { readWord } from '../batch.js';
import type { ResultBuffer } from '../cursor.js';
import { RESULTS_BYTES_MAX } from '../cursor.js';
import { Outcome } from '../service.js';
import { endOfAnswer, NO_ANSWER } from './kept-answers.js';
import { SessionRuns } from './session-runs.js';
import type { SessionEntry, SessionTable } from './session-table.js';
import { SESSION_NEW } from './session-terms.js';

/** What is to be done with a command. */
export const Step = { execute: 0, open: 1, repeat: 2, refuse: 3 } as const;
export type Step = (typeof Step)[keyof typeof Step];

export class SessionGuard {
  readonly table: SessionTable;
  /** Commands, since open, that had the answer of an earlier copy, and that were refused. */
  repeated = 0;
  refused = 0;
  /** Why a command is refused, behind `refuse`. */
  refusal: Exclude<Outcome, typeof Outcome.done> = Outcome.sessionGone;
  private readonly runs = new SessionRuns();
  private timeMs = 0;
  /** Commands of the run that are still to come, and the number of the next one. */
  private left = 0;
  private sequence = 0;
  private entry: SessionEntry | undefined;
  /** Where the answer to the next command is kept, if it was executed before; −1: it is not. */
  private keptAt = -1;
  /** Answers of the run that are not kept yet begin there, in the buffer of results. */
  private answersAt = 0;
  private answers = 0;

  constructor(table: SessionTable) {
    this.table = table;
  }

  /**
   * A batch of version 3 begins. @returns where its commands end
   * @throws ERR_INDELIBLE_STORE_CORRUPT for bytes that no replica of this version proposes
   */
  begin(bytes: Uint8Array, count: number, timeMs: number): number {
    this.left = 0;
    this.answers = 0;
    this.timeMs = timeMs;
    return this.runs.begin(bytes, count);
  }

  /** The batch is executed. */
  end(): void {
    this.table.settle(this.timeMs, this.runs.bounds);
  }

  /** What is to be done with the next command of the batch. */
  next(): Step {
    const { runs } = this;
    if (this.left === 0) this.beginRun();
    this.left--;
    if (runs.session === 0) return Step.execute;
    if (runs.session === SESSION_NEW) return Step.open;
    const { entry, sequence } = this;
    this.sequence++;
    if (entry === undefined) return this.refuse(Outcome.sessionGone);
    if (sequence > entry.last + this.answers) {
      return sequence === entry.last + this.answers + 1 ? Step.execute : this.refuse(Outcome.outOfOrder);
    }
    return this.before(entry, sequence);
  }

  /** Whether the command at hand belongs to a session: what it answers is kept. */
  get keeps(): boolean {
    return this.runs.session !== 0 && this.runs.session !== SESSION_NEW;
  }

  /** The result of the command at hand is about to be opened in `results`. */
  opening(results: ResultBuffer): void {
    if (this.answers === 0) this.answersAt = results.end;
  }

  /** It is closed: the command is executed. */
  sealed(results: ResultBuffer): void {
    if (!this.keeps) return;
    this.answers++;
    if (this.left === 0 || results.end >= RESULTS_BYTES_MAX) this.keep(results);
  }

  /** The command at hand is not executed but skipped, for good. */
  skipped(results: ResultBuffer): void {
    if (!this.keeps) return;
    this.keep(results);
    this.table.keepSkipped(this.entry!, this.runs.bounds);
  }

  /** Writes what the command at hand is answered, which the state machine does not execute. */
  answer(step: typeof Step.open | typeof Step.repeat, results: ResultBuffer): void {
    results.open();
    if (step === Step.open) {
      const session = this.table.open(this.runs.answeredThrough, this.timeMs);
      const at = results.reserve(8);
      results.buffer.writeDoubleLE(session, at);
    } else {
      const { bytes } = this.entry!.answers;
      const end = endOfAnswer(bytes, this.keptAt);
      results.write(bytes, this.keptAt + 4, end);
      this.repeated++;
      this.keptAt = end;
    }
    results.seal();
  }

  private beginRun(): void {
    const { runs, table } = this;
    runs.next();
    this.left = runs.count;
    this.sequence = runs.sequence;
    this.entry = this.keeps ? table.use(runs.session, runs.answeredThrough, this.timeMs) : undefined;
    this.keptAt = this.entry?.answers.find(runs.sequence) ?? -1;
  }

  private before({ answers }: SessionEntry, sequence: number): Step {
    if (sequence < answers.firstSequence) return this.refuse(Outcome.answeredBefore);
    // The first that is kept may come behind some that are not.
    if (this.keptAt < 0) this.keptAt = answers.find(sequence);
    if (readWord(answers.bytes, this.keptAt) !== NO_ANSWER) return Step.repeat;
    this.keptAt = endOfAnswer(answers.bytes, this.keptAt);
    return this.refuse(Outcome.skipped);
  }

  private refuse(outcome: Exclude<Outcome, typeof Outcome.done>): Step {
    this.refusal = outcome;
    this.refused++;
    return Step.refuse;
  }

  private keep(results: ResultBuffer): void {
    if (this.answers === 0) return;
    const { table, entry, runs, answers } = this;
    this.answers = 0;
    table.keep(entry!, results.buffer, this.answersAt, results.end, answers, runs.bounds);
  }
}
